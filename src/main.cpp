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

void add_machine_options(CLI::App& app, Command& command) {
  app.add_option("--device", command.device, "auto, cpu, cuda or cuda:N")->capture_default_str()->type_name("D");
  app.add_option("--threads", command.threads, "CPU threads; 0 = all cores")->check(CLI::Range(0, 1024))->type_name("N");
}

void add_download_options(CLI::App& app, Command& command) {
  app.add_option("name", command.subject, "ORG/NAME or ORG/NAME@REVISION, e.g. Salesforce/blip-image-captioning-base")
      ->required()
      ->type_name("NAME");
  app.add_option("--revision", command.revision, "branch, tag, pull request (refs/pr/N) or commit; default: main")->type_name("R");
  app.footer(
      "Prints the folder with the model's files. What is there is not fetched again, what was interrupted goes on.\n"
      "Reads HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE as transformers does.");
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

/// What caption's images are.
void add_caption_inputs(CLI::App& app, Command& command) {
  auto* images = app.add_option("images", command.images, "images, or folders of .jpg and .png files")->type_name("IMAGE|FOLDER");
  auto* lists = app.add_option("--list", command.image_lists, "a text file with one image a line; - = standard input")
                    ->type_name("FILE")
                    ->allow_extra_args(false);
  auto* pixels = app.add_option("--pixel-values", command.pixel_values, "preprocessed images: tensor pixel_values [B, 3, H, W], float32")
                     ->type_name("FILE.safetensors");
  app.callback([images, lists, pixels] {
    if (!*images && !*lists && !*pixels) throw CLI::ValidationError("caption", "name images, folders, a --list or --pixel-values");
  });
  app.add_option("--preprocess", command.preprocess,
                 "whose preprocessing: torchvision (transparency over white) or pil (transparency dropped, Pillow's rounding)")
      ->check(CLI::IsMember({"torchvision", "pil"}));
}

/// How caption searches.
void add_generation_options(CLI::App& app, Command& command) {
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
  app.add_option("--length-rule", command.length_rule, "whose beam search: transformers 5, or the original's (transformers 4.15)")
      ->check(CLI::IsMember({"transformers", "original"}));
  app.add_option("--repetition-penalty", command.repetition_penalty, "above 1 makes tokens that are there already less likely")
      ->check(CLI::PositiveNumber)
      ->type_name("X");
  app.add_option("--num-captions", command.num_captions, "captions an image, best first; at most the beams, unless sampled")
      ->check(CLI::Range(1, 64))
      ->type_name("K");
  app.add_flag("--sample", command.sample, "draws tokens at random (--sample=false: not, whatever the model says)");
  app.add_option("--top-p", command.top_p, "draws among the fewest tokens with this much probability; 1 = all")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("X");
  app.add_option("--top-k", command.top_k, "draws among the N most probable tokens; 0 = all (default: 50)")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  app.add_option("--temperature", command.temperature, "divides the logits before drawing")->check(CLI::PositiveNumber)->type_name("X");
  app.add_option("--seed", command.seed, "of the draws")->check(CLI::NonNegativeNumber)->type_name("N");
}

void add_caption_options(CLI::App& app, Command& command) {
  app.add_option("--model", command.model, "a folder, a run folder, a file with weights, or a hub name")->required()->type_name("M");
  add_caption_inputs(app, command);
  add_generation_options(app, command);
  auto* prompt = app.add_option("--prompt", command.prompt, "how the captions begin")->type_name("TEXT");
  app.add_option("--prompt-ids", command.prompt_ids, "the same as ids, [DEC] first")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("ID,ID,...")
      ->excludes(prompt);
  app.add_option("--clean-up", command.clean_up, "old: no blanks around apostrophes, as transformers 4 wrote texts")
      ->check(CLI::IsMember({"none", "old"}));
  app.add_option("--precision", command.precision, "number format")
      ->check(CLI::IsMember({"fp32", "bf16", "fp16", "int8"}))
      ->capture_default_str();
  app.add_option("--batch", command.batch_size, "images a batch")->check(CLI::Range(1, 65536))->capture_default_str()->type_name("N");
  app.add_option_function<std::string>(
         "--format", [&command](const std::string& format) { command.json = format == "json"; }, "text, or one JSON line an image")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--plugin", command.plugins, "adds the components of a plugin")->type_name("FILE.so")->allow_extra_args(false);
}

void add_trace_options(CLI::App& app, Command& command) {
  auto* model = app.add_option("--model", command.model, "a folder, a run folder, a file or a hub name")->type_name("M");
  auto* inputs = app.add_option("--inputs", command.inputs, "pixel_values, input_ids, attention_mask, labels, ... as safetensors")
                     ->type_name("IN.safetensors");
  auto* images = app.add_option("--images", command.images, "images instead: only the image part is traced")->type_name("FILE");
  auto* out = app.add_option("--out", command.out, "where the trace goes")->type_name("OUT.safetensors");
  app.add_option("--dtype", command.dtype, "number format of weights and inputs")
      ->check(CLI::IsMember({"float32", "float64"}))
      ->capture_default_str();
  auto* steps = app.add_option("--steps", command.steps, "also updates the weights N times on this batch (AdamW)")
                    ->check(CLI::Range(1, 100'000))
                    ->type_name("N");
  for (auto* option : {app.add_option("--lr", command.lr, "learning rate of the updates")->check(CLI::PositiveNumber),
                       app.add_option("--weight-decay", command.weight_decay, "weight decay of the updates, on every parameter")
                           ->check(CLI::NonNegativeNumber)})
    option->capture_default_str()->type_name("X")->needs(steps);
  auto* compare = app.add_option("--compare", command.compare, "compares two traces, or a trace with a stored reference, tensor by tensor")
                      ->expected(2)
                      ->type_name("A B");
  app.add_option("--tolerance", command.tolerance, "largest absolute difference that counts as none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->type_name("X")
      ->needs(compare);
  inputs->excludes(images);
  steps->excludes(images);
  for (auto* option : {model, inputs, images, out, steps}) compare->excludes(option);
  app.callback([compare, model, inputs, images, out] {
    if (*compare) return;
    if (!*model || !*out) throw CLI::ValidationError("trace", "needs --model and --out, or --compare A B");
    if (!*inputs && !*images) throw CLI::ValidationError("trace", "needs --inputs or --images");
  });
  app.add_option("--plugin", command.plugins, "adds the components of a plugin")->type_name("FILE.so")->allow_extra_args(false);
}

void add_tokenize_options(CLI::App& app, Command& command) {
  auto* source = app.add_option_group("vocabulary", "one of");
  source->add_option("--model", command.model, "a folder, a run folder or a hub name")->type_name("M");
  source->add_option("--vocabulary", command.vocabulary, "BERT's vocab.txt, one token a line")->type_name("FILE");
  source->require_option(1);
  app.add_flag("--decode", command.decode, "from ids, a JSON list a line, to texts; special tokens are skipped");
  app.add_flag("--json-lines", command.json_lines, "a text is a JSON string, so that it can hold line ends");
}

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

  CLI::App* download = app.add_subcommand("download", "brings a model from the Hugging Face hub into the cache that transformers uses");
  add_download_options(*download, command);

  CLI::App* trace = app.add_subcommand("trace", "writes a model's states, logits, losses and gradients, or compares two such files");
  add_trace_options(*trace, command);
  add_machine_options(*trace, command);

  CLI::App* tokenize = app.add_subcommand("tokenize", "turns texts into ids, or ids into texts, a line each, from stdin to stdout");
  add_tokenize_options(*tokenize, command);

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
                 : trace->parsed() ? Command::Verb::trace
                                   : Command::Verb::caption;
  if (download->parsed()) return open_hub_part(command);
  if (tokenize->parsed()) return carry_out_here(vlp::tokenize_command, command);
  if (trace->parsed() && !command.compare.empty()) return carry_out_here(vlp::compare_command, command);
  return open_torch_part(command);
}
