// The program `vlp`: parses the command line without LibTorch, so that --help and --version answer
// at once, and opens libvlp_torch.so for commands that need tensors.

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <dlfcn.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "src/main/commands.hpp"
#include "src/main/libraries.hpp"
#include "src/main/mistyped.hpp"
#include "src/shared/failure.hpp"

namespace {

namespace fs = std::filesystem;

/// Finds a function in a part of the program.
/// @param open     opens that part, or says what is wrong
/// @param problem  gets what is wrong where null is returned
template <class Entry>
Entry entry_in(void* (*open)(std::string&), const char* symbol, std::string& problem) {
  void* handle = open(problem);
  if (!handle) return nullptr;
  const auto entry = reinterpret_cast<Entry>(dlsym(handle, symbol));
  if (!entry)
    problem = fmt::format(
        "a part of the program belongs to another version of vlp (no symbol {}). Build both with "
        "./dev build, or unpack the whole package anew.",
        symbol);
  return entry;
}

/// Has a part of the program carry out this command.
template <class Entry, class Command>
int carry_out_in(void* (*open)(std::string&), const char* symbol, const Command& command) {
  std::string problem;
  const auto entry = entry_in<Entry>(open, symbol, problem);
  if (entry) return entry(command);
  fmt::print(stderr, "{}\n", problem);
  return 1;
}

/// The folder with what ships and is no program: vocabularies, recipes.
fs::path share_folder() {
  const char* share = std::getenv("VLP_SHARE_DIR");
  return share ? fs::path(share) : vlp::shipped("share", "share/vlp");
}

int carry_out_in_torch_part(vlp::TorchCommand command) {
  std::visit(
      [folder = share_folder()](auto& chosen) {
        if constexpr (requires { chosen.machine; }) chosen.machine.share_dir = folder;
        if constexpr (requires { chosen.share_dir; }) chosen.share_dir = folder;
      },
      command);
  // OpenMP threads that wait a little and then sleep: spinning for long, as is the default, starves
  // the loader's threads and every other program. With 1000 the demo trains as fast as with 50,000
  // on two idle cores, and four to five times as fast where one of them is busy.
  setenv("GOMP_SPINCOUNT", "1000", /*overwrite=*/0);
  return carry_out_in<decltype(&vlp_torch_command)>(vlp::open_torch_part, "vlp_torch_command",
                                                    command);
}

/// A command that needs no tensor.
template <class Command>
int carry_out_here(int (*run)(const Command&), const vlp::Commands& commands) {
  try {
    return run(std::get<Command>(commands));
  } catch (const std::exception&) {
    const vlp::Failure failure = vlp::failure_of_exception();
    fmt::print(stderr, "{}\n", failure.text);
    return failure.code;
  }
}

}  // namespace

void vlp::add_plugins(Registry& registry, const Plugins& files) {
  if (files.empty()) return;
  std::string problem;
  const auto add =
      entry_in<decltype(&vlp_torch_add_plugins)>(open_torch_part, "vlp_torch_add_plugins", problem);
  if (!add) throw PluginError(problem);
  add(registry, files);
}

int main(int argc, char** argv) {
  CLI::App app("vlp trains, evaluates and runs vision-language models from recipes.", "vlp");
  app.set_version_flag("--version", "vlp " VLP_VERSION);
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "this help");
  app.footer(
      "Exit codes: 0 ok, 1 unexpected, 2 recipe or usage, 3 plugin, 4 data, 5 weights, 6 not "
      "finite,\n"
      "7 a comparison differs, 8 interrupted with a checkpoint, 9 the disk is full or can't be "
      "written.\n"
      "`vlp COMMAND --help` lists a command's options. Recipes lie in recipes/.");
  vlp::Commands commands;
  vlp::add_commands(app, commands);
  const std::vector<std::string> arguments =
      vlp::with_repeated_flags(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // from its end on
  } catch (const CLI::ParseError& error) {
    const std::string slips =
        error.get_exit_code() == 0 ? std::string() : vlp::mistyped(app, arguments);
    if (slips.empty()) return app.exit(error) == 0 ? 0 : 2;
    fmt::print(stderr, "{}\n", slips);
    return 2;
  }
  const std::string name = app.get_subcommands().front()->get_name();
  if (name == "help" && std::get<vlp::HelpCommand>(commands).name.empty()) {
    fmt::print("{}", app.help());
    return 0;
  }
  if (name == "download")
    return carry_out_in<decltype(&vlp_hub_command)>(vlp::open_hub_part, "vlp_hub_command",
                                                    std::get<vlp::DownloadCommand>(commands));
  if (name == "tokenize") {
    std::get<vlp::TokenizeCommand>(commands).share_dir = share_folder();
    return carry_out_here(vlp::tokenize_command, commands);
  }
  if (name == "score") return carry_out_here(vlp::score_command, commands);
  if (name == "trace" && !std::get<vlp::CompareCommand>(commands).files.empty())
    return carry_out_here(vlp::compare_command, commands);
  if (name == "run") return carry_out_in_torch_part(std::get<vlp::RunCommand>(commands));
  if (name == "check") return carry_out_in_torch_part(std::get<vlp::CheckCommand>(commands));
  if (name == "list") return carry_out_in_torch_part(std::get<vlp::ListCommand>(commands));
  if (name == "help") return carry_out_in_torch_part(std::get<vlp::HelpCommand>(commands));
  if (name == "match") return carry_out_in_torch_part(std::get<vlp::MatchCommand>(commands));
  if (name == "trace") return carry_out_in_torch_part(std::get<vlp::TraceCommand>(commands));
  return carry_out_in_torch_part(std::get<vlp::CaptionCommand>(commands));
}
