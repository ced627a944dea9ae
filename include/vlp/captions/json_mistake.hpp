#pragma once
// Where a text stops being JSON, and why: exact words for readers that are quick and know only that
// something is wrong. Includes no torch.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "vlp/core/header_only.hpp"

namespace vlp {

/// What is wrong with a text that is not JSON.
struct JsonMistake {
  std::size_t offset = 0;  ///< bytes before the mistake
  std::string reason;  ///< e.g. "syntax error while parsing value - unexpected ']'; expected '[',
                       ///< '{', or a literal"
};

/// The first mistake in a text; nothing if it is JSON. Text that is not UTF-8 is a mistake, deep
/// nesting is none.
[[nodiscard]] std::optional<JsonMistake> find_json_mistake(std::string_view text);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/captions/json_mistake_inl.hpp"
#endif
