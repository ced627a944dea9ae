// The command line of each command.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "src/main/commands.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/recipe/read.hpp"

namespace vlp {

namespace {

/// An option with a value of a type that people know by this name.
template <class T>
CLI::Option* add(CLI::App& app, const std::string& name, T& value, const std::string& type,
                 const std::string& meaning) {
  return app.add_option(name, value, meaning)->type_name(type);
}

/// Of whole numbers; CLI11's own check would call its limit by 300 digits.
CLI::Validator not_negative() {
  return CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max())
      .description("NONNEGATIVE");
}

void add_plugin_option(CLI::App& app, Plugins& plugins) {
  add(app, "--plugin", plugins, "FILE.so", "adds the components of a plugin")
      ->allow_extra_args(false);
}

/// Whether an argument behind `--plugin A.so` is one more plugin.
bool names_plugin(std::string_view argument) { return argument.ends_with(".so"); }

/// Whether an argument behind `--set A=1` is one more setting: no file has a name like this.
bool changes_value(std::string_view argument) {
  const std::string_view key = argument.substr(0, argument.find('='));
  return !key.empty() && key.size() < argument.size() &&
         std::ranges::all_of(
             key,
             [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '.';
             });
}

void add_set_option(CLI::App& app, std::vector<std::string>& sets, const std::string& meaning) {
  add(app, "--set", sets, "KEY=VALUE", meaning)->allow_extra_args(false);
}

void add_seed_option(CLI::App& app, std::optional<std::int64_t>& seed, const std::string& meaning) {
  add(app, "--seed", seed, "N", meaning)->check(not_negative());
}

void add_format_option(CLI::App& app, bool& json, const std::string& meaning) {
  app.add_option_function<std::string>(
         "--format", [&json](const std::string& format) { json = format == "json"; }, meaning)
      ->check(CLI::IsMember({"text", "json"}));
}

void add_threads_option(CLI::App& app, std::int64_t& threads) {
  add(app, "--threads", threads, "N", "CPU threads; 0 = all cores")->check(CLI::Range(0, 1024));
}

void add_machine_options(CLI::App& app, MachineArguments& machine) {
  add(app, "--device", machine.device, "D", "auto, cpu, cuda or cuda:N")->capture_default_str();
  add_threads_option(app, machine.threads);
}

void add_download_options(CLI::App& app, DownloadCommand& command) {
  add(app, "name", command.name, "NAME",
      "ORG/NAME or ORG/NAME@REVISION, e.g. Salesforce/blip-image-captioning-base")
      ->required();
  add(app, "--revision", command.revision, "R",
      "branch, tag, pull request (refs/pr/N) or commit; default: main");
  app.footer(
      "Prints the folder with the model's files. What is there is not fetched again, what was "
      "interrupted goes on.\n"
      "Reads HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE as transformers "
      "does.");
}

void add_recipe_options(CLI::App& app, RecipeCommand& command) {
  add(app, "recipe", command.recipe, "RECIPE", "recipe file (TOML)")->required();
  add(app, "--data-dir", command.data_dir, "DIR",
      "where relative paths in [dataset] start (default: the current folder)");
  add_seed_option(app, command.seed, "instead of the recipe's run.seed");
  add_set_option(app, command.sets,
                 "changes one value, e.g. --set optimizer.lr=1e-4, --set loss.lm.weight=0.5");
  add_plugin_option(app, command.plugins);
  app.add_flag("--quick", command.quick,
               "leaves out the dry pass, in which a made-up batch goes through the recipe's parts");
}

void add_run_options(CLI::App& app, RunCommand& command) {
  add_recipe_options(app, command);
  add_machine_options(app, command.machine);
  auto* out =
      add(app, "--out", command.out, "DIR", "the run folder itself (default: runs/NAME-TIME)");
  auto* resume =
      add(app, "--resume", command.resume, "DIR|latest",
          "goes on with the run in DIR, or begins it there; latest: the newest under runs/ of this "
          "recipe. What isn't given, RECIPE too, is as it was")
          ->excludes(out);
  app.add_flag(
         "--allow-changes", command.allow_changes,
         "with --resume: goes on though the recipe has changed, which is then no longer exact")
      ->needs(resume);
  app.get_option("recipe")->required(false);
  app.callback([&app, &command] {
    if (command.recipe.empty() && (command.resume.empty() || command.resume == "latest"))
      throw CLI::ValidationError("run", "name a RECIPE, or a run's folder with --resume DIR");
    command.data_dir_given = !app.get_option("--data-dir")->empty();
    command.device_given = !app.get_option("--device")->empty();
    command.threads_given = !app.get_option("--threads")->empty();
  });
  app.footer(
      "SIGINT, SIGTERM, SIGUSR1 and train.max_time end a run behind the update under way, with a "
      "checkpoint and exit code 8;\na second signal ends it at once. Either way, and after any "
      "crash, --resume goes on to the same numbers.");
}

void add_check_options(CLI::App& app, CheckCommand& command) {
  add_recipe_options(app, command);
  add(app, "--device", command.device, "D",
      "also checks what depends on the device: cpu, cuda or cuda:N");
  app.add_flag("--strict", command.strict, "data that aren't there are an error, exit code 4");
  app.add_flag("--images", command.images,
               "decodes every image of all splits with all cores; lists those that are missing or "
               "broken, exit code 4");
}

void add_list_options(CLI::App& app, ListCommand& command) {
  add(app, "kind", command.kind, "KIND", "only this kind, e.g. loss");
  add_plugin_option(app, command.plugins);
}

void add_help_options(CLI::App& app, HelpCommand& command) {
  add(app, "name", command.name, "NAME", "e.g. vit, lm, train, encoder");
  add_plugin_option(app, command.plugins);
}

CLI::Option* add_orient_flag(CLI::App& app, bool& orient) {
  return app.add_flag("--orient", orient,
                      "turns images upright by their EXIF orientation (default: as the model's "
                      "recipe says; Hugging Face's models read them as stored)");
}

CLI::Option* add_recursive_flag(CLI::App& app, bool& recursive) {
  return app.add_flag("--recursive", recursive, "also the images of folders inside the folders");
}

/// What caption and match begin with.
/// @param name  of the images: an option's, or that of the words without one
void add_image_options(CLI::App& app, ImageCommand& command, const std::string& name) {
  add(app, "--model", command.model, "M",
      "a folder, a run folder, a file with weights, or a hub name")
      ->required();
  auto* images = add(app, name, command.images, "IMAGE|FOLDER",
                     "JPEG, PNG or WebP images, or folders that hold some");
  add_recursive_flag(app, command.recursive);
  auto* lists = add(app, "--list", command.image_lists, "FILE",
                    "a text file with one image a line; - = standard input")
                    ->allow_extra_args(false);
  auto* pixels = add(app, "--pixel-values", command.pixel_values, "FILE.safetensors",
                     "preprocessed images: tensor pixel_values [B, 3, H, W], float32");
  app.callback([&app, images, lists, pixels] {
    if (!*images && !*lists && !*pixels)
      throw CLI::ValidationError(app.get_name(),
                                 "name images, folders, a --list or --pixel-values");
  });
  app.add_option("--preprocess", command.preprocess,
                 "whose preprocessing: torchvision (transparency over white) or pil (transparency "
                 "dropped, Pillow's rounding)")
      ->check(CLI::IsMember({"torchvision", "pil"}));
  add_orient_flag(app, command.orient);
}

/// What caption and match end with.
void add_batch_options(CLI::App& app, ImageCommand& command) {
  add(app, "--batch", command.batch_size, "N", "images a batch")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  add_format_option(app, command.json, "text, or one JSON line an image");
  add_plugin_option(app, command.plugins);
  add_machine_options(app, command.machine);
}

/// What the command line calls a value, and what a recipe does.
using Names = std::pair<std::string, std::string>;

/// What the command line says of an option of generation in other words than a recipe.
struct Wording {
  std::string option, meaning;
  std::string type = {};            ///< of its value; empty = N or X
  std::optional<Range> range = {};  ///< none = the option's own
  std::vector<Names> values = {};   ///< empty = the option's own
};

/// Those of the search, in the order of the help page.
std::vector<Wording> search_wordings() {
  const std::vector<Names> stops{{"true", "yes"}, {"false", "no"}, {"never", "never"}};
  return {
      {"beams", "beams an image; 1 = greedy"},
      {"max_length", "longest caption, tokens, [DEC] and prompt included", "N", between(2, 4096)},
      {"max_new_tokens", "longest caption, generated tokens only", "N", between(1, 4096)},
      {"min_length", "shortest caption, [DEC] and prompt included", "N", between(0, 4096)},
      {"min_new_tokens", "shortest caption, generated tokens only", "N", between(0, 4096)},
      {"length_penalty", "exponent of the length in a beam's score"},
      {"early_stopping", "when a beam search may stop", {}, {}, stops},
      {"length_rule", "whose beam search: transformers 5, or the original's (transformers 4.15)"},
      {"repetition_penalty", "above 1 makes tokens that are there already less likely"},
      {"no_repeat_ngram_size", "no N tokens in a row occur twice; 0 = any may"},
      {"bad_words_ids", "sequences of ids that captions never complete, e.g. [[3899],[2158,2015]]",
       "[[ID,...],...]"},
      {"suppress_tokens", "ids that are never chosen; [] = none", "ID,ID,..."},
      {"begin_suppress_tokens", "ids that don't come first; [] = none", "ID,ID,..."},
      {"forced_bos_token_id", "the first token, unless there is a prompt; -1 = any", "ID"},
      {"forced_eos_token_id", "the last token at the longest length; -1 = any", "ID"},
      {"num_captions", "captions an image, best first; at most the beams, unless sampled", "K"},
      {"sample", "draws tokens at random (--sample=false: not, whatever the model says)"},
      {"top_p", "draws among the fewest tokens with this much probability; 1 = all"},
      {"top_k", "draws among the N most probable tokens; 0 = all (default: 50)"},
      {"temperature", "divides the logits before drawing"},
  };
}

std::string flag_of(std::string_view option) {
  std::string flag = "--" + std::string(option);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

/// Has the command line check a number, as far as it can; the reader of options does the rest.
template <class T>
void check_range(CLI::Option& flag, const Range& range) {
  if (std::isfinite(range.low) && std::isfinite(range.high))
    flag.check(CLI::Range(static_cast<T>(range.low), static_cast<T>(range.high)));
  else if (range.low == 0 && range.low_open)
    flag.check(CLI::PositiveNumber);
  else if (range.low == 0 && std::integral<T>)
    flag.check(not_negative());
}

/// Arrays of integers, or of arrays.
/// @param place  the flag, as messages call it
Value::Data value_of(const nlohmann::json& json, const Place& place) {
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (!json.is_array())
    throw CLI::ValidationError(
        *place.file, "takes ids, e.g. 3899,2158 or [[3899],[2158,2015]] (got " +
                         json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + ")");
  Array array;
  for (const nlohmann::json& item : json) array.emplace_back(value_of(item, place), place);
  return array;
}

/// A list as recipes and JSON write it; the outer brackets may be left out.
Value::Data list_of(const std::string& text, const Place& place) {
  const nlohmann::json json = nlohmann::json::parse(text.starts_with('[') ? text : "[" + text + "]",
                                                    nullptr, /*allow_exceptions=*/false);
  return value_of(json.is_discarded() ? nlohmann::json(text) : json, place);
}

template <class T>
constexpr bool is_list = false;
template <class T>
constexpr bool is_list<std::vector<T>> = true;

/// @param given  gets the option if it is said, as a recipe would say it
void add_generate_flag(CLI::App& app, Table& given, const Wording& words) {
  for_each_field<GenerateOptions>([&]<auto... Path>(const Field<Path...>& field) {
    if (field.name != words.option) return;
    using T = typename Field<Path...>::type;
    const std::string name = flag_of(words.option);
    const Place place{std::make_shared<std::string>(name), 0, 0, Layer::set};
    const auto set = [&given, place, option = words.option](Value::Data value) {
      given.set(option, {std::move(value), place});
    };
    if constexpr (std::is_enum_v<T>) {
      std::vector<Names> values = words.values;
      if (values.empty())
        for (const std::string& value : OptionType<T>::names()) values.emplace_back(value, value);
      const auto set_named = [set, values](const std::string& word) {
        set(std::ranges::find(values, word, &Names::first)->second);
      };
      app.add_option_function<std::string>(name, set_named, words.meaning)
          ->check(CLI::IsMember(values));
    } else if constexpr (is_list<T>) {
      const auto set_list = [set, place](const std::string& text) { set(list_of(text, place)); };
      app.add_option_function<std::string>(name, set_list, words.meaning)->type_name(words.type);
    } else {
      CLI::Option* flag = app.add_option_function<T>(name, set, words.meaning);
      if constexpr (std::same_as<T, bool>) {
        flag->expected(0)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)->type_name("");
      } else if constexpr (std::is_arithmetic_v<T>) {
        check_range<T>(*flag, words.range.value_or(field.range));
        flag->type_name(!words.type.empty() ? words.type : std::integral<T> ? "N" : "X");
      }
    }
  });
}

void add_caption_options(CLI::App& app, CaptionCommand& command) {
  add_image_options(app, command, "images");
  for (const Wording& words : search_wordings()) add_generate_flag(app, command.generate, words);
  app.get_option("--max-new-tokens")->excludes(app.get_option("--max-length"));
  app.get_option("--min-new-tokens")->excludes(app.get_option("--min-length"));
  add(app, "--bad-words", command.bad_words, "WORD,WORD,...",
      "words that captions never complete, beside --bad-words-ids")
      ->delimiter(',')
      ->allow_extra_args(false);
  add_seed_option(app, command.seed, "of the draws");
  auto* prompt = add(app, "--prompt", command.prompt, "TEXT", "how the captions begin");
  add(app, "--prompt-ids", command.prompt_ids, "ID,ID,...", "the same as ids, [DEC] first")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->excludes(prompt);
  add_generate_flag(
      app, command.generate,
      {"clean_up", "old: no blanks around apostrophes, as transformers 4 wrote texts"});
  for_each_field<GenerateOptions>([&](const auto& field) {  // those that have no wording here
    if (!app.get_option_no_throw(flag_of(field.name)))
      add_generate_flag(app, command.generate, {std::string(field.name), std::string(field.doc)});
  });
  app.add_option("--precision", command.precision, "number format")
      ->check(CLI::IsMember({"fp32", "tf32", "bf16", "fp16", "int8"}))
      ->capture_default_str();
  add_batch_options(app, command);
}

void add_match_options(CLI::App& app, MatchCommand& command) {
  add_image_options(app, command, "--image");
  auto* texts = app.add_option_group("texts", "one at least");
  add(*texts, "--text", command.texts, "TEXT", "what the images are compared with");
  add(*texts, "--text-list", command.text_lists, "FILE",
      "a text file with one text a line; - = standard input")
      ->allow_extra_args(false);
  texts->require_option(1, 2);
  app.add_option("--match-token", command.match_token,
                 "position 0 of a text that looks at an image: enc as BLIP was trained, cls as "
                 "transformers leaves it (default: the model's)")
      ->check(CLI::IsMember({"enc", "cls"}));
  add_batch_options(app, command);
  app.footer(
      "probability is the matching head's, similarity the cosine of the embeddings, -1 to 1. A "
      "dual encoder has no matching head.");
}

void add_trace_options(CLI::App& app, TraceCommand& command, CompareCommand& comparison) {
  auto* model =
      add(app, "--model", command.model, "M", "a folder, a run folder, a file or a hub name");
  auto* inputs = add(app, "--inputs", command.inputs, "IN.safetensors",
                     "pixel_values, input_ids, attention_mask, labels, ... as safetensors");
  auto* images = add(app, "--images", command.images, "IMAGE|FOLDER",
                     "images instead: only the image part is traced");
  add_recursive_flag(app, command.recursive)->needs(images);
  add_orient_flag(app, command.orient)->needs(images);
  auto* out = add(app, "--out", command.out, "OUT.safetensors", "where the trace goes");
  app.add_option("--dtype", command.dtype, "number format of weights and inputs")
      ->check(CLI::IsMember({"float32", "float64"}))
      ->capture_default_str();
  auto* steps = add(app, "--steps", command.steps, "N",
                    "also updates the weights N times on this batch (AdamW)")
                    ->check(CLI::Range(1, 100'000));
  add(app, "--lr", command.lr, "X", "learning rate of the updates")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->needs(steps);
  add(app, "--weight-decay", command.weight_decay, "X",
      "weight decay of the updates, on every parameter")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->needs(steps);
  auto* compare = add(app, "--compare", comparison.files, "A B",
                      "compares two traces, or a trace with a stored reference, tensor by tensor")
                      ->expected(2);
  add(app, "--tolerance", comparison.tolerance, "X",
      "largest absolute difference that counts as none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->needs(compare);
  inputs->excludes(images);
  steps->excludes(images);
  for (auto* option : {model, inputs, images, out, steps}) compare->excludes(option);
  app.callback([compare, model, inputs, images, out] {
    if (*compare) return;
    if (!*model || !*out)
      throw CLI::ValidationError("trace", "needs --model and --out, or --compare A B");
    if (!*inputs && !*images) throw CLI::ValidationError("trace", "needs --inputs or --images");
  });
  add_plugin_option(app, command.plugins);
  add_machine_options(app, command.machine);
}

void add_tokenize_options(CLI::App& app, TokenizeCommand& command) {
  auto* source = app.add_option_group("vocabulary", "one of");
  add(*source, "--model", command.model, "M", "a folder, a run folder or a hub name");
  add(*source, "--vocabulary", command.vocabulary, "FILE", "BERT's vocab.txt, one token a line");
  source->require_option(1);
  app.add_flag("--decode", command.decode,
               "from ids, a JSON list a line, to texts; special tokens are skipped");
  app.add_flag("--json-lines", command.json_lines,
               "a text is a JSON string, so that it can hold line ends");
  add_plugin_option(app, command.plugins);
}

/// What score reads.
void add_score_inputs(CLI::App& app, ScoreCommand& command) {
  add(app, "--references", command.references, "FILE", "captions that people wrote");
  add(app, "--candidates", command.candidates, "FILE", "captions of a model, one an image");
  add(app, "--baseline", command.baseline, "FILE",
      "captions of another model: does the first one differ by more than chance?");
  add(app, "--split", command.split, "NAME", "of Karpathy's files, only the images of this split");
  app.add_option("--image-key", command.image_key,
                 "of Karpathy's files, what names an image; default: cocoid, else filename")
      ->check(CLI::IsMember({"cocoid", "filename", "imgid"}));
  app.add_flag("--partial", command.partial,
               "where the files hold different images, scores those in both");
}

/// What score computes and shows.
void add_score_outputs(CLI::App& app, ScoreCommand& command) {
  add(app, "--metrics", command.metrics, "NAME,NAME,...", "what to compute")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  add_set_option(app, command.sets,
                 "changes an option of a metric, e.g. --set cider.variant=plain");
  auto* given = add(app, "--document-frequencies", command.document_frequencies, "FILE",
                    "CIDEr weighs n-grams by these instead of the references'");
  add(app, "--save-document-frequencies", command.save_document_frequencies, "FILE",
      "writes how many images' references hold each n-gram")
      ->excludes(given);
  add(app, "--confidence", command.confidence, "X",
      "shows the interval of each score with this confidence, e.g. 0.95");
  add(app, "--resamples", command.resamples, "N", "how often images are drawn for an interval")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  add_seed_option(app, command.seed, "of these draws; default: 0");
  app.add_flag("--per-image", command.per_image, "also shows each image's scores");
  add_format_option(app, command.json, "text, or one line of JSON");
  add_plugin_option(app, command.plugins);
}

void add_score_options(CLI::App& app, ScoreCommand& command) {
  add_score_inputs(app, command);
  add_score_outputs(app, command);
  const std::vector<CLI::Option*> scoring =
      app.get_options([&](const CLI::Option* option) { return option != app.get_help_ptr(); });
  auto* tokens = app.add_flag(
      "--tokens{filtered}", command.tokens,
      "instead prints the tokens of FILE.txt, one caption a line; --tokens=raw keeps punctuation");
  auto* file = add(app, "file", command.file, "FILE.txt", "for --tokens");
  app.add_flag("--isolated", command.isolated,
               "cuts each caption by itself, uninfluenced by the one behind it");
  add_threads_option(app, command.threads);
  app.callback([&app, &command, tokens, file, scoring] {
    for (const CLI::Option* option : scoring)
      if (*tokens && *option)
        throw CLI::ValidationError("score",
                                   "--tokens computes no scores, leave out " + option->get_name());
    if (*tokens && (!*file || (command.tokens != "filtered" && command.tokens != "raw")))
      throw CLI::ValidationError("score", "write --tokens FILE.txt or --tokens=raw FILE.txt");
    if (!*tokens && *file)
      throw CLI::ValidationError("score", "only --tokens takes a file without an option (got " +
                                              command.file.string() + ")");
    if (!*tokens && (command.references.empty() || command.candidates.empty()))
      throw CLI::ValidationError(
          "score", "needs --references FILE and --candidates FILE, or --tokens FILE.txt");
    if (const auto& level = command.confidence; level && !(*level > 0 && *level < 1))
      throw CLI::ValidationError("--confidence",
                                 "lies between 0 and 1, both excluded (got " +
                                     app.get_option("--confidence")->as<std::string>() +
                                     "); write 0.95 for 95 %");
  });
  app.footer(
      "Files hold COCO captions, COCO results, Karpathy's splits, Flickr30k's CSV, or JSON lines "
      "{\"image_id\":..., \"caption\":...}.\n"
      "BLEU, ROUGE-L and CIDEr-D equal pycocoevalcap's; its tokenizer is built in.");
}

}  // namespace

std::vector<std::string> with_repeated_flags(std::span<const char* const> arguments) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = all.emplace_back(arguments[i]);
    if (argument == "--") {  // nothing behind it is a flag
      all.insert(all.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                 arguments.end());
      break;
    }
    const auto repeat = [&](const std::string& flag, bool (*is_value)(std::string_view)) {
      const bool apart = all.back() == flag && i + 1 < arguments.size();
      if (!apart && !all.back().starts_with(flag + "=")) return;
      if (apart) all.emplace_back(arguments[++i]);
      while (i + 1 < arguments.size() && arguments[i + 1][0] != '-' && is_value(arguments[i + 1])) {
        all.push_back(flag);
        all.emplace_back(arguments[++i]);
      }
    };
    repeat("--plugin", names_plugin);
    repeat("--set", changes_value);
  }
  return all;
}

void add_commands(CLI::App& app, Commands& commands) {
  const auto add_command = [&]<class C>(const char* name, void (*add_options)(CLI::App&, C&),
                                        const char* purpose) {
    add_options(*app.add_subcommand(name, purpose), std::get<C>(commands));
  };
  add_command("run", add_run_options, "trains or evaluates as a recipe says");
  add_command("check", add_check_options, "reads a recipe, shows all its mistakes, runs nothing");
  add_command("list", add_list_options, "lists the components that recipes can name");
  add_command("help", add_help_options,
              "explains a component or a table of a recipe with all its options, or a kind");
  add_command("caption", add_caption_options, "writes captions for images");
  add_command("match", add_match_options, "tells how well each image fits each text");
  add_command("score", add_score_options,
              "BLEU, ROUGE-L and CIDEr of captions, as pycocoevalcap computes them");
  add_command("download", add_download_options,
              "brings a model from the Hugging Face hub into the cache that transformers uses");
  CLI::App* trace = app.add_subcommand(
      "trace", "writes a model's states, logits, losses and gradients, or compares two such files");
  add_trace_options(*trace, std::get<TraceCommand>(commands), std::get<CompareCommand>(commands));
  add_command("tokenize", add_tokenize_options,
              "turns texts into ids, or ids into texts, a line each, from stdin to stdout");
}

}  // namespace vlp
