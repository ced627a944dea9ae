#pragma once
// Settings that shape a model's numbers and that no tensor shows, compared between a recipe and the
// model that its weights come from: a wrong number of heads loads without a murmur and computes
// nonsense. Includes no torch.

#include <string>
#include <string_view>

#include "vlp/core/console.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

/// @param resolved  the recipe whose model is to be filled, every default written out
/// @param ours      the table of a part in it, e.g. "model.decoder"
/// @param known     what is known of the recipe of the model that the weights come from
/// @param theirs    the table in it of the part that they come from
/// @param source    how messages call the weights
/// @param console   is warned of another layer_norm_eps
/// @throws WeightsError if the number of heads differs, with the option that sets it right
void match_settings(const Value& resolved, const std::string& ours, const Value& known,
                    const std::string& theirs, const std::string& source, const Console& console);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/start/match_settings_inl.hpp"
#endif
