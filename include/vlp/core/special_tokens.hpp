#pragma once
// The tokens that are not words.

#include <cstdint>

namespace vlp {

/// Ids of the special tokens; they follow the vocabulary and are never constants.
struct SpecialTokens {
  std::int64_t pad = 0;       ///< [PAD], fills up rows
  std::int64_t unknown = -1;  ///< [UNK]; -1 = none
  std::int64_t cls = -1;      ///< [CLS], begins a text; -1 = none, and [DEC] stands there
  std::int64_t sep = 0;       ///< [SEP] or whatever ends a text; generation stops there
  std::int64_t mask = -1;     ///< [MASK]; -1 = none
  std::int64_t decode = 0;    ///< [DEC], position 0 of the decoder
  std::int64_t encode = 0;    ///< [ENC], position 0 of the image-grounded encoder

  /// What stands at position 0 of a text before a model puts its mark there.
  [[nodiscard]] std::int64_t begin() const { return cls >= 0 ? cls : decode; }
};

}  // namespace vlp
