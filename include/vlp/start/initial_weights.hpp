#pragma once
// The sources of a recipe's initial weights, opened and understood: their tensors under the names
// of the model that they are for. Includes no torch.

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/format.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/state.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/start/formats.hpp"
#include "vlp/start/weight_sources.hpp"

namespace vlp {

/// The file beside a run's model.safetensors with the parameters that its losses had.
inline constexpr const char* kLossWeights = "losses.safetensors";

/// A source of weights.
struct WeightSource {
  std::string key;              ///< `WeightSources::kWhole`, or that of a part, e.g. "encoder"
  OwnWeights weights;           ///< its tensors
  Value settings;               ///< as much as is known of the recipe of its model
  std::string format;           ///< which has read it; empty = none
  std::string not_finite = {};  ///< which of the file's tensors aren't finite; empty = all are

  /// The path, and what it is where that isn't a whole model.
  [[nodiscard]] std::string in_words() const {
    return weights.what.empty() ? weights.source : weights.source + " (" + weights.what + ")";
  }
};

/// Opens one source. Nothing is downloaded.
/// @param key      of `WeightSources`
/// @param name     as `find_model` takes it
/// @param formats  one of them may recognise it
/// @param family   the format of the model that the weights are for; null = none
/// @param console  hears what of it was changed
/// @throws WeightsError if there is no such source, its files are broken, or it is a model of
/// another architecture
[[nodiscard]] WeightSource open_weight_source(std::string_view key, const std::string& name,
                                              const Formats& formats, const NamedFormat* family,
                                              const Console& console);

/// All sources of a recipe.
class InitialWeights {
 public:
  /// None: every weight is random.
  InitialWeights() = default;
  /// One source that holds all of a model.
  /// @param whole   its tensors
  /// @param layout  of the model
  InitialWeights(OwnWeights whole, ModelLayout layout) : layout_(std::move(layout)) {
    sources_.push_back({.key = std::string(WeightSources::kWhole),
                        .weights = std::move(whole),
                        .settings = {},
                        .format = {}});
  }
  /// Opens them.
  /// @param sources   as a recipe names them
  /// @param formats   those that may recognise one
  /// @param resolved  the recipe of the model that they are for
  /// @param console   hears what of them was changed
  /// @throws WeightsError as `open_weight_source`
  InitialWeights(const WeightSources& sources, const Formats& formats, const Value& resolved,
                 const Console& console)
      : layout_(formats.layout(resolved)) {
    const NamedFormat* family = formats.of_model(resolved);
    for (const auto& [key, name] : sources.given())
      sources_.push_back(open_weight_source(key, name, formats, family, console));
  }

  /// Whether there is none.
  [[nodiscard]] bool empty() const { return sources_.empty(); }
  /// Each one, in the recipe's order, that of the whole first.
  [[nodiscard]] const std::vector<WeightSource>& sources() const { return sources_; }
  /// The same, to give their tensors other names.
  [[nodiscard]] std::vector<WeightSource>& sources() { return sources_; }
  /// What is known of the model that they are for.
  [[nodiscard]] const ModelLayout& layout() const { return layout_; }
  /// The format that has read the first of them; empty if there is none.
  [[nodiscard]] std::string format() const {
    return sources_.empty() ? std::string() : sources_.front().format;
  }
  /// Which tensors of the sources' files aren't finite, a line a source; empty = all are.
  [[nodiscard]] std::string not_finite() const {
    std::string lines;
    for (const WeightSource& source : sources_)
      if (!source.not_finite.empty()) lines += (lines.empty() ? "" : "\n") + source.not_finite;
    return lines;
  }
  /// Where a part of the model comes from: the first of its own sources, or the whole's; null if
  /// there is none.
  /// @param part  the first word of its tensors' names
  [[nodiscard]] const WeightSource* of(std::string_view part) const {
    if (const LayoutPart* known = layout_.part(part))
      for (const std::string& key : known->sources)
        if (const WeightSource* own = source(key)) return own;
    return source(WeightSources::kWhole);
  }
  /// Tensors of the whole model's source that no model takes, for the losses: queues of embeddings.
  [[nodiscard]] State for_losses() const {
    State state;
    if (const WeightSource* whole = source(WeightSources::kWhole))
      for (const auto& [name, tensor] : whole->weights.tensors)
        if (layout_.for_losses.contains(name)) state.put(name, tensor);
    return state;
  }
  /// The file with the parameters that the losses of the whole model's run had; empty if there is
  /// none.
  [[nodiscard]] std::filesystem::path loss_weights() const {
    const WeightSource* whole = source(WeightSources::kWhole);
    if (!whole) return {};
    const auto file = std::filesystem::path(whole->weights.source).parent_path() / kLossWeights;
    return std::filesystem::exists(file) ? file : std::filesystem::path();
  }

 private:
  [[nodiscard]] const WeightSource* source(std::string_view key) const {
    for (const WeightSource& source : sources_)
      if (source.key == key) return &source;
    return nullptr;
  }

  std::vector<WeightSource> sources_;
  ModelLayout layout_;
};

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/start/initial_weights_inl.hpp"
#endif
