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

/// The table of a model's part in a recipe.
struct PartTable {
  const Value& recipe;      ///< or as much of it as is known
  const std::string& path;  ///< e.g. "model.decoder"
};

/// @param ours     the part that is to be filled, every default written out
/// @param theirs   the part that the weights come from
/// @param source   how messages call the weights
/// @param console  is warned of another layer_norm_eps
/// @throws WeightsError if the number of heads differs, with the option that sets it right
void match_settings(const PartTable& ours, const PartTable& theirs, const std::string& source,
                    const Console& console);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/start/match_settings_inl.hpp"
#endif
