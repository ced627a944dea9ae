#pragma once
// A second family of models, whole in one plugin: a captioner after GIT (Wang et al. 2022) with
// neither cross-attention nor layers, and the format of its files, whose tensors have other names.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/format.hpp"
#include "vlp/concepts/image_memory.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/nn/layers.hpp"
#include "vlp/nn/patch_embedding.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/weights/config_file.hpp"
#include "vlp/weights/tensor_parts.hpp"

namespace tiny_git {

/// What the model and its format have in common.
struct Sizes {
  std::int64_t image_size = 16;
  std::int64_t patch = 8;
  std::int64_t width = 12;
  std::int64_t words = 9;

  static constexpr auto fields() {
    return std::tuple{vlp::field<&Sizes::image_size>("Pixels.", vlp::at_least(1)),
                      vlp::field<&Sizes::patch>("Pixels.", vlp::at_least(1)),
                      vlp::field<&Sizes::width>("Of all states.", vlp::at_least(1)),
                      vlp::field<&Sizes::words>("In the vocabulary.", vlp::at_least(4))};
  }
};

/// An image's states are its patches with their positions.
struct VisionImpl : torch::nn::Module {
  explicit VisionImpl(const Sizes& sizes)
      : patches(register_module("patches", vlp::PatchEmbedding(sizes.patch, sizes.width))) {
    const std::int64_t side = sizes.image_size / sizes.patch;
    positions = register_parameter("positions", vlp::initial_weights({side * side, sizes.width}));
  }
  [[nodiscard]] at::Tensor forward(const at::Tensor& pixels) { return patches(pixels) + positions; }

  vlp::PatchEmbedding patches{nullptr};
  at::Tensor positions;
};
TORCH_MODULE(Vision);

/// Each word sees itself and the mean of the image.
struct ModelImpl : torch::nn::Module {
  static constexpr std::string_view name = "tiny_git";
  using Options = Sizes;

  ModelImpl(const Options& options, const vlp::Facts& facts)
      : tokens(facts.tokens),
        vision(register_module("vision", Vision(options))),
        words(register_module("words", vlp::Embedding(options.words, options.width))),
        head(register_module("head", vlp::Linear(options.width, options.words))) {}

  [[nodiscard]] static vlp::Parts serves(const Options&) {
    return vlp::parts::decoder | vlp::parts::captions;
  }
  [[nodiscard]] vlp::Parts serves() const { return serves(Options{}); }
  [[nodiscard]] at::Tensor image_states(const at::Tensor& pixels) { return vision(pixels); }
  [[nodiscard]] at::Tensor decoder_states(const at::Tensor& ids, const at::Tensor&,
                                          const vlp::ImageMemory& images) {
    return words(ids) + images.states().mean(1, /*keepdim=*/true);
  }
  [[nodiscard]] at::Tensor decoder_logits(const at::Tensor& states) { return head(states); }
  [[nodiscard]] std::vector<std::vector<vlp::Candidate>> generate(
      const at::Tensor& image_states, const std::vector<std::int64_t>& prompt,
      const vlp::GenerateOptions& options) {
    std::vector<std::vector<vlp::Candidate>> captions;
    for (std::int64_t image = 0; image < image_states.size(0); ++image) {
      std::vector<std::int64_t> ids{tokens.decode};
      ids.insert(ids.end(), prompt.begin(), prompt.end());
      while (static_cast<std::int64_t>(ids.size()) < options.max_length &&
             ids.back() != tokens.sep) {
        const at::Tensor last = at::tensor({ids.back()}, at::kLong).view({1, 1});
        ids.push_back(decoder_logits(decoder_states(last, {}, image_states.narrow(0, image, 1)))
                          .argmax(-1)
                          .item<std::int64_t>());
      }
      captions.push_back({{ids, 0.0}});
    }
    return captions;
  }

  vlp::SpecialTokens tokens;
  Vision vision;
  vlp::Embedding words;
  vlp::Linear head;
};
TORCH_MODULE(Model);
static_assert(vlp::Model<Model>);

/// Names in files and in the module.
inline const std::vector<std::pair<std::string, std::string>> kNames{
    {"git.image.patches.", "vision.patches."},
    {"git.image.positions", "vision.positions"},
    {"git.words.", "words."},
    {"git.output.", "head."}};

/// A name with its beginning replaced, in either direction.
inline std::string renamed(const std::string& name, bool to_file) {
  for (const auto& [file, module] : kNames) {
    const auto& [from, to] = to_file ? std::pair(module, file) : std::pair(file, module);
    if (name.starts_with(from)) return to + name.substr(from.size());
  }
  return name;
}

class Format {
 public:
  static constexpr std::string_view name = "tiny_git";

