#pragma once
// Options of generation as stored cases have them, under transformers' names.

#include <nlohmann/json.hpp>

#include "vlp/concepts/generation.hpp"

namespace parity {

/// Greedy where there are no beams; transformers' defaults for what is missing.
inline vlp::GenerateOptions generate_options(const nlohmann::json& given) {
  vlp::GenerateOptions options;
  options.beams = given.value("num_beams", 1);
  options.max_length = given.value("max_length", options.max_length);
  options.max_new_tokens = given.value("max_new_tokens", 0);
  options.min_length = given.value("min_length", 0);
  options.min_new_tokens = given.value("min_new_tokens", 0);
  options.length_penalty = given.value("length_penalty", 1.0);
  options.repetition_penalty = given.value("repetition_penalty", 1.0);
  options.no_repeat_ngram_size = given.value("no_repeat_ngram_size", 0);
  options.bad_words_ids = given.value("bad_words_ids", options.bad_words_ids);
  options.suppress_tokens = given.value("suppress_tokens", options.suppress_tokens);
  options.begin_suppress_tokens =
      given.value("begin_suppress_tokens", options.begin_suppress_tokens);
  options.forced_bos_token_id = given.value("forced_bos_token_id", -1);
  options.forced_eos_token_id = given.value("forced_eos_token_id", -1);
  options.sample = given.value("do_sample", false);
  options.temperature = given.value("temperature", 1.0);
  options.top_k = given.value("top_k", options.top_k);
  options.top_p = given.value("top_p", 1.0);
  if (const auto early = given.find("early_stopping"); early != given.end())
    options.early_stopping = *early == "never" ? vlp::EarlyStopping::never
                             : *early == true  ? vlp::EarlyStopping::yes
                                               : vlp::EarlyStopping::no;
  return options;
}

}  // namespace parity
