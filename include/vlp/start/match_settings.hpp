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

/// @param ours     table of a part in the resolved recipe whose model is to be filled, e.g.
///                 "model.decoder"
/// @param theirs   table of the part that the weights are from, in what is known of their model's
///                 recipe
/// @param source   how messages call the weights
/// @param console  is warned of another layer_norm_eps
/// @throws WeightsError if the number of heads differs, with the option that sets it right
void match_settings(const Value& resolved, const std::string& ours, const Value& known,
                    const std::string& theirs, const std::string& source, const Console& console);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/start/match_settings_inl.hpp"
#endif
