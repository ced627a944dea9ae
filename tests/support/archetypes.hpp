#pragma once
// One type for each kind that has what its concept asks for and nothing else: it can't be copied
// unless the concept says so, has no options, and only the required members. What compiles with
// these asks no more than the concept does.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "vlp/concepts/dataset.hpp"
#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/encoder.hpp"
#include "vlp/concepts/format.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/metric.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/schedule.hpp"
#include "vlp/concepts/tokenizer.hpp"
#include "vlp/concepts/transform.hpp"

namespace archetype {

/// Can be moved, not copied.
struct MoveOnly {
  MoveOnly() = default;
  MoveOnly(MoveOnly&&) = default;
  MoveOnly& operator=(MoveOnly&&) = default;
  MoveOnly(const MoveOnly&) = delete;
  MoveOnly& operator=(const MoveOnly&) = delete;
};

/// What a module holder must do, without LibTorch's holder: copies refer to one module.
template <class T>
struct Handle {
  T* operator->() const { return module.get(); }
  [[nodiscard]] std::shared_ptr<torch::nn::Module> ptr() const { return module; }
  std::shared_ptr<T> module = std::make_shared<T>();
};

struct EncoderModule : torch::nn::Module {
  at::Tensor forward(const at::Tensor& pixels) { return pixels.mean({2, 3}).unsqueeze(1); }
  [[nodiscard]] std::int64_t width() const { return 3; }
};
struct Encoder : Handle<EncoderModule> {
  static constexpr std::string_view name = "an_encoder";
};

struct DecoderModule : torch::nn::Module {
  at::Tensor states(const at::Tensor& ids, const at::Tensor&, const at::Tensor&) {
    return ids.unsqueeze(-1).to(at::kFloat);
  }
  at::Tensor logits(const at::Tensor& states) { return states * 2; }
  vlp::DecodingCache make_cache(const at::Tensor&, std::int64_t beams, std::int64_t) {
    vlp::DecodingCache cache;
    cache.beams = beams;
    return cache;
  }
  at::Tensor step(const at::Tensor& ids, vlp::DecodingCache& cache) {
    cache.length += ids.size(1);
    return ids.to(at::kFloat);
  }
};
struct Decoder : Handle<DecoderModule> {
  static constexpr std::string_view name = "a_decoder";
};

struct ModelModule : torch::nn::Module {
  static vlp::Parts serves() { return vlp::Parts(); }
};
struct Model : Handle<ModelModule> {
  static constexpr std::string_view name = "a_model";
  static vlp::Parts serves() {
    return ModelModule::serves();
  }  // by this a recipe is checked before anything is built
};

struct Loss : MoveOnly {
  static constexpr std::string_view name = "a_loss";
  static constexpr auto needs = vlp::Parts::of<vlp::ImageStates>();
  vlp::LossValue operator()(vlp::Forward& pass) { return {pass.image_states().sum(), {}}; }
};

struct Metric : MoveOnly {
  static constexpr std::string_view name = "a_metric";
  static std::vector<vlp::ScoreName> score_names(const vlp::NoOptions&) { return {{"sum"}}; }
  [[nodiscard]] vlp::ImageStatistics measure(const vlp::CaptionSet&) const { return {2, 1}; }
  [[nodiscard]] vlp::Scores scores(std::span<const double> sums) const {
    return {{"sum", sums[0]}};
  }
};

struct RetrievalMetric : MoveOnly {
  static constexpr std::string_view name = "a_retrieval_metric";
  static std::vector<vlp::ScoreName> score_names(const vlp::NoOptions&) { return {{"texts"}}; }
  static std::int64_t rerank(const vlp::NoOptions&) { return 3; }
  [[nodiscard]] vlp::Scores scores(const vlp::RetrievalRanks& ranks) const {
    return {{"texts", static_cast<double>(ranks.decisive().of_texts.size())}};
  }
  [[nodiscard]] std::int64_t rerank() const { return 3; }
};

struct Dataset : MoveOnly {
  static constexpr std::string_view name = "a_dataset";
  [[nodiscard]] const std::vector<vlp::ImageRecord>& records(vlp::Split) const { return images; }
  [[nodiscard]] vlp::CaptionsPerImage captions_per_image() const {
    return vlp::CaptionsPerImage::one;
  }
  std::vector<vlp::ImageRecord> images{{"1.jpg", "folder/1.jpg", {"a man"}}};
};

struct Transform : MoveOnly {
  static constexpr std::string_view name = "a_transform";
  at::Tensor operator()(const at::Tensor& image, vlp::RandomStream&) const { return image + 1; }
};

struct Tokenizer : MoveOnly {
  static constexpr std::string_view name = "a_tokenizer";
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view text) const {
    return {static_cast<std::int64_t>(text.size())};
  }
  [[nodiscard]] std::string decode(std::span<const std::int64_t> ids) const {
    return std::string(ids.size(), 'x');
  }
  [[nodiscard]] vlp::SpecialTokens special() const { return {.pad = 5}; }
  [[nodiscard]] std::int64_t vocabulary_size() const { return 9; }
  void write(const std::filesystem::path&) const {}
};

struct Optimizer : MoveOnly {
  static constexpr std::string_view name = "an_optimizer";
  void manage(std::vector<vlp::ParameterGroup> groups) {
    count = static_cast<std::int64_t>(groups.size());
  }
  void step(const vlp::StepControl&) {}
  void zero_grad() {}
  [[nodiscard]] double lr() const { return 0.25 * static_cast<double>(count); }
  [[nodiscard]] bool decays_norms_and_biases() const { return true; }
  void save(vlp::State& state) const { state.put("count", count); }
  void load(const vlp::State& state) { count = state.integer("count"); }
  std::int64_t count = 0;
};

struct Format : MoveOnly {
  static constexpr std::string_view name = "a_format";
  [[nodiscard]] std::string title() const { return "an archetype"; }
  [[nodiscard]] vlp::Kinship kinship(const vlp::ForeignModel&) const { return vlp::Kinship::whole; }
  [[nodiscard]] vlp::OwnWeights translate(vlp::WeightFile file, const vlp::Console&) const {
    return {.source = std::move(file.source), .tensors = std::move(file.tensors)};
  }
  [[nodiscard]] vlp::Value settings(const vlp::ForeignModel&, const vlp::Console&) const {
    return {};
  }
  [[nodiscard]] vlp::ImportedModel import_model(vlp::ForeignModel,
                                                const vlp::ImportArguments&) const {
    return {};
  }
  [[nodiscard]] vlp::Kinship kinship(const vlp::Value&) const { return vlp::Kinship::none; }
  [[nodiscard]] vlp::ModelLayout layout(const vlp::Value&) const { return {}; }
  [[nodiscard]] std::string obstacle(const vlp::ExportedModel&) const { return "anything"; }
  [[nodiscard]] std::vector<vlp::FolderFile> files(const vlp::ExportedModel&) const { return {}; }
  void pack(vlp::NamedTensors&, vlp::Metadata& metadata) const { metadata.emplace("by", "it"); }
};

struct Schedule : MoveOnly {
  static constexpr std::string_view name = "a_schedule";
  double operator()(const vlp::SchedulePosition& position) const {
    return static_cast<double>(position.step);
  }
};

}  // namespace archetype
