#pragma once
// Tensors by name, as weight files hold them, without any tensor library. Includes no torch.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "vlp/core/state.hpp"

namespace vlp {

/// Tensors by name; each keeps the file that it lies in open.
using TensorMap = std::map<std::string, TensorBytes, std::less<>>;

/// Tensors in the order in which they are to be written.
using NamedTensors = std::vector<std::pair<std::string, TensorBytes>>;

/// Free texts of a file: the `__metadata__` of safetensors.
using Metadata = std::map<std::string, std::string, std::less<>>;

/// How many tensors there are of each part of a model.
using PartCounts = std::map<std::string, std::int64_t, std::less<>>;

/// What a file of weights holds.
struct WeightFile {
  std::string source;                   ///< how messages call it: its path
  TensorMap tensors;                    ///< by name
  Metadata metadata;                    ///< texts by name; empty where the file can't have any
  std::vector<std::string> notes = {};  ///< what was passed over in reading it, a sentence each
};

}  // namespace vlp
