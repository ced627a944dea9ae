#pragma once
// The tokens that are not words.

#include <cstdint>

namespace vlp {

/// Ids of the special tokens; they follow the vocabulary and are never constants.
struct SpecialTokens {
  std::int64_t pad = 0;      ///< [PAD], fills up rows
  std::int64_t unknown = 0;  ///< [UNK]
  std::int64_t cls = 0;      ///< [CLS], what a tokenizer puts first
  std::int64_t sep = 0;      ///< [SEP], ends a text; generation stops there
  std::int64_t mask = 0;     ///< [MASK]
  std::int64_t decode = 0;   ///< [DEC], position 0 of the decoder
  std::int64_t encode = 0;   ///< [ENC], position 0 of the image-grounded encoder
};

}  // namespace vlp
