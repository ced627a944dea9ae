#pragma once
// BLIP (Li et al. 2022) as Hugging Face's transformers and the original repository store it, and
// the vision transformers and BERTs that its parts can begin with.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/blip/export.hpp"
#include "vlp/blip/hugging_face.hpp"
#include "vlp/blip/import.hpp"
#include "vlp/blip/layout.hpp"
#include "vlp/blip/own_weights.hpp"
#include "vlp/blip/recipe.hpp"
#include "vlp/concepts/format.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/named_tensors.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// Hugging Face's folders and files of either, at whose names the modules' own are aimed.
class BlipFormat {
 public:
  static constexpr std::string_view name = "blip";

  [[nodiscard]] std::string title() const { return "Hugging Face's BLIP"; }

  [[nodiscard]] Kinship kinship(const ForeignModel& foreign) const {
    return kinship_to_blip(foreign);
  }
  /// @throws WeightsError if two tensors get one name, or a temperature in metadata is none
  [[nodiscard]] OwnWeights translate(WeightFile file, const Console& console) const {
    return own_blip_weights(std::move(file), console);
  }
  /// @throws WeightsError if the config is that of a model with other arithmetic than the tensors'
  /// names promise
  [[nodiscard]] Value settings(const ForeignModel& foreign, const Console& console) const {
    return known_blip_settings(foreign, console);
  }
  /// @throws WeightsError if it is no BLIP, or its files are broken or don't fit together
  [[nodiscard]] ImportedModel import_model(ForeignModel foreign,
                                           const ImportArguments& arguments) const {
    return import_blip(std::move(foreign), arguments);
  }

  /// @throws WeightsError for another tokenizer than lower-casing WordPiece
  [[nodiscard]] std::optional<Table> tokenizer(const std::filesystem::path& folder) const {
    return read_tokenizer(folder);
  }

  [[nodiscard]] Kinship kinship(const Value& resolved) const { return kinship_to_blip(resolved); }
  [[nodiscard]] ModelLayout layout(const Value&) const { return blip_layout(); }

  [[nodiscard]] std::string obstacle(const ExportedModel& model) const {
    return blip_obstacle(model);
  }
  [[nodiscard]] std::vector<FolderFile> files(const ExportedModel& model) const {
    return blip_files(model);
  }
  void pack(NamedTensors& tensors, Metadata& metadata) const {
    pack_blip_tensors(tensors, metadata);
  }
};
static_assert(Format<BlipFormat>);

}  // namespace vlp

VLP_PLUGIN(blip, "1.0", vlp::BlipFormat);
