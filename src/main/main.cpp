// The program `vlp`: parses the command line without LibTorch, so that --help and --version answer
// at once, and opens libvlp_torch.so for commands that need tensors.

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <dlfcn.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "src/main/commands.hpp"
#include "src/shared/failure.hpp"

namespace {

namespace fs = std::filesystem;

/// The place of something that ships with the program: beside it where it was built, in a folder of
/// the same tree where it was installed.
fs::path shipped(const fs::path& beside, const fs::path& installed) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path folder = error ? fs::path(".") : program.parent_path();
  return fs::exists(folder / beside, error) ? folder / beside : folder.parent_path() / installed;
}

constexpr const char* kTorchPart = "libvlp_torch.so";

/// Opens a library beside the program and finds a function in it.
/// @param scope    RTLD_GLOBAL for a library whose symbols plugins need, else RTLD_LOCAL
/// @param problem  gets what is wrong where null is returned
template <class Entry>
Entry entry_in(const std::string& library_name, const char* symbol, int scope,
               std::string& problem) {
  const fs::path library = shipped(library_name, fs::path("lib") / library_name);
  void* handle = dlopen(library.c_str(), RTLD_NOW | scope);
  if (!handle) {
    problem = fmt::format("{}: can't be opened: {}. Build it with ./dev build.", library.string(),
                          dlerror());
    return nullptr;
  }
  const auto entry = reinterpret_cast<Entry>(dlsym(handle, symbol));
  if (!entry)
    problem = fmt::format(
        "{}: belongs to another version of vlp (no symbol {}). Build both with ./dev build.",
        library.string(), symbol);
  return entry;
}

/// Has a library beside the program carry out this command.
template <class Entry, class Command>
int carry_out_in(const std::string& library_name, const char* symbol, int scope,
                 const Command& command) {
  std::string problem;
  const auto entry = entry_in<Entry>(library_name, symbol, scope, problem);
  if (entry) return entry(command);
  fmt::print(stderr, "{}\n", problem);
  return 1;
}

/// The folder with what ships and is no program: vocabularies, recipes.
fs::path share_folder() {
  const char* share = std::getenv("VLP_SHARE_DIR");
  return share ? fs::path(share) : shipped("share", "share/vlp");
}

int carry_out_in_torch_part(vlp::TorchCommand command) {
  std::visit(
      [folder = share_folder()](auto& chosen) {
        if constexpr (requires { chosen.machine; }) chosen.machine.share_dir = folder;
        if constexpr (requires { chosen.share_dir; }) chosen.share_dir = folder;
      },
      command);
  // OpenMP threads that wait a little and then sleep: spinning for long, as is the default, starves
  // the loader's threads and every other program on a small machine.
  setenv("GOMP_SPINCOUNT", "50000", /*overwrite=*/0);
  return carry_out_in<decltype(&vlp_torch_command)>(kTorchPart, "vlp_torch_command", RTLD_GLOBAL,
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
  const auto add = entry_in<decltype(&vlp_torch_add_plugins)>(kTorchPart, "vlp_torch_add_plugins",
                                                              RTLD_GLOBAL, problem);
  if (!add) throw PluginError(problem);
  add(registry, files);
}

int main(int argc, char** argv) {
  CLI::App app("vlp trains, evaluates and runs vision-language models from recipes.", "vlp");
  app.set_version_flag("--version", "vlp " VLP_VERSION);
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "this help");
  app.footer(
      "Exit codes: 0 ok, 1 unexpected, 2 recipe or usage, 3 plugin, 4 data, 5 weights, 6 "
      "non-finite loss,\n"
      "7 a comparison differs.\n"
      "`vlp COMMAND --help` lists a command's options. Recipes lie in recipes/.");
  vlp::Commands commands;
  vlp::add_commands(app, commands);
  std::vector<std::string> arguments =
      vlp::with_repeated_flags(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  std::ranges::reverse(arguments);  // the parser takes them from the end
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const std::string name = app.get_subcommands().front()->get_name();
  if (name == "help" && std::get<vlp::HelpCommand>(commands).name.empty()) {
    fmt::print("{}", app.help());
    return 0;
  }
  if (name == "download")
    return carry_out_in<decltype(&vlp_hub_command)>("libvlp_hub.so", "vlp_hub_command", RTLD_LOCAL,
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
