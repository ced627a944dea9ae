#pragma once
// Settings that shape a model's numbers and that no tensor shows, compared between a recipe and the model that its
// weights come from: a wrong number of heads loads without a murmur and computes nonsense. Includes no torch.

#include <string>
#include <string_view>

#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

/// @param ours     table of a part in the resolved recipe whose model is to be filled, e.g. "model.decoder"
/// @param theirs   table of the part that the weights are from, in what is known of their model's recipe
/// @param source   how messages call the weights
/// @param console  is warned of another layer_norm_eps
/// @throws WeightsError if the number of heads differs, with the option that sets it right
inline void match_settings(const Value& resolved, const std::string& ours, const Value& known, const std::string& theirs,
                           const std::string& source, const Console& console) {
  for (const char* setting : {"heads", "layer_norm_eps"}) {
    const std::string key = ours + "." + setting;
    const Value *got = value_at(resolved, key), *expected = value_at(known, theirs + "." + setting);
    if (!got || !expected || got->brief() == expected->brief()) continue;
    const std::string text = key + " differs from the model that the weights are from (got " + got->brief() + ", expected " +
                             expected->brief() + "). Use --set " + key + "=" + expected->brief();
    if (std::string_view(setting) == "heads") throw WeightsError(source + ": " + text + ".");
    console.warning(source + ": " + text);
  }
}

}  // namespace vlp
