#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "caption_images.hpp"
#include "commands.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/assemble/open_model.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/image/decode.hpp"
#include "vlp/image/resample.hpp"
#include "vlp/nn/autocast.hpp"
#include "vlp/nn/inference.hpp"
#include "vlp/plan.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/text/clean_up.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

namespace {

namespace fs = std::filesystem;

/// The enumerator that the command line names.
template <class E>
E named(const std::string& name) {
  for (std::size_t i = 0; i < EnumNames<E>::count(); ++i)
    if (EnumNames<E>::of(static_cast<E>(i)) == name) return static_cast<E>(i);
  throw RecipeError("caption: unknown value '" + name + "'.");
}

/// The model's options, changed by what the command line says.
GenerateOptions generate_options(const Command& command, GenerateOptions options) {
  options.sample = command.sample.value_or(options.sample);
  if (command.sample == true) options.beams = 1;
  options.beams = command.beams.value_or(options.beams);
  options.min_length = command.min_length.value_or(options.min_length);
  options.length_penalty = command.length_penalty.value_or(options.length_penalty);
  options.repetition_penalty = command.repetition_penalty.value_or(options.repetition_penalty);
  options.max_new_tokens = command.max_new_tokens.value_or(command.max_length ? 0 : options.max_new_tokens);
  options.max_length = command.max_length.value_or(options.max_length);
  options.temperature = command.temperature.value_or(options.temperature);
  options.top_k = command.top_k.value_or(options.top_k);
  options.top_p = command.top_p.value_or(options.top_p);
  options.num_captions = command.num_captions.value_or(options.num_captions);
  if (command.length_rule) options.length_rule = named<LengthRule>(*command.length_rule);
  if (command.clean_up) options.clean_up = named<CleanUp>(*command.clean_up);
  if (command.early_stopping)
    options.early_stopping = *command.early_stopping == "true"    ? EarlyStopping::yes
                             : *command.early_stopping == "never" ? EarlyStopping::never
                                                                  : EarlyStopping::no;

  if (options.sample && options.beams > 1)
    throw RecipeError(
        fmt::format("--beams {}: beams can't be sampled (expected 1). Leave out --beams, or sampling: --sample=false.", options.beams));
  if (!options.sample && (command.top_p || command.top_k || command.temperature))
    throw RecipeError("--top-p, --top-k, --temperature: change only what is drawn at random. Add --sample.");
  if (!options.sample && options.num_captions > options.beams)
    throw RecipeError(fmt::format("--num-captions {}: more than the beams (got {} beams). Use --beams {} or more, or --sample.",
                                  options.num_captions, options.beams, options.num_captions));
  return options;
}

/// Whether a plan's images are resized with Pillow's rounding.
bool resizes_as_pillow(const Plan& plan) {
  for (const Use<AnyTransform>& use : plan.transform) {
    const Value table = use.write();
    const Entry* kernel = table.as<Table>()->find("kernel");
    if (kernel && *kernel->value.as<std::string>() == EnumNames<ResizeKernel>::of(ResizeKernel::pillow)) return true;
  }
  return false;
}

/// The transforms of a plan, with another rounding where they resize. @throws RecipeError if none of them does
std::vector<AnyTransform> with_kernel(Plan plan, ResizeKernel kernel, const Registry& registry, Context& ctx) {
  bool found = false;
  for (Use<AnyTransform>& use : plan.transform) {
    Value table = use.write();
    Entry* option = table.as<Table>()->find("kernel");
    if (!option) continue;
    found = true;
    option->value = Value(std::string(EnumNames<ResizeKernel>::of(kernel)));
    Diagnostics problems;
    ReadContext read{problems, &registry};
    OptionType<Use<AnyTransform>>::read(table, "transform", use, {}, read);
    problems.throw_if_any();
  }
  if (!found) throw RecipeError("--preprocess: none of the model's transforms resizes images. Leave it out.");
  return build_transforms(plan, ctx);
}

/// Images that somebody else has preprocessed.
class PixelRows {
 public:
  PixelRows() = default;
  /// @param size  of the model's images; zeros = any
  /// @throws DataError if the file can't be read or holds no such tensor
  PixelRows(const fs::path& file, ImageSize size) {
    try {
      pixels_ = tensor_view(read_safetensors(file).tensor("pixel_values"));
    } catch (const WeightsError& error) {
      throw DataError(error.what());
    }
    const bool any = size.height == 0;
    if (pixels_.dim() == 4 && pixels_.size(1) == 3 && pixels_.scalar_type() == at::kFloat &&
        (any || (pixels_.size(2) == size.height && pixels_.size(3) == size.width)))
      return;
    throw DataError(fmt::format("{}: bad pixel_values (got {} {}, expected Float [B, 3, {}, {}]). Preprocess the images for this model.",
                                file.string(), c10::toString(pixels_.scalar_type()), shape_text(pixels_.sizes().vec()),
                                any ? "H" : std::to_string(size.height), any ? "W" : std::to_string(size.width)));
  }
  [[nodiscard]] std::int64_t count() const { return pixels_.defined() ? pixels_.size(0) : 0; }
  [[nodiscard]] at::Tensor row(std::int64_t index) const { return pixels_[index]; }

