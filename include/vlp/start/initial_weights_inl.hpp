#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "vlp/core/console.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/start/formats.hpp"
#include "vlp/start/initial_weights.hpp"
#include "vlp/start/model_source.hpp"

namespace vlp {

VLP_INLINE WeightSource open_weight_source(std::string_view key, const std::string& name,
                                           const Formats& formats, const NamedFormat* family,
                                           const Console& console) {
  const ModelSource where = find_model(name);
  ForeignModel foreign = read_foreign_model(where, console);
  if (family) formats.take_off_shared_words(foreign, console);
  const NamedFormat* reader = formats.of_weights(foreign, family);
  WeightSource source{.key = std::string(key), .weights = {}, .settings = {}, .format = {}};
  source.not_finite = foreign.not_finite;
  if (!where.recipe.empty())
    source.settings = parse_toml_file(where.recipe);
  else if (reader)
    source.settings = reader->format.settings(foreign, console);
  if (!reader) {
    source.weights.source = std::move(foreign.file.source);
    source.weights.tensors = std::move(foreign.file.tensors);
    return source;
  }
  source.format = reader->name;
  source.weights = reader->format.translate(std::move(foreign.file), console);
  return source;
}

}  // namespace vlp
