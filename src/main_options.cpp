// The command line of each command.

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "command.hpp"
#include "main_options.hpp"

namespace vlp {

namespace {

/// Of whole numbers; CLI11's own check would call its limit by 300 digits.
CLI::Validator not_negative() { return CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()).description("NONNEGATIVE"); }

void add_plugin_option(CLI::App& app, Command& command) {
  app.add_option("--plugin", command.plugins, "adds the components of a plugin")->type_name("FILE.so")->allow_extra_args(false);
}

void add_set_option(CLI::App& app, Command& command, const std::string& meaning) {
  app.add_option("--set", command.sets, meaning)->type_name("KEY=VALUE")->allow_extra_args(false);
}

void add_format_option(CLI::App& app, Command& command, const std::string& meaning) {
  app.add_option_function<std::string>(
         "--format", [&command](const std::string& format) { command.json = format == "json"; }, meaning)
      ->check(CLI::IsMember({"text", "json"}));
}

void add_threads_option(CLI::App& app, Command& command) {
  app.add_option("--threads", command.threads, "CPU threads; 0 = all cores")->check(CLI::Range(0, 1024))->type_name("N");
}

void add_machine_options(CLI::App& app, Command& command) {
  app.add_option("--device", command.device, "auto, cpu, cuda or cuda:N")->capture_default_str()->type_name("D");
  add_threads_option(app, command);
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
  app.add_option("--seed", command.seed, "instead of the recipe's run.seed")->check(not_negative())->type_name("N");
  add_set_option(app, command, "changes one value, e.g. --set train.lr=1e-4, --set loss.lm.weight=0.5");
  add_plugin_option(app, command);
}

/// What the images of a command are.
/// @param name  the option's name, or that of the words without one
void add_image_inputs(CLI::App& app, Command& command, const std::string& name) {
  auto* images = app.add_option(name, command.images, "images, or folders of .jpg and .png files")->type_name("IMAGE|FOLDER");
  auto* lists = app.add_option("--list", command.image_lists, "a text file with one image a line; - = standard input")
                    ->type_name("FILE")
                    ->allow_extra_args(false);
  auto* pixels = app.add_option("--pixel-values", command.pixel_values, "preprocessed images: tensor pixel_values [B, 3, H, W], float32")
                     ->type_name("FILE.safetensors");
  app.callback([&app, images, lists, pixels] {
    if (!*images && !*lists && !*pixels) throw CLI::ValidationError(app.get_name(), "name images, folders, a --list or --pixel-values");
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
      ->check(not_negative())
      ->type_name("N");
  app.add_option("--temperature", command.temperature, "divides the logits before drawing")->check(CLI::PositiveNumber)->type_name("X");
  app.add_option("--seed", command.seed, "of the draws")->check(not_negative())->type_name("N");
}

void add_caption_options(CLI::App& app, Command& command) {
  app.add_option("--model", command.model, "a folder, a run folder, a file with weights, or a hub name")->required()->type_name("M");
  add_image_inputs(app, command, "images");
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
  add_format_option(app, command, "text, or one JSON line an image");
  add_plugin_option(app, command);
}

void add_match_options(CLI::App& app, Command& command) {
  app.add_option("--model", command.model, "a folder, a run folder, a file with weights, or a hub name")->required()->type_name("M");
  add_image_inputs(app, command, "--image");
  auto* texts = app.add_option_group("texts", "one at least");
  texts->add_option("--text", command.texts, "what the images are compared with")->type_name("TEXT");
  texts->add_option("--text-list", command.text_lists, "a text file with one text a line; - = standard input")
      ->type_name("FILE")
      ->allow_extra_args(false);
  texts->require_option(1, 2);
  app.add_option(
         "--match-token", command.match_token,
         "position 0 of a text that looks at an image: enc as BLIP was trained, cls as transformers leaves it (default: the model's)")
      ->check(CLI::IsMember({"enc", "cls"}));
  app.add_option("--batch", command.batch_size, "images a batch")->check(CLI::Range(1, 65536))->capture_default_str()->type_name("N");
  add_format_option(app, command, "text, or one JSON line an image");
  add_plugin_option(app, command);
  app.footer("probability is the matching head's, similarity the cosine of the embeddings, -1 to 1. A dual encoder has no matching head.");
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
  add_plugin_option(app, command);
}

void add_tokenize_options(CLI::App& app, Command& command) {
  auto* source = app.add_option_group("vocabulary", "one of");
  source->add_option("--model", command.model, "a folder, a run folder or a hub name")->type_name("M");
  source->add_option("--vocabulary", command.vocabulary, "BERT's vocab.txt, one token a line")->type_name("FILE");
  source->require_option(1);
  app.add_flag("--decode", command.decode, "from ids, a JSON list a line, to texts; special tokens are skipped");
  app.add_flag("--json-lines", command.json_lines, "a text is a JSON string, so that it can hold line ends");
}

/// What score reads.
void add_score_inputs(CLI::App& app, Command& command) {
  app.add_option("--references", command.references, "captions that people wrote")->type_name("FILE");
  app.add_option("--candidates", command.candidates, "captions of a model, one an image")->type_name("FILE");
  app.add_option("--baseline", command.baseline, "captions of another model: does the first one differ by more than chance?")
      ->type_name("FILE");
  app.add_option("--split", command.split, "of Karpathy's files, only the images of this split")->type_name("NAME");
  app.add_option("--image-key", command.image_key, "of Karpathy's files, what names an image; default: cocoid, else filename")
      ->check(CLI::IsMember({"cocoid", "filename", "imgid"}));
  app.add_flag("--partial", command.partial, "where the files hold different images, scores those in both");
}

/// What score computes and shows.
void add_score_outputs(CLI::App& app, Command& command) {
  app.add_option("--metrics", command.metrics, "what to compute")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str()
      ->type_name("NAME,NAME,...");
  add_set_option(app, command, "changes an option of a metric, e.g. --set cider.variant=plain");
  auto* given =
      app.add_option("--document-frequencies", command.document_frequencies, "CIDEr weighs n-grams by these instead of the references'")
          ->type_name("FILE");
  app.add_option("--save-document-frequencies", command.save_document_frequencies, "writes how many images' references hold each n-gram")
      ->type_name("FILE")
      ->excludes(given);
  app.add_option("--confidence", command.confidence, "shows the interval of each score with this confidence, e.g. 0.95")->type_name("X");
  app.add_option("--resamples", command.resamples, "how often images are drawn for an interval")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str()
      ->type_name("N");
  app.add_option("--seed", command.seed, "of these draws; default: 0")->check(not_negative())->type_name("N");
  app.add_flag("--per-image", command.per_image, "also shows each image's scores");
  add_format_option(app, command, "text, or one line of JSON");
}

void add_score_options(CLI::App& app, Command& command) {
  add_score_inputs(app, command);
  add_score_outputs(app, command);
  const std::vector<CLI::Option*> scoring = app.get_options([&](const CLI::Option* option) { return option != app.get_help_ptr(); });
  auto* tokens = app.add_flag("--tokens{filtered}", command.tokens,
                              "instead prints the tokens of FILE.txt, one caption a line; --tokens=raw keeps punctuation");
  auto* file = app.add_option("file", command.subject, "for --tokens")->type_name("FILE.txt");
  app.add_flag("--isolated", command.isolated, "cuts each caption by itself, uninfluenced by the one behind it");
  add_threads_option(app, command);
  app.callback([&app, &command, tokens, file, scoring] {
    for (const CLI::Option* option : scoring)
      if (*tokens && *option) throw CLI::ValidationError("score", "--tokens computes no scores, leave out " + option->get_name());
    if (*tokens && (!*file || (command.tokens != "filtered" && command.tokens != "raw")))
      throw CLI::ValidationError("score", "write --tokens FILE.txt or --tokens=raw FILE.txt");
    if (!*tokens && *file)
      throw CLI::ValidationError("score", "only --tokens takes a file without an option (got " + command.subject + ")");
    if (!*tokens && (command.references.empty() || command.candidates.empty()))
      throw CLI::ValidationError("score", "needs --references FILE and --candidates FILE, or --tokens FILE.txt");
    if (const auto& level = command.confidence; level && !(*level > 0 && *level < 1))
      throw CLI::ValidationError("--confidence", "lies between 0 and 1, both excluded (got " +
                                                     app.get_option("--confidence")->as<std::string>() + "); write 0.95 for 95 %");
  });
  app.footer(
      "Files hold COCO captions, COCO results, Karpathy's splits, Flickr30k's CSV, or JSON lines {\"image_id\":..., \"caption\":...}.\n"
      "BLEU, ROUGE-L and CIDEr-D equal pycocoevalcap's; its tokenizer is built in.");
}

}  // namespace

void add_commands(CLI::App& app, Command& command) {
  CLI::App* run = app.add_subcommand("run", "trains or evaluates as a recipe says");
  add_recipe_options(*run, command);
  add_machine_options(*run, command);
  run->add_option("--out", command.out, "the run folder itself (default: runs/NAME-TIME)")->type_name("DIR");

  CLI::App* check = app.add_subcommand("check", "reads a recipe, shows all its mistakes, runs nothing");
  add_recipe_options(*check, command);
  check->add_option("--device", command.device, "also checks what depends on the device: cpu, cuda or cuda:N")->type_name("D");

  CLI::App* list = app.add_subcommand("list", "lists the components that recipes can name");
  list->add_option("kind", command.subject, "only this kind, e.g. loss")->type_name("KIND");
  add_plugin_option(*list, command);

  CLI::App* help = app.add_subcommand("help", "explains a component, or a table of a recipe, with all its options");
  help->add_option("name", command.subject, "e.g. vit, lm, train")->type_name("NAME");
  add_plugin_option(*help, command);

  CLI::App* caption = app.add_subcommand("caption", "writes captions for images");
  add_caption_options(*caption, command);
  add_machine_options(*caption, command);

  CLI::App* match = app.add_subcommand("match", "tells how well each image fits each text");
  add_match_options(*match, command);
  add_machine_options(*match, command);

  add_score_options(*app.add_subcommand("score", "BLEU, ROUGE-L and CIDEr of captions, as pycocoevalcap computes them"), command);

  add_download_options(*app.add_subcommand("download", "brings a model from the Hugging Face hub into the cache that transformers uses"),
                       command);

  CLI::App* trace = app.add_subcommand("trace", "writes a model's states, logits, losses and gradients, or compares two such files");
  add_trace_options(*trace, command);
  add_machine_options(*trace, command);

  add_tokenize_options(*app.add_subcommand("tokenize", "turns texts into ids, or ids into texts, a line each, from stdin to stdout"),
                       command);
}

}  // namespace vlp