 private:
  at::Tensor pixels_;  // a view into the file
};

/// A model with everything around it, and what the command line changes about it.
class Captioning {
 public:
  Captioning(const Command& command, const Registry& registry, Terminal& terminal)
      : command_(command),
        terminal_(terminal),
        opened_(open_model(command.model.string(), registry,
                           {.device = choose_device(command.device).device,
                            .threads = command.threads,
                            .share_dir = command.share_dir,
                            .console = terminal.console()})),
        options_(generate_options(command, opened_.generate)),
        prompt_(prompt()),
        seeds_(static_cast<std::uint64_t>(command.seed.value_or(opened_.plan.run.seed))) {
    if (!parts().generate)
      throw RecipeError(command.model.string() + ": model '" + opened_.plan.model.name() + "' doesn't write captions.");
    choose_preprocessing(registry);
    choose_precision();
    if (!command.pixel_values.empty())
      rows_ = PixelRows(command.pixel_values, {opened_.ctx.dimensions.image_height, opened_.ctx.dimensions.image_width});
    terminal.line("device " + opened_.ctx.device.text());
  }

  /// @return  how many images, folders and lists could not be read
  std::int64_t caption_all() {
    ImageReader reader(
        ImageNames(command_.images, command_.image_lists, rows_.count()), [this](const NamedImage& named) { return read(named); },
        2 * command_.batch_size, worker_count(opened_.plan, opened_.ctx));
    std::vector<ReadImage> batch;
    std::int64_t broken = 0;
    while (auto image = reader.next()) {
      if (!image->named.problem.empty()) {
        terminal_.line("error: " + image->named.problem);
        ++broken;
        continue;
      }
      if (!batch.empty() && image->pixels.sizes() != batch.front().pixels.sizes()) caption(batch);
      batch.push_back(std::move(*image));
      if (static_cast<std::int64_t>(batch.size()) == command_.batch_size) caption(batch);
    }
    if (!batch.empty()) caption(batch);
    return broken;
  }

 private:
  [[nodiscard]] const ModelParts& parts() const { return opened_.model.parts(); }

  /// Whose resizing and what becomes of transparency: Pillow's path drops it, as training from recipes does; the image
  /// processors of Hugging Face put a white page behind it.
  void choose_preprocessing(const Registry& registry) {
    if (command_.preprocess) {
      const ResizeKernel kernel = *command_.preprocess == "pil" ? ResizeKernel::pillow : ResizeKernel::torchvision;
      opened_.transforms = with_kernel(opened_.plan, kernel, registry, opened_.ctx);
      alpha_ = kernel == ResizeKernel::pillow ? AlphaMode::drop : AlphaMode::over_white;
    } else if (opened_.hugging_face && !resizes_as_pillow(opened_.plan)) {
      alpha_ = AlphaMode::over_white;
    }
  }

  /// @throws RecipeError if the device doesn't compute in the precision wanted
  void choose_precision() {
    Context& ctx = opened_.ctx;
    const bool cpu = ctx.device.type == DeviceName::Type::cpu;
    const bool int8 = command_.precision == "int8";
    if (int8 && !cpu) throw RecipeError("--precision int8: needs the CPU and this is a GPU. Use fp16, or --device cpu.");
    if (command_.precision == "fp16" && cpu) throw RecipeError("--precision fp16: needs a GPU and this is a CPU. Use fp32, bf16 or int8.");
    ctx.precision = int8 ? Precision::fp32 : named<Precision>(command_.precision);
    if (cpu && ctx.precision == Precision::fp32) weights_.emplace(opened_.model.ptr(), int8 ? WeightForm::int8 : WeightForm::packed);
  }

