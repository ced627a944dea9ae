#pragma once
// Options of caption generation, and what comes out of it. Includes no torch.

#include <cstdint>
#include <tuple>
#include <vector>

#include "vlp/recipe/field.hpp"

namespace vlp {

/// When beam search takes no further captions for an image that has as many finished ones as beams.
enum class EarlyStopping {
  no,     ///< once the best running beam, at its present length, is not above the worst finished caption
  yes,    ///< at once
  never,  ///< once no running beam could get above it, at the longest length if `length_penalty` is positive
};

/// How captions are generated; the table [generate] of a recipe.
struct GenerateOptions {
  std::int64_t beams = 3;
  std::int64_t max_length = 20;
  std::int64_t max_new_tokens = 0;
  std::int64_t min_length = 0;
  double length_penalty = 1.0;
  double repetition_penalty = 1.0;
  EarlyStopping early_stopping = EarlyStopping::no;

  static constexpr auto fields() {
    return std::tuple{
        field<&GenerateOptions::beams>("Beams an image; 1 decodes greedily.", between(1, 64)),
        field<&GenerateOptions::max_length>("Longest caption, tokens, [DEC] and prompt included.", at_least(2)),
        field<&GenerateOptions::max_new_tokens>("Longest caption, tokens behind the prompt; 0 uses max_length instead.", at_least(0)),
        field<&GenerateOptions::min_length>("No [SEP] before this many tokens, [DEC] and prompt included.", at_least(0)),
        field<&GenerateOptions::length_penalty>("Exponent of the length by which a beam's log-probability is divided."),
        field<&GenerateOptions::repetition_penalty>("Divides the score of tokens already present; 1 leaves them.", above(0)),
        field<&GenerateOptions::early_stopping>("When an image with enough finished captions is left: no, yes, never."),
    };
  }
};

/// One generated caption.
struct Candidate {
  std::vector<std::int64_t> ids;  ///< from [DEC] and prompt to the first [SEP] inclusive, unpadded
  double score = 0;               ///< beams: log-probability / length^penalty; greedy: mean log-probability
};

}  // namespace vlp
