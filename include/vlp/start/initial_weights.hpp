#pragma once
// The sources of a recipe's initial weights, opened and understood: BLIPs of any kind, vision
// transformers and BERTs, their tensors under the names of BLIP's parts.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/full_precision.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/state.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/start/fit_weights.hpp"
#include "vlp/start/weight_sources.hpp"
#include "vlp/weights/renamed_tensors.hpp"

namespace vlp {

/// The file beside a run's model.safetensors with the parameters that its losses had.
inline constexpr const char* kLossWeights = "losses.safetensors";

/// What kind of model a source of weights is.
enum class SourceKind {
  whole,  ///< a BLIP, or whatever model the recipe names, under its own names
  vit,    ///< a vision transformer: an image encoder
  bert,   ///< a BERT: text encoder and decoder, without cross-attention
};

/// A source of weights.
struct WeightSource {
  std::string key;                      ///< of `WeightSources`, e.g. "encoder"
  SourceKind kind = SourceKind::whole;  ///< what it is
  WeightFile file;                      ///< its tensors, under Hugging Face's names of BLIP
  PartCounts left_out;                  ///< what no model of vlp has a place for, e.g. poolers
  Value settings;                       ///< as much as is known of the recipe of its model

  /// The path, and what it is where that isn't a BLIP.
  [[nodiscard]] std::string in_words() const {
    return file.source + (kind == SourceKind::vit    ? " (a vision transformer)"
                          : kind == SourceKind::bert ? " (a BERT)"
                                                     : "");
  }
};

namespace detail {

[[nodiscard]] inline at::Tensor precise(const TensorBytes& tensor) {
  return vlp::precise(tensor_view(tensor));
}

}  // namespace detail

/// Opens one source. Nothing is downloaded.
/// @param key      of `WeightSources`
/// @param name     as `find_model` takes it
/// @param console  hears what of it was changed
/// @throws WeightsError if there is no such source, its files are broken, or it is a model of
/// another architecture
[[nodiscard]] WeightSource open_weight_source(std::string_view key, const std::string& name,
                                              const Console& console);

/// All sources of a recipe.
class InitialWeights {
 public:
  /// None: every weight is random.
  InitialWeights() = default;
  /// Opens them. @throws WeightsError as `open_weight_source`
  InitialWeights(const WeightSources& sources, const Console& console) {
    for (const auto& [key, name] : sources.given())
      sources_.push_back(open_weight_source(key, name, console));
  }

  /// Whether there is none.
  [[nodiscard]] bool empty() const { return sources_.empty(); }
  /// Each one, in the order of the table's keys.
  [[nodiscard]] const std::vector<WeightSource>& sources() const { return sources_; }
  /// Where a part of the model comes from: its own source, that of texts, or the whole's; null if
  /// there is none.
  /// @param part  the first word of its tensors' names, e.g. "text_decoder"
  [[nodiscard]] const WeightSource* of(std::string_view part) const {
    if (part == "vision_model") return first_of({"encoder", "model"});
    if (part == "text_encoder") return first_of({"text_encoder", "text", "model"});
    if (part == "text_decoder") return first_of({"decoder", "text", "model"});
    return first_of({"model"});
  }
  /// Tensors of the whole model's source that no model takes, for the losses: BLIP's queues.
  [[nodiscard]] State for_losses() const {
    State state;
    if (const WeightSource* whole = first_of({"model"}))
      for (const auto& [name, tensor] : whole->file.tensors)
        if (is_queue_name(name)) state.put(name, tensor);
    return state;
  }
  /// The file with the parameters that the losses of the whole model's run had; empty if there is
  /// none.
  [[nodiscard]] std::filesystem::path loss_weights() const {
    const WeightSource* whole = first_of({"model"});
    if (!whole) return {};
    const auto file = std::filesystem::path(whole->file.source).parent_path() / kLossWeights;
    return std::filesystem::exists(file) ? file : std::filesystem::path();
  }
  /// Whether a tensor belongs to the queues that BLIP's files carry.
  [[nodiscard]] static bool is_queue_name(std::string_view name) {
    return name == "image_queue" || name == "text_queue" || name == "idx_queue" ||
           name == "queue_ptr" || name == "ptr_queue";
  }

 private:
  [[nodiscard]] const WeightSource* first_of(std::initializer_list<std::string_view> keys) const {
    for (const std::string_view key : keys)
      for (const WeightSource& source : sources_)
        if (source.key == key) return &source;
    return nullptr;
  }

  std::vector<WeightSource> sources_;
};

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/start/initial_weights_inl.hpp"
#endif
