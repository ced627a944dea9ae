// The program `vlp`: parses the command line without LibTorch, so that --help and --version answer at once, and opens
// libvlp_torch.so, which lies beside it, for commands that need tensors.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <CLI/CLI.hpp>
#include <dlfcn.h>
#include <fmt/format.h>

#include "command.hpp"
#include "main_commands.hpp"
#include "main_options.hpp"
#include "vlp/core/error.hpp"

namespace {

namespace fs = std::filesystem;
using vlp::Command;

fs::path program_folder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path(".") : program.parent_path();
}

/// Opens the library beside the program that carries out this command, and has it done.
/// @param scope  RTLD_GLOBAL for a library whose symbols plugins need, else RTLD_LOCAL
int open_part(const Command& command, const std::string& library_name, const char* symbol, int scope) {
  const fs::path library = program_folder() / library_name;
  void* handle = dlopen(library.c_str(), RTLD_NOW | scope);
  if (!handle) {
    fmt::print(stderr, "{}: can't be opened: {}. Build it with ./dev build.\n", library.string(), dlerror());
    return 1;
  }
  const auto entry = reinterpret_cast<decltype(&vlp_torch_command)>(dlsym(handle, symbol));
  if (!entry) {
    fmt::print(stderr, "{}: belongs to another version of vlp (no symbol {}). Build both with ./dev build.\n", library.string(), symbol);
    return 1;
  }
  return entry(command);
}

int open_torch_part(Command& command) {
  const char* share = std::getenv("VLP_SHARE_DIR");
  command.share_dir = share ? fs::path(share) : program_folder() / "share";
  // OpenMP threads that wait a little and then sleep: spinning for long, as is the default, starves the loader's threads
  // and every other program on a small machine.
  setenv("GOMP_SPINCOUNT", "50000", /*overwrite=*/0);
  return open_part(command, "libvlp_torch.so", "vlp_torch_command", RTLD_GLOBAL);
}

int open_hub_part(const Command& command) { return open_part(command, "libvlp_hub.so", "vlp_hub_command", RTLD_LOCAL); }

/// A command that needs no tensor.
int carry_out_here(int (*run)(const Command&), const Command& command) {
  try {
    return run(command);
  } catch (const vlp::Error& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    fmt::print(stderr, "unexpected error: {}\n", error.what());
    return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("vlp trains, evaluates and runs vision-language models from recipes.", "vlp");
  app.set_version_flag("--version", "vlp " VLP_VERSION);
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "this help");
  app.footer(
      "Exit codes: 0 ok, 1 unexpected, 2 recipe or usage, 3 plugin, 4 data, 5 weights, 6 non-finite loss,\n"
      "7 a comparison differs.\n"
      "`vlp COMMAND --help` lists a command's options. Recipes lie in recipes/.");
  Command command;

  vlp::add_commands(app, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const CLI::App& chosen = *app.get_subcommands().front();
  const std::string name = chosen.get_name();
  if (name == "help" && command.subject.empty()) {
    fmt::print("{}", app.help());
    return 0;
  }
  if (name == "check" && chosen.count("--device") == 0) command.device.clear();
  if (name == "download") return open_hub_part(command);
  if (name == "tokenize") return carry_out_here(vlp::tokenize_command, command);
  if (name == "score") return carry_out_here(vlp::score_command, command);
  if (name == "trace" && !command.compare.empty()) return carry_out_here(vlp::compare_command, command);
  command.verb = name == "run"     ? Command::Verb::run
                 : name == "check" ? Command::Verb::check
                 : name == "list"  ? Command::Verb::list
                 : name == "help"  ? Command::Verb::help
                 : name == "match" ? Command::Verb::match
                 : name == "trace" ? Command::Verb::trace
                                   : Command::Verb::caption;
  return open_torch_part(command);
}
