#pragma once
// The JSON that vlp writes.

#include <nlohmann/json.hpp>

namespace vlp {

/// JSON whose keys keep their order.
using Json = nlohmann::ordered_json;

}  // namespace vlp