  [[nodiscard]] std::string title() const { return "a tiny GIT"; }

  [[nodiscard]] vlp::Kinship kinship(const vlp::ForeignModel& foreign) const {
    return vlp::has_beginning(foreign.file.tensors, "git.") ? vlp::Kinship::whole
                                                            : vlp::Kinship::none;
  }
  [[nodiscard]] vlp::OwnWeights translate(vlp::WeightFile file, const vlp::Console&) const {
    vlp::OwnWeights weights{.source = file.source, .tensors = {}};
    for (auto& [name, tensor] : file.tensors)
      weights.tensors.emplace(renamed(name, /*to_file=*/false), std::move(tensor));
    return weights;
  }
  [[nodiscard]] vlp::Value settings(const vlp::ForeignModel&, const vlp::Console&) const {
    return {};
  }
  [[nodiscard]] vlp::ImportedModel import_model(vlp::ForeignModel foreign,
                                                const vlp::ImportArguments& arguments) const {
    const std::string source = foreign.file.source;
    if (kinship(foreign) == vlp::Kinship::none)
      throw vlp::WeightsError(source + ": no tiny GIT. Choose another model.");
    const vlp::ConfigObject config = vlp::read_config_file(foreign.config);
    Sizes sizes;
    vlp::Table model, resize, normalize, loss, root;
    model.set("use", vlp::Value("tiny_git"));
    vlp::for_each_field<Sizes>([&](const auto& field) {
      auto& size = field.of(sizes);
      size = config.integer(std::string(field.name).c_str(), size, field.range);
      model.set(std::string(field.name), vlp::Value(size));
    });
    config.throw_if_wrong("Correct the file.");
    resize.set("use", vlp::Value("resize"));
    resize.set("size", vlp::Value(sizes.image_size));
    normalize.set("use", vlp::Value("normalize"));
    loss.set("use", vlp::Value("lm"));
    root.set("transform", vlp::Value(vlp::Array{vlp::Value(std::move(resize)),
                                                vlp::Value(std::move(normalize))}));
    root.set("model", vlp::Value(std::move(model)));
    root.set("loss", vlp::Value(vlp::Array{vlp::Value(std::move(loss))}));
    return {
        .recipe = vlp::Value(std::move(root)),
        .tokens = {.vocabulary_size = sizes.words, .decode = 1, .encode = 1, .sep = 2, .pad = 0},
        .weights = translate(std::move(foreign.file), arguments.console)};
  }

  [[nodiscard]] vlp::Kinship kinship(const vlp::Value& resolved) const {
    return uses(resolved) ? vlp::Kinship::whole : vlp::Kinship::none;
  }
  [[nodiscard]] vlp::ModelLayout layout(const vlp::Value&) const {
    vlp::ModelLayout layout;
    layout.parts = {{.name = "vision", .table = "", .sources = {"encoder"}, .substitutes = {}},
                    {.name = "words", .table = "", .sources = {"text"}, .substitutes = {}}};
    layout.grids = {{.name = "vision.positions", .leading = 0}};
    return layout;
  }

  [[nodiscard]] std::string obstacle(const vlp::ExportedModel& model) const {
    return uses(model.resolved) ? "" : "another model";
  }
  [[nodiscard]] std::vector<vlp::FolderFile> files(const vlp::ExportedModel& model) const {
    vlp::Json config{{"model_type", "tiny_git"}};
    const vlp::Table& table =
        *model.resolved.as<vlp::Table>()->find("model")->value.as<vlp::Table>();
    vlp::for_each_field<Sizes>([&](const auto& field) {
      const std::string key(field.name);
      config[key] = *table.find(key)->value.as<std::int64_t>();
    });
    return {{"config.json", config}, {"README.md", std::string("# a tiny GIT\n")}};
  }
  void pack(vlp::NamedTensors& tensors, vlp::Metadata&) const {
    for (auto& [name, tensor] : tensors) name = renamed(name, /*to_file=*/true);
  }

 private:
  static bool uses(const vlp::Value& resolved) {
    const vlp::Entry* model = resolved.as<vlp::Table>()->find("model");
    const vlp::Entry* use = model ? model->value.as<vlp::Table>()->find("use") : nullptr;
    return use && *use->value.as<std::string>() == "tiny_git";
  }
};
static_assert(vlp::Format<Format>);

}  // namespace tiny_git

VLP_PLUGIN(tiny_git, "1.0", tiny_git::Model, tiny_git::Format);
