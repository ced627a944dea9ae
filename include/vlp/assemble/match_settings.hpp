#pragma once
// Settings that shape a model's numbers and that no tensor shows, compared between a recipe and the model that its
// weights come from: a wrong number of heads loads without a murmur and computes nonsense.

#include <string>
#include <string_view>
#include <utility>

#include "vlp/assemble/blip_config.hpp"
#include "vlp/assemble/blip_recipe.hpp"
#include "vlp/assemble/fit_weights.hpp"
#include "vlp/assemble/model_source.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

namespace detail {

/// The recipe, or as much of it as is known, of the model that weights come from.
[[nodiscard]] inline Value settings_of(const ModelSource& source, const WeightFile& file, const Console& console) {
  if (!source.recipe.empty()) return parse_toml_file(source.recipe);
  Table recipe;
  if (!source.config.empty()) {
    recipe.set("model", Value(model_table(read_blip_config(source.config, console))));
  } else if (file.original_names) {
    Table encoder, model;
    encoder.set("use", Value("vit"));
    encoder.set("layer_norm_eps", Value(1e-6));
    model.set("encoder", Value(std::move(encoder)));
    recipe.set("model", Value(std::move(model)));
  }
  return Value(std::move(recipe));
}

}  // namespace detail

/// @param resolved  the recipe whose model is to be filled, with every default written out
/// @param source    where the weights come from
/// @param file      the weights
/// @param console   is warned of another layer_norm_eps
/// @throws WeightsError if the number of heads differs, with the option that sets it right
inline void match_settings(const Value& resolved, const ModelSource& source, const WeightFile& file, const Console& console) {
  const Value theirs = detail::settings_of(source, file, console);
  for (const auto& [part, component] : {std::pair("encoder", "vit"), {"decoder", "bert_cross_attention"}}) {
    const std::string table = std::string("model.") + part;
    if (!detail::uses(resolved, table, component) || !detail::uses(theirs, table, component)) continue;
    for (const char* setting : {"heads", "layer_norm_eps"}) {
      const std::string key = table + "." + setting;
      const Value *got = value_at(resolved, key), *expected = value_at(theirs, key);
      if (!got || !expected || got->brief() == expected->brief()) continue;
      const std::string text = key + " differs from the model that the weights are from (got " + got->brief() + ", expected " +
                               expected->brief() + "). Use --set " + key + "=" + expected->brief();
      if (std::string_view(setting) == "heads") throw WeightsError(file.source + ": " + text + ".");
      console.warning(file.source + ": " + text);
    }
  }
}

}  // namespace vlp
