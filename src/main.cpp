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

namespace {

namespace fs = std::filesystem;
using vlp::Command;

fs::path program_folder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path(".") : program.parent_path();
}

int open_torch_part(Command& command) {
  const fs::path folder = program_folder();
  const char* share = std::getenv("VLP_SHARE_DIR");
  command.share_dir = share ? fs::path(share) : folder / "share";
  // OpenMP threads that wait a little and then sleep: spinning for long, as is the default, starves the loader's threads
  // and every other program on a small machine.
  setenv("GOMP_SPINCOUNT", "50000", /*overwrite=*/0);
  const fs::path library = folder / "libvlp_torch.so";
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (!handle) {
    fmt::print(stderr, "{}: can't be opened: {}. Build it with ./dev build.\n", library.string(), dlerror());
    return 1;
  }
  const auto entry = reinterpret_cast<decltype(&vlp_torch_command)>(dlsym(handle, "vlp_torch_command"));
  if (!entry) {
    fmt::print(stderr, "{}: belongs to another version of vlp (no symbol vlp_torch_command). Build both with ./dev build.\n",
               library.string());
    return 1;
  }
  return entry(command);
}

void add_machine_options(CLI::App& app, Command& command) {
  app.add_option("--device", command.device, "auto, cpu, cuda or cuda:N")->capture_default_str()->type_name("D");
  app.add_option("--threads", command.threads, "CPU threads; 0 = all cores")->check(CLI::Range(0, 1024))->type_name("N");
}

void add_recipe_options(CLI::App& app, Command& command) {
  app.add_option("recipe", command.subject, "recipe file (TOML)")->required()->type_name("RECIPE");
  app.add_option("--data-dir", command.data_dir, "where relative paths in [dataset] start (default: the current folder)")->type_name("DIR");
  app.add_option("--seed", command.seed, "instead of the recipe's run.seed")->check(CLI::NonNegativeNumber)->type_name("N");
  app.add_option("--set", command.sets, "changes one value, e.g. --set train.lr=1e-4, --set loss.lm.weight=0.5")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--plugin", command.plugins, "adds the components of a plugin")->type_name("FILE.so")->allow_extra_args(false);
}

void add_caption_options(CLI::App& app, Command& command) {
  app.add_option("images", command.images, "images, or folders of images")->type_name("IMAGE|FOLDER");
  app.add_option("--list", command.image_list, "a text file with one image a line")->type_name("FILE");
  app.add_option("--model", command.model, "the folder of a run")->required()->type_name("M");
  app.add_option("--beams", command.beams, "beams an image; 1 = greedy")->check(CLI::Range(1, 64))->type_name("N");
  auto* length = app.add_option("--max-length", command.max_length, "longest caption, tokens, [DEC] and prompt included")
                     ->check(CLI::Range(2, 4096))
                     ->type_name("N");
  app.add_option("--max-new-tokens", command.max_new_tokens, "longest caption, generated tokens only")
      ->check(CLI::Range(1, 4096))
      ->type_name("N")
      ->excludes(length);
  app.add_option("--min-length", command.min_length, "shortest caption, [DEC] and prompt included")
      ->check(CLI::Range(0, 4096))
      ->type_name("N");
  app.add_option("--length-penalty", command.length_penalty, "exponent of the length in a beam's score")->type_name("X");
  app.add_option("--early-stopping", command.early_stopping, "when a beam search may stop")
      ->check(CLI::IsMember({"true", "false", "never"}));
  app.add_option("--repetition-penalty", command.repetition_penalty, "above 1 makes tokens that are there already less likely")
      ->check(CLI::PositiveNumber)
      ->type_name("X");
  app.add_option("--num-captions", command.num_captions, "captions an image, best first; at most the beams")
      ->check(CLI::Range(1, 64))
      ->type_name("K");
  app.add_option("--prompt", command.prompt, "how the captions begin")->type_name("TEXT");
  app.add_option("--precision", command.precision, "number format")->check(CLI::IsMember({"fp32", "bf16", "fp16"}))->capture_default_str();
  app.add_option("--batch", command.batch_size, "images a batch")->check(CLI::Range(1, 65536))->capture_default_str()->type_name("N");
  app.add_option_function<std::string>(
         "--format", [&command](const std::string& format) { command.json = format == "json"; }, "text, or one JSON line an image")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--plugin", command.plugins, "adds the components of a plugin")->type_name("FILE.so")->allow_extra_args(false);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("vlp trains, evaluates and runs vision-language models from recipes.", "vlp");
  app.set_version_flag("--version", "vlp " VLP_VERSION);
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "this help");
  app.footer(
      "Exit codes: 0 ok, 1 unexpected, 2 recipe or usage, 3 plugin, 4 data, 5 weights, 6 non-finite loss.\n"
      "`vlp COMMAND --help` lists a command's options. Recipes lie in recipes/.");
  Command command;

  CLI::App* run = app.add_subcommand("run", "trains or evaluates as a recipe says");
  add_recipe_options(*run, command);
  add_machine_options(*run, command);
  run->add_option("--out", command.out, "the run folder itself (default: runs/NAME-TIME)")->type_name("DIR");

  CLI::App* check = app.add_subcommand("check", "reads a recipe, shows all its mistakes, runs nothing");
  add_recipe_options(*check, command);
  check->add_option("--device", command.device, "also checks what depends on the device: cpu, cuda or cuda:N")->type_name("D");

  CLI::App* list = app.add_subcommand("list", "lists the components that recipes can name");
  list->add_option("kind", command.subject, "only this kind, e.g. loss")->type_name("KIND");
  list->add_option("--plugin", command.plugins, "adds the components of a plugin")->type_name("FILE.so")->allow_extra_args(false);

  CLI::App* help = app.add_subcommand("help", "explains a component, or a table of a recipe, with all its options");
  help->add_option("name", command.subject, "e.g. vit, lm, train")->type_name("NAME");
  help->add_option("--plugin", command.plugins, "adds the components of a plugin")->type_name("FILE.so")->allow_extra_args(false);

  CLI::App* caption = app.add_subcommand("caption", "writes captions for images");
  add_caption_options(*caption, command);
  add_machine_options(*caption, command);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (help->parsed() && command.subject.empty()) {
    fmt::print("{}", app.help());
    return 0;
  }
  if (check->parsed() && check->count("--device") == 0) command.device.clear();
  command.verb = run->parsed()     ? Command::Verb::run
                 : check->parsed() ? Command::Verb::check
                 : list->parsed()  ? Command::Verb::list
                 : help->parsed()  ? Command::Verb::help
                                   : Command::Verb::caption;
  return open_torch_part(command);
}
