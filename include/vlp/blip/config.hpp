#pragma once
// The architecture of a BLIP, as Hugging Face's config.json says it. Includes no torch.

#include <filesystem>
#include <string>

#include "vlp/blip/sizes.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/json.hpp"

namespace vlp {

/// Reads config.json of a BlipForConditionalGeneration or a BlipForImageTextRetrieval of any age.
/// @param path       its place
/// @param console    hears of values that are allowed but suspicious
/// @param otherwise  the task if the file doesn't say its architecture
/// @throws WeightsError naming file, key, what is there and what was expected, all mistakes at once
[[nodiscard]] BlipConfig read_blip_config(const std::filesystem::path& path, const Console& console,
                                          BlipTask otherwise = BlipTask::captioning);

/// config.json for this architecture, as `from_pretrained` of transformers reads it.
/// @param config  for captioning or retrieval: one file can't say both
[[nodiscard]] Json config_json(const BlipConfig& config);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/blip/config_inl.hpp"
#endif
