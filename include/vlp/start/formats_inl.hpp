#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vlp/concepts/context.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/diagnostics.hpp"
#include "vlp/recipe/read.hpp"
#include "vlp/start/formats.hpp"
#include "vlp/weights/finite_tensors.hpp"
#include "vlp/weights/read_weights.hpp"
#include "vlp/weights/shared_words.hpp"

namespace vlp {

namespace detail {

/// The format with the highest kinship to something, the first by name of equals; null if all have
/// none.
template <class Thing>
[[nodiscard]] const NamedFormat* nearest_format(const std::vector<NamedFormat>& formats,
                                                const Thing& thing) {
  const NamedFormat* best = nullptr;
  Kinship kinship = Kinship::none;
  for (const NamedFormat& candidate : formats)
    if (const Kinship found = candidate.format.kinship(thing); found > kinship)
      best = &candidate, kinship = found;
  return best;
}

}  // namespace detail

VLP_INLINE Formats::Formats(const Registry& registry) {
  std::vector<NamedFormat> formats;
  for (const std::string& name : registry.names(AnyFormat::kind)) {
    Diagnostics problems;
    ReadContext read{problems, &registry};
    const auto prepared = registry.find<AnyFormat>(name)->prepare(
        Table(), {}, std::string(AnyFormat::kind), {}, read);
    problems.throw_if_any();
    formats.push_back({name, prepared->build(Context{})});
  }
  all_ = std::make_shared<const std::vector<NamedFormat>>(std::move(formats));
}

VLP_INLINE const NamedFormat* Formats::named(std::string_view name) const {
  const auto found = std::ranges::find(*all_, name, &NamedFormat::name);
  return found == all_->end() ? nullptr : &*found;
}

VLP_INLINE const NamedFormat* Formats::of_model(const Value& resolved) const {
  return detail::nearest_format(*all_, resolved);
}

VLP_INLINE const NamedFormat* Formats::of_weights(const ForeignModel& foreign,
                                                  const NamedFormat* family) const {
  if (family && family->format.kinship(foreign) != Kinship::none) return family;
  return detail::nearest_format(*all_, foreign);
}

VLP_INLINE ModelLayout Formats::layout(const Value& resolved) const {
  const NamedFormat* family = of_model(resolved);
  return family ? family->format.layout(resolved) : ModelLayout{};
}

VLP_INLINE void Formats::take_off_shared_words(ForeignModel& foreign,
                                               const Console& console) const {
  std::vector<NamedFormat> whole;  // whose model it is, whatever the names
  if (!foreign.config.empty())
    for (const NamedFormat& candidate : *all_)
      if (candidate.format.kinship(foreign) == Kinship::whole) whole.push_back(candidate);
  const std::vector<NamedFormat>& asked = whole.empty() ? *all_ : whole;
  ForeignModel bare{
      {.source = foreign.file.source, .tensors = foreign.file.tensors, .metadata = {}},
      foreign.folder,
      {}};  // without its config, so that the names tell
  if (detail::nearest_format(asked, bare)) return;
  for (const std::string& beginning : shared_beginnings(foreign.file.tensors)) {
    bare.file.tensors = without_beginning(foreign.file.tensors, beginning);
    if (!detail::nearest_format(asked, bare)) continue;
    foreign.file.tensors = std::move(bare.file.tensors);
    console.note(taken_off_text(foreign.file.source, foreign.file.tensors.size(), beginning));
    return;
  }
}

VLP_INLINE OwnWeights Formats::translate(ForeignModel foreign, const Value& resolved,
                                         const Console& console) const {
  const NamedFormat* family = of_model(resolved);
  if (family) take_off_shared_words(foreign, console);
  if (const NamedFormat* reader = of_weights(foreign, family))
    return reader->format.translate(std::move(foreign.file), console);
  return {.source = std::move(foreign.file.source), .tensors = std::move(foreign.file.tensors)};
}

VLP_INLINE ImportedModel Formats::import_model(ForeignModel foreign,
                                               const ImportArguments& arguments) const {
  take_off_shared_words(foreign, arguments.console);
  if (const NamedFormat* reader = detail::nearest_format(*all_, foreign))
    return reader->format.import_model(std::move(foreign), arguments);
  std::string refusals;
  for (const NamedFormat& candidate : *all_) try {
      return candidate.format.import_model(foreign, arguments);
    } catch (const WeightsError& error) {
      refusals += (refusals.empty() ? "" : "\n") + std::string(error.what());
    }
  throw WeightsError(
      refusals.empty() ? foreign.file.source +
                             ": no recipe describes this model (got no recipe.toml beside it, and "
                             "no format is there that could tell). Add a format with --plugin."
                       : refusals);
}

VLP_INLINE ForeignModel read_foreign_model(const ModelSource& source, const Console& console) {
  ForeignModel foreign{read_weight_file(source.weights), source.folder(), source.config};
  for (const std::string& note : foreign.file.notes)
    console.note(foreign.file.source + ": " + note);
  foreign.not_finite = not_finite_tensors(foreign.file.source, foreign.file.tensors);
  if (!foreign.not_finite.empty()) console.note(foreign.not_finite);
  return foreign;
}

}  // namespace vlp
