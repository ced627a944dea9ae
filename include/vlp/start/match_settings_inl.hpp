#pragma once

#include <string>
#include <string_view>

#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/start/match_settings.hpp"

namespace vlp {

VLP_INLINE void match_settings(const PartTable& ours, const PartTable& theirs,
                               const std::string& source, const Console& console) {
  for (const char* setting : {"heads", "layer_norm_eps"}) {
    const std::string key = ours.path + "." + setting;
    const Value *got = value_at(ours.recipe, key),
                *expected = value_at(theirs.recipe, theirs.path + "." + setting);
    if (!got || !expected || got->brief() == expected->brief()) continue;
    const std::string text = key + " differs from the model that the weights are from (got " +
                             got->brief() + ", expected " + expected->brief() + "). Use --set " +
                             key + "=" + expected->brief();
    if (std::string_view(setting) == "heads") throw WeightsError(source + ": " + text + ".");
    console.warning(source + ": " + text);
  }
}

}  // namespace vlp
