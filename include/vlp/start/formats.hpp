#pragma once
// All formats that a registry holds, and which of them a model is read with, filled by, and written
// in. Includes no torch.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/concepts/format.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/start/model_source.hpp"

namespace vlp {

/// A format with the name that it has in the registry.
struct NamedFormat {
  std::string name;
  AnyFormat format;
};

/// The formats, in the order of their names. Copies share them, and what is returned by address
/// lives as long as one of the copies.
class Formats {
 public:
  /// None: every model is read and written under its own names.
  Formats() : all_(std::make_shared<const std::vector<NamedFormat>>()) {}
  /// Builds each one, with its default options if it has any.
  explicit Formats(const Registry& registry);

  /// Each one.
  [[nodiscard]] const std::vector<NamedFormat>& all() const { return *all_; }
  /// The one of that name; null if there is none.
  [[nodiscard]] const NamedFormat* named(std::string_view name) const;
  /// The family of a recipe's model: the format nearest to it, the first by name of equals; null if
  /// it has none.
  /// @param resolved  the recipe, every default written out
  [[nodiscard]] const NamedFormat* of_model(const Value& resolved) const;
  /// The format that reads weights: that of the model that they are for, if it recognises them,
  /// else the nearest; null if none does, and the tensors keep their names.
  [[nodiscard]] const NamedFormat* of_weights(const ForeignModel& foreign,
                                              const NamedFormat* family) const;
  /// What a filler must know of a recipe's model.
  [[nodiscard]] ModelLayout layout(const Value& resolved) const;
  /// Takes off the words before all names of a file, such as `module.`, if no format knows the
  /// names and one knows them without. Of a file that its config makes a whole model of a format,
  /// that format alone is asked.
  /// @param foreign  changed
  /// @param console  hears what was taken off
  void take_off_shared_words(ForeignModel& foreign, const Console& console) const;
  /// Tensors of a file under the names of a model, of whose family a format may be; then
  /// `take_off_shared_words` comes first.
  /// @param foreign  the file
  /// @param resolved the recipe of the model that they are for
  /// @param console  hears of what was changed
  /// @throws WeightsError as the format's `translate`
  [[nodiscard]] OwnWeights translate(ForeignModel foreign, const Value& resolved,
                                     const Console& console) const;
  /// Opens what no recipe describes, behind `take_off_shared_words`: with the format nearest to it,
  /// else with the first by name that can.
  /// @throws WeightsError if none can, with what each of them says
  [[nodiscard]] ImportedModel import_model(ForeignModel foreign,
                                           const ImportArguments& arguments) const;

 private:
  std::shared_ptr<const std::vector<NamedFormat>> all_;
};

/// Reads a model's file of weights; what lies beside it is looked at later.
/// @param source   where it lies
/// @param console  hears what was passed over, and which of its tensors aren't finite
/// @throws WeightsError as `read_weight_file`
[[nodiscard]] ForeignModel read_foreign_model(const ModelSource& source,
                                              const Console& console = {});

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/start/formats_inl.hpp"
#endif
