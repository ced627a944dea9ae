#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <range/v3/view/zip.hpp>

#include "src/torch/commands.hpp"
#include "src/torch/model_images.hpp"
#include "vlp/assemble/open_model.hpp"
#include "vlp/core/message.hpp"
#include "vlp/core/non_finite.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/data/text_room.hpp"
#include "vlp/nn/autocast.hpp"
#include "vlp/nn/inference.hpp"
#include "vlp/nn/tf32.hpp"
#include "vlp/recipe/read.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/text/clean_up.hpp"

namespace vlp {

namespace {

/// The model's options, changed by those that the command line gives.
/// @param mistakes  gets what is wrong with them together
GenerateOptions generate_options(const Table& given, GenerateOptions options,
                                 std::vector<std::string>& mistakes) {
  const Entry* sample = given.find("sample");
  if (sample && *sample->value.as<bool>()) options.beams = 1;
  if (given.find("max_length")) options.max_new_tokens = 0;
  if (given.find("min_length")) options.min_new_tokens = 0;
  Diagnostics problems;
  ReadContext reading{problems};
  read_options(Value(given), "generate", options, reading);
  problems.throw_if_any();

  if (options.sample && options.beams > 1)
    mistakes.push_back(
        fmt::format("--beams {}: beams can't be sampled (expected 1). Leave out --beams, or "
                    "sampling: --sample=false.",
                    options.beams));
  if (!options.sample && (given.find("top_p") || given.find("top_k") || given.find("temperature")))
    mistakes.emplace_back(
        "--top-p, --top-k, --temperature: change only what is drawn at random. Add --sample.");
  if (!options.sample && options.num_captions > options.beams)
    mistakes.push_back(
        fmt::format("--num-captions {}: more than the beams (got {} beams). Use --beams {} or "
                    "more, or --sample.",
                    options.num_captions, options.beams, options.num_captions));
  if (!options.sample && options.length_rule == LengthRule::original &&
      options.early_stopping == EarlyStopping::never && options.beams > 1)
    mistakes.emplace_back(
        "--early-stopping never: length_rule original knows no early_stopping never. Use true or "
        "false, or --length-rule transformers.");
  return options;
}

/// An option of generation as the command line calls it, and what is wrong with it:
/// "max_length: ..." becomes "--max-length: ...".
std::string on_command_line(std::string problem) {
  const auto end = problem.begin() + static_cast<std::ptrdiff_t>(problem.find(':'));
  std::replace(problem.begin(), end, '_', '-');
  return "--" + std::move(problem) + ".";
}

/// A model with everything around it, and what the command line changes about it.
class Captioning {
 public:
  Captioning(const CaptionCommand& command, const Registry& registry, Terminal& terminal)
      : command_(command),
        opened_(open_model(command.model, registry,
                           open_arguments(command.machine, terminal, parts::captions))),
        images_(command, opened_, registry, terminal),
        options_(generate_options(command.generate, opened_.generate, mistakes_)),
        prompt_(prompt()),
        seeds_(static_cast<std::uint64_t>(command.seed.value_or(opened_.plan.run.seed))) {
    if (!parts().has<Generate>())
      throw RecipeError(command.model + ": model '" + opened_.plan.model.name() +
                        "' doesn't write captions.");
    check_lengths();
    forbid_words();
    const std::string problem =
        vocabulary_problem(options_, opened_.ctx.facts.dimensions.vocabulary_size);
    if (!problem.empty())
      mistakes_.push_back("generate: " + problem + ". Take the ids from the model's vocabulary.");
    if (!mistakes_.empty()) throw RecipeError(joined(mistakes_, "\n"));
    choose_precision();
    terminal.line("device " + opened_.ctx.machine.device.text());
  }

  /// @return  how many images, folders and lists could not be read
  std::int64_t caption_all() {
    return blaming_weights(opened_.not_finite, [this] {
      return images_.for_each_batch([this](std::span<const ReadImage> batch) { caption(batch); });
    });
  }

 private:
  [[nodiscard]] const ModelParts& parts() const { return opened_.model.parts(); }

  /// Whether captions of the lengths that are asked for can be written behind the prompt.
  void check_lengths() {
    const auto begin = 1 + static_cast<std::int64_t>(prompt_.size());
    for (std::string& problem :
         caption_room_problems(options_, begin, opened_.plan.model.traits().longest_caption))
      mistakes_.push_back(on_command_line(std::move(problem)));
  }

  /// @throws RecipeError if the device doesn't compute in the precision wanted
  void choose_precision() {
    Context& ctx = opened_.ctx;
    const bool cpu = ctx.machine.device.type == DeviceName::Type::cpu;
    const bool int8 = command_.precision == "int8";
    if (int8 && !cpu)
      throw RecipeError(
          "--precision int8: needs the CPU and this is a GPU. Use fp16, or --device cpu.");
    if ((command_.precision == "tf32" || command_.precision == "fp16") && cpu)
      throw RecipeError("--precision " + command_.precision +
                        ": needs a GPU and this is a CPU. Use fp32, bf16 or int8.");
    if (command_.precision == "tf32") ctx.machine.precision = Precision::tf32;
    if (command_.precision == "bf16") ctx.machine.precision = Precision::bf16;
    if (command_.precision == "fp16") ctx.machine.precision = Precision::fp16;
    choose_tf32(ctx.machine.precision);
    if (cpu && ctx.machine.precision == Precision::fp32)
      weights_.emplace(opened_.model.ptr(), int8 ? WeightForm::int8 : WeightForm::packed);
  }

