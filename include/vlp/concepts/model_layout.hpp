#pragma once
// How the tensors of a family's models are named and belong together, told as data, so that one
// filler serves every family. Includes no torch.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/core/console.hpp"
#include "vlp/core/named_tensors.hpp"

namespace vlp {

/// Shapes of tensors by name.
using TensorShapes = std::map<std::string, std::vector<std::int64_t>, std::less<>>;

/// A place from which a part is taken where a source lacks it.
struct Substitute {
  std::string beginning;  ///< of names in the source, without the dot behind it
  std::string instead;    ///< what stands there in the model
};

/// A part of a model: all tensors whose names begin with one word.
struct LayoutPart {
  std::string name;   ///< that word
  std::string table;  ///< its options in a recipe, e.g. "model.decoder"; a model whose recipe lacks
                      ///< them doesn't have the part; empty = every model of the family has it
  std::vector<std::string> sources;     ///< keys of [model.weights] for it, the best first, which
                                        ///< the family chooses; behind them stands "model"
  std::vector<Substitute> substitutes;  ///< tried in this order
};

/// Layers of a part that a source may lack as a whole; they then begin at random.
struct LayerGroup {
  std::string name;    ///< as reports call it, behind the part's name and a dot
  std::string within;  ///< stands in the names of all of its tensors and of no other

  /// Whether a tensor belongs to it.
  [[nodiscard]] bool holds(std::string_view tensor) const {
    return tensor.find(within) != tensor.npos;
  }
};

/// A table with one row for each word, or for each position of a text.
struct RowTable {
  std::string ending;  ///< of the tensor's name
  bool words = false;  ///< whether rows are words; they can be added, never cut off
};

/// A learned position for each patch of a square image, rows from top to bottom.
struct GridTable {
  std::string name;          ///< of the tensor [1, leading + side * side, D] or without the 1
  std::int64_t leading = 1;  ///< positions that belong to no patch, such as that of a class token
};

/// What a filler of weights must know of a family. What isn't said here is as for any module.
struct ModelLayout {
  std::vector<LayoutPart> parts;  ///< those of which there is more to say
  std::map<std::string, std::string, std::less<>> momentum;  ///< a momentum encoder's part to the
                                                             ///< part that it follows
  std::vector<LayerGroup> groups;                            ///< what a source may lack
  std::vector<RowTable> rows;                                ///< what can be cut or lengthened
  std::int64_t new_words = 0;               ///< words that a source may lack at most
  std::vector<GridTable> grids;             ///< what can be interpolated
  std::set<std::string, std::less<>> kept;  ///< tensors that stay as the recipe begins them where a
                                            ///< source lacks them
  std::set<std::string, std::less<>> for_losses;  ///< tensors of files that are no model's
  std::string owner;  ///< the part whose values are taken where parts share tensors and sources
                      ///< differ
  /// Makes of what a file says twice, or once for two, what the model has: changes the tensors of a
  /// file or of one part, given all of the model's shapes and how messages call the file. Throws a
  /// WeightsError if the model can't hold what the file says.
  std::function<void(TensorMap& tensors, const TensorShapes& model, const std::string& source,
                     const Console& console)>
      settle = {};

  /// What is said of a part; null if nothing.
  [[nodiscard]] const LayoutPart* part(std::string_view name) const {
    const auto found = std::ranges::find(parts, name, &LayoutPart::name);
    return found == parts.end() ? nullptr : &*found;
  }
  /// Whether a tensor belongs to a momentum encoder.
  [[nodiscard]] bool is_momentum(std::string_view tensor) const {
    return momentum.contains(tensor.substr(0, tensor.find('.')));
  }
  /// The tensor that a momentum encoder's follows, e.g. text_proj.bias of text_proj_m.bias.
  /// @param tensor  `is_momentum`
  [[nodiscard]] std::string followed(std::string_view tensor) const {
    const std::size_t dot = std::min(tensor.find('.'), tensor.size());
    return momentum.find(tensor.substr(0, dot))->second + std::string(tensor.substr(dot));
  }
  /// The group that a tensor belongs to; null if none.
  [[nodiscard]] const LayerGroup* group(std::string_view tensor) const {
    const auto found =
        std::ranges::find_if(groups, [&](const LayerGroup& group) { return group.holds(tensor); });
    return found == groups.end() ? nullptr : &*found;
  }
};

}  // namespace vlp
