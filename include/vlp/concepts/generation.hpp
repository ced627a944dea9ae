#pragma once
// Options of caption generation, and what comes out of it. Includes no torch.

#include <cstdint>
#include <tuple>
#include <vector>

#include "vlp/recipe/field.hpp"

namespace vlp {

/// When beam search takes no further captions for an image that has as many finished ones as beams.
enum class EarlyStopping {
  no,     ///< once the best running beam, at its present length, is not above the worst finished
          ///< caption
  yes,    ///< at once
  never,  ///< once no running beam could get above it, at the longest length if `length_penalty` is
          ///< positive
};

/// Whose beam search: which length divides a caption's log-probability, and what ends at the
/// longest length.
enum class LengthRule {
  transformers,  ///< version 5: generated tokens, [SEP] included, prompt not
  original,      ///< the version 4.15 with which BLIP was published: all tokens but [SEP], prompt
                 ///< included
};

/// How blanks before punctuation are treated in a decoded caption.
enum class CleanUp {
  none,  ///< as the tokenizer gives it: "a woman ' s hat."
  old,   ///< as transformers' versions before 5 did: "a woman's hat."
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
  LengthRule length_rule = LengthRule::transformers;
  bool sample = false;
  double temperature = 1.0;
  std::int64_t top_k = 50;
  double top_p = 1.0;
  std::int64_t num_captions = 1;
  CleanUp clean_up = CleanUp::none;

  static constexpr auto fields() {
    return std::tuple{
        field<&GenerateOptions::beams>("Beams an image; 1 decodes greedily, or samples.",
                                       between(1, 64)),
        field<&GenerateOptions::max_length>("Longest caption, tokens, [DEC] and prompt included.",
                                            at_least(2)),
        field<&GenerateOptions::max_new_tokens>(
            "Longest caption, tokens behind the prompt; 0 uses max_length instead.", at_least(0)),
        field<&GenerateOptions::min_length>(
            "No [SEP] before this many tokens, [DEC] and prompt included.", at_least(0)),
        field<&GenerateOptions::length_penalty>(
            "Exponent of the length by which a beam's log-probability is divided."),
        field<&GenerateOptions::repetition_penalty>(
            "Divides the score of tokens already present; 1 leaves them.", above(0)),
        field<&GenerateOptions::early_stopping>(
            "When an image with enough finished captions is left: no, yes, never."),
        field<&GenerateOptions::length_rule>(
            "Whose beam search: transformers (version 5) or original (4.15, which BLIP's published "
            "numbers come from)."),
        field<&GenerateOptions::sample>(
            "Draws each token at random by its probability; needs beams = 1."),
        field<&GenerateOptions::temperature>(
            "Sampling: divides the logits; below 1 favours probable tokens.", above(0)),
        field<&GenerateOptions::top_k>(
            "Sampling: only so many most probable tokens can be drawn; 0 = all.", at_least(0)),
        field<&GenerateOptions::top_p>(
            "Sampling: only the fewest tokens with this much probability can be drawn; 1 = all.",
            between(0, 1)),
        field<&GenerateOptions::num_captions>(
            "Captions an image: so many are sampled, or shown of those that beams found.",
            between(1, 64)),
        field<&GenerateOptions::clean_up>(
            "Blanks in texts: none leaves \"woman ' s\", old makes \"woman's\" of it."),
    };
  }
};

/// One generated caption.
struct Candidate {
  std::vector<std::int64_t> ids;  ///< from [DEC] and prompt to the first [SEP] inclusive, unpadded
  double score = 0;  ///< beams: log-probability / length^penalty; else the mean log-probability
};

}  // namespace vlp