  /// @throws RecipeError if there is no vocabulary to read --bad-words by, or a word is none
  void forbid_words() {
    for (const std::string& word : command_.bad_words) {
      if (!opened_.tokenizer)
        throw RecipeError(
            "--bad-words: the model has no vocabulary. Give ids: --bad-words-ids [[ID],...].");
      options_.bad_words_ids.push_back(prompt_ids(*opened_.tokenizer, word));
      if (options_.bad_words_ids.back().empty())
        throw RecipeError("--bad-words: '" + word + "' gives no token. Leave it out.");
    }
  }

  /// The ids behind [DEC] with which all captions begin.
  [[nodiscard]] std::vector<std::int64_t> prompt() const {
    if (command_.prompt_ids.empty()) {
      const std::string text = command_.prompt.value_or(opened_.prompt);
      if (opened_.tokenizer) return prompt_ids(*opened_.tokenizer, text);
      if (text.empty()) return {};
      throw RecipeError("--prompt: the model has no vocabulary. Give ids: --prompt-ids " +
                        std::to_string(opened_.ctx.facts.tokens.decode) + ",...");
    }
    const std::int64_t vocabulary = opened_.ctx.facts.dimensions.vocabulary_size;
    if (command_.prompt_ids.front() != opened_.ctx.facts.tokens.decode)
      throw RecipeError(fmt::format(
          "--prompt-ids: the first id is not [DEC] (got {}, expected {}). Begin with {}.",
          command_.prompt_ids.front(), opened_.ctx.facts.tokens.decode,
          opened_.ctx.facts.tokens.decode));
    for (const std::int64_t id : command_.prompt_ids)
      if (id < 0 || id >= vocabulary)
        throw RecipeError(
            fmt::format("--prompt-ids: an id is outside the vocabulary (got {}, expected 0 to {}).",
                        id, vocabulary - 1));
    return {command_.prompt_ids.begin() + 1, command_.prompt_ids.end()};
  }

  /// Depends on the image's name, and on how often it was named before, not on other images.
  RandomStream stream_of(const NamedImage& named) {
    const RandomStream stream = seeds_.derive("captions").derive(named.name);
    return stream.derive(occurrences_[std::hash<std::string>{}(named.name)]++);
  }

  void caption(std::span<const ReadImage> batch) {
    const at::NoGradGuard no_grad;
    const Autocast autocast(opened_.ctx.machine.precision, opened_.ctx.machine.device);
    std::vector<RandomStream> random;
    for (const ReadImage& image : batch)
      if (options_.sample) random.push_back(stream_of(image.named));
    const auto candidates = naming_rows(
        [&](std::int64_t row) { return shown_name(batch[static_cast<std::size_t>(row)].named); },
        [&] {
          return parts().call<Generate>(parts().call<ImageStates>(images_.pixels(batch)), prompt_,
                                        options_, random);
        });
    for (const auto& [image, of_image] : ranges::views::zip(batch, candidates))
      print(image.named, of_image);
    flush_output("caption");
  }

  void print(const NamedImage& named, const std::vector<Candidate>& candidates) const {
    Json captions = Json::array();
    for (std::size_t i = 0;
         i < std::min(static_cast<std::size_t>(options_.num_captions), candidates.size()); ++i) {
      std::optional<std::string> text;
      if (opened_.tokenizer) text = opened_.tokenizer->decode(candidates[i].ids);
      if (text && options_.clean_up == CleanUp::old) text = cleaned_up(std::move(*text));
      if (command_.json)
        captions.push_back({{"text", text ? Json(*text) : Json(nullptr)},
                            {"ids", candidates[i].ids},
                            {"score", candidates[i].score},
                            {"ended", candidates[i].ids.back() == opened_.ctx.facts.tokens.sep}});
      else
        fmt::print("{}: {}\n", named.name,
                   text ? *text : fmt::format("{}", fmt::join(candidates[i].ids, " ")));
    }
    if (!command_.json) return;
    print_json_line({{"image", json_name(named)}, {"captions", captions}});
  }

  const CaptionCommand& command_;
  OpenedModel opened_;
  ModelImages images_;
  std::vector<std::string> mistakes_;  // of the command line
  GenerateOptions options_;
  std::vector<std::int64_t> prompt_;
  RandomStream seeds_;
  std::unordered_map<std::size_t, std::uint64_t> occurrences_;  // of names, by their hash
  std::optional<InferenceWeights> weights_;
};

}  // namespace

int carry_out(const CaptionCommand& command, const Registry& registry, Terminal& terminal) {
  Captioning captioning(command, registry, terminal);
  return captioning.caption_all() == 0 ? 0 : static_cast<int>(ExitCode::data);
}

}  // namespace vlp
