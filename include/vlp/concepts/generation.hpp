#pragma once
// Options of caption generation, and what comes out of it. Includes no torch.

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
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

/// How captions are generated; the table [generate] of a recipe. Ids are those of the model's
/// vocabulary.
struct GenerateOptions {
  std::int64_t beams = 3;
  std::int64_t max_length = 20;
  std::int64_t max_new_tokens = 0;
  std::int64_t min_length = 0;
  std::int64_t min_new_tokens = 0;
  double length_penalty = 1.0;
  double repetition_penalty = 1.0;
  std::int64_t no_repeat_ngram_size = 0;
  std::vector<std::vector<std::int64_t>> bad_words_ids = {};
  std::vector<std::int64_t> suppress_tokens = {};
  std::vector<std::int64_t> begin_suppress_tokens = {};
  std::int64_t forced_bos_token_id = -1;
  std::int64_t forced_eos_token_id = -1;
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
        field<&GenerateOptions::min_new_tokens>(
            "No [SEP] before this many tokens behind the prompt; 0 uses min_length instead.",
            at_least(0)),
        field<&GenerateOptions::length_penalty>(
            "Exponent of the length by which a beam's log-probability is divided."),
        field<&GenerateOptions::repetition_penalty>(
            "Divides the score of tokens already present; 1 leaves them.", above(0)),
        field<&GenerateOptions::no_repeat_ngram_size>(
            "No so many tokens in a row occur twice in a caption, prompt included; 0 = any may.",
            at_least(0)),
        field<&GenerateOptions::bad_words_ids>(
            "Sequences of ids that captions never complete, e.g. [[3899], [2158, 2015]]; [SEP] "
            "alone is passed over."),
        field<&GenerateOptions::suppress_tokens>("Ids that are never chosen."),
        field<&GenerateOptions::begin_suppress_tokens>(
            "Ids that don't come first behind the prompt, nor behind forced_bos_token_id."),
        field<&GenerateOptions::forced_bos_token_id>(
            "The first token's id, unless there is a prompt; -1 = any.", at_least(-1)),
        field<&GenerateOptions::forced_eos_token_id>(
            "The last token's id of a caption that reaches the longest length; -1 = any.",
            at_least(-1)),
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
  /// All ids in them, by the name of the option.
  [[nodiscard]] std::vector<std::pair<std::string, std::vector<std::int64_t>>> ids() const {
    std::vector<std::pair<std::string, std::vector<std::int64_t>>> named{
        {"suppress_tokens", suppress_tokens}, {"begin_suppress_tokens", begin_suppress_tokens}};
    for (const auto& sequence : bad_words_ids) named.emplace_back("bad_words_ids", sequence);
    if (forced_bos_token_id >= 0)
      named.emplace_back("forced_bos_token_id", std::vector{forced_bos_token_id});
    if (forced_eos_token_id >= 0)
      named.emplace_back("forced_eos_token_id", std::vector{forced_eos_token_id});
    return named;
  }
  /// What is wrong with these ids whatever the vocabulary; empty = nothing.
  [[nodiscard]] std::string problem() const {
    for (const auto& [name, list] : ids()) {
      if (list.empty() && name == "bad_words_ids")
        return "bad_words_ids holds an empty sequence; give each at least one id";
      for (const std::int64_t id : list)
        if (id < 0)
          return name + " holds " + std::to_string(id) + ", which is no id; ids begin at 0";
      if (name.starts_with("forced") &&
          std::ranges::find(suppress_tokens, list[0]) != suppress_tokens.end())
        return name + " " + std::to_string(list[0]) +
               " is one of suppress_tokens, so that nothing could be chosen; leave one of them out";
    }
    return {};
  }
};

/// @param vocabulary  tokens
/// @return  e.g. "suppress_tokens: an id is outside the vocabulary (got 9, expected 0 to 7)"; empty
///          if all ids are in it
[[nodiscard]] inline std::string vocabulary_problem(const GenerateOptions& options,
                                                    std::int64_t vocabulary) {
  for (const auto& [name, ids] : options.ids())
    for (const std::int64_t id : ids)
      if (id < 0 || id >= vocabulary)
        return name + ": an id is outside the vocabulary (got " + std::to_string(id) +
               ", expected 0 to " + std::to_string(vocabulary - 1) + ")";
  return {};
}

/// One generated caption.
struct Candidate {
  std::vector<std::int64_t> ids;  ///< from [DEC] and prompt to the first [SEP] inclusive, unpadded
  double score = 0;  ///< beams: log-probability / length^penalty; else the mean log-probability
};

}  // namespace vlp
