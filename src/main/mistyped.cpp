#include "src/main/mistyped.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "vlp/recipe/diagnostics.hpp"

namespace vlp {

namespace {

/// Groups of options are commands without a name.
std::vector<const CLI::App*> with_groups(const CLI::App& command) {
  std::vector<const CLI::App*> all{&command};
  for (const CLI::App* group :
       command.get_subcommands([](const CLI::App* part) { return part->get_name().empty(); }))
    all.push_back(group);
  return all;
}

/// An option by its long name, `--beams`; null = there is none.
const CLI::Option* option_of(const CLI::App& command, const std::string& name) {
  for (const CLI::App* part : with_groups(command))
    for (const CLI::Option* option : part->get_options())
      if (option->check_name(name)) return option;
  return nullptr;
}

std::vector<std::string> long_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* part : with_groups(command))
    for (const CLI::Option* option : part->get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

}  // namespace

std::string mistyped(const CLI::App& app, std::span<const std::string> arguments) {
  if (arguments.empty() || arguments.front().starts_with('-')) return {};
  const std::string& name = arguments.front();
  const std::vector<std::string> names = command_names(app);
  if (std::ranges::find(names, name) == names.end())
    return fmt::format("{}: no such command{}. `vlp --help` lists them.", name,
                       suggestion(name, names));
  const CLI::App& command = *app.get_subcommand(name);
  std::string lines;
  for (std::size_t i = 1; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string flag = arguments[i].substr(0, arguments[i].find('='));
    if (!flag.starts_with("--")) continue;
    if (const CLI::Option* option = option_of(command, flag)) {
      const bool apart = flag.size() == arguments[i].size();
      if (apart && option->get_items_expected_min() > 0)  // whatever its values look like
        i += static_cast<std::size_t>(option->get_items_expected_min());
      continue;
    }
    lines += fmt::format("{}vlp {}: no option {}{}", lines.empty() ? "" : "\n", name, flag,
                         suggestion(flag, long_names(command)));
  }
  if (!lines.empty()) lines += fmt::format("\n`vlp {} --help` lists the options.", name);
  return lines;
}

}  // namespace vlp