  /// The ids behind [DEC] with which all captions begin.
  [[nodiscard]] std::vector<std::int64_t> prompt() const {
    if (command_.prompt_ids.empty()) {
      const std::string text = command_.prompt.value_or(opened_.prompt);
      if (opened_.tokenizer) return prompt_ids(*opened_.tokenizer, text);
      if (text.empty()) return {};
      throw RecipeError("--prompt: the model has no vocabulary. Give ids: --prompt-ids " + std::to_string(opened_.ctx.tokens.decode) +
                        ",...");
    }
    const std::int64_t vocabulary = opened_.ctx.dimensions.vocabulary_size;
    if (command_.prompt_ids.front() != opened_.ctx.tokens.decode)
      throw RecipeError(fmt::format("--prompt-ids: the first id is not [DEC] (got {}, expected {}). Begin with {}.",
                                    command_.prompt_ids.front(), opened_.ctx.tokens.decode, opened_.ctx.tokens.decode));
    for (const std::int64_t id : command_.prompt_ids)
      if (id < 0 || id >= vocabulary)
        throw RecipeError(fmt::format("--prompt-ids: an id is outside the vocabulary (got {}, expected 0 to {}).", id, vocabulary - 1));
    return {command_.prompt_ids.begin() + 1, command_.prompt_ids.end()};
  }

  /// Called from worker threads.
  [[nodiscard]] at::Tensor read(const NamedImage& named) const {
    if (named.row) return rows_.row(*named.row);
    at::Tensor image = decode_image(named.name, alpha_);
    RandomStream random = opened_.ctx.seeds.derive(named.name);
    for (const AnyTransform& transform : opened_.transforms) image = transform(image, random);
    return image;
  }

  /// Depends on the image's name, and on how often it was named before, not on other images.
  RandomStream stream_of(const NamedImage& named) {
    const RandomStream stream = seeds_.derive("captions").derive(named.name);
    return stream.derive(occurrences_[std::hash<std::string>{}(named.name)]++);
  }

  /// Writes the batch's captions and empties it.
  void caption(std::vector<ReadImage>& batch) {
    const at::NoGradGuard no_grad;
    const Autocast autocast(opened_.ctx.precision, opened_.ctx.device);
    std::vector<at::Tensor> images;
    std::vector<RandomStream> random;
    for (const ReadImage& image : batch) {
      images.push_back(image.pixels);
      if (options_.sample) random.push_back(stream_of(image.named));
    }
    const at::Tensor pixels = at::stack(images).to(torch_device(opened_.ctx.device));
    const auto candidates = parts().generate(parts().image_states(pixels), prompt_, options_, random);
    for (std::size_t i = 0; i < batch.size(); ++i) print(batch[i].named, candidates[i]);
    if (std::fflush(stdout) != 0) throw Error(ExitCode::unexpected, "caption: standard output can't be written. Check the disk.");
    batch.clear();
  }

  void print(const NamedImage& named, const std::vector<Candidate>& candidates) const {
    Json captions = Json::array();
    for (std::size_t i = 0; i < std::min(static_cast<std::size_t>(options_.num_captions), candidates.size()); ++i) {
      std::optional<std::string> text;
      if (opened_.tokenizer) text = opened_.tokenizer->decode(candidates[i].ids);
      if (text && options_.clean_up == CleanUp::old) text = cleaned_up(std::move(*text));
      if (command_.json)
        captions.push_back({{"text", text ? Json(*text) : Json(nullptr)}, {"ids", candidates[i].ids}, {"score", candidates[i].score}});
      else
        fmt::print("{}: {}\n", named.name, text ? *text : fmt::format("{}", fmt::join(candidates[i].ids, " ")));
    }
    if (!command_.json) return;
    const Json line{{"image", named.row ? Json(*named.row) : Json(named.name)}, {"captions", captions}};
    fmt::print("{}\n", line.dump(-1, ' ', false, Json::error_handler_t::replace));  // names of files need not be UTF-8
  }

  const Command& command_;
  Terminal& terminal_;
  OpenedModel opened_;
  AlphaMode alpha_ = AlphaMode::drop;
  GenerateOptions options_;
  std::vector<std::int64_t> prompt_;
  RandomStream seeds_;
  std::unordered_map<std::size_t, std::uint64_t> occurrences_;  // of names, by their hash
  PixelRows rows_;
  std::optional<InferenceWeights> weights_;
};

}  // namespace

int caption_command(const Command& command, const Registry& registry, Terminal& terminal) {
  Captioning captioning(command, registry, terminal);
  return captioning.caption_all() == 0 ? 0 : static_cast<int>(ExitCode::data);
}

}  // namespace vlp
