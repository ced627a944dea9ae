// The program `vlp`: parses the command line without LibTorch, so that --help and --version answer
// at once, and opens libvlp_torch.so for commands that need tensors.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <tuple>
#include <variant>

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

/// Opens the library beside the program that carries out this command, and has it done.
/// @param scope  RTLD_GLOBAL for a library whose symbols plugins need, else RTLD_LOCAL
template <class Entry, class Command>
int carry_out_in(const std::string& library_name, const char* symbol, int scope,
                 const Command& command) {
  const fs::path library = shipped(library_name, fs::path("lib") / library_name);
  void* handle = dlopen(library.c_str(), RTLD_NOW | scope);
  if (!handle) {
    fmt::print(stderr, "{}: can't be opened: {}. Build it with ./dev build.\n", library.string(),
               dlerror());
    return 1;
  }
  const auto entry = reinterpret_cast<Entry>(dlsym(handle, symbol));
  if (!entry) {
    fmt::print(
        stderr,
        "{}: belongs to another version of vlp (no symbol {}). Build both with ./dev build.\n",
        library.string(), symbol);
    return 1;
  }
  return entry(command);
}

int carry_out_in_torch_part(vlp::TorchCommand command) {
  const char* share = std::getenv("VLP_SHARE_DIR");
  std::visit(
      [share](auto& chosen) {
        if constexpr (requires { chosen.machine; })
          chosen.machine.share_dir = share ? fs::path(share) : shipped("share", "share/vlp");
      },
      command);
  // OpenMP threads that wait a little and then sleep: spinning for long, as is the default, starves
  // the loader's threads and every other program on a small machine.
  setenv("GOMP_SPINCOUNT", "50000", /*overwrite=*/0);
  return carry_out_in<decltype(&vlp_torch_command)>("libvlp_torch.so", "vlp_torch_command",
                                                    RTLD_GLOBAL, command);
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
  try {
    app.parse(argc, argv);
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
  if (name == "tokenize") return carry_out_here(vlp::tokenize_command, commands);
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
