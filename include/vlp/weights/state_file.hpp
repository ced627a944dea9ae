#pragma once
// A State as one safetensors file: its tensors are the file's tensors; its numbers and texts are
// `__metadata__` entries named `integer:NAME`, `number:NAME` and `text:NAME`. Going there and back
// is exact, bit by bit. Includes no torch.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/core/atomic_file.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/state.hpp"

namespace vlp {

/// Saves all entries of `state` under their full names; the file appears complete or not at all.
/// @param also  hears the bytes of the file as they are written
/// @throws WeightsError naming the path if it can't be written or a text is not UTF-8
void save_state(const State& state, const std::filesystem::path& path, const ByteSink& also = {});

/// @return  the state that `save_state` wrote; its tensors lie in the mapped file
/// @throws WeightsError if the file is missing, malformed, no checkpoint, or of another version
[[nodiscard]] State load_state(const std::filesystem::path& path);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/weights/state_file_inl.hpp"
#endif
