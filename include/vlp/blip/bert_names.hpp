#pragma once
// BERT's tensors (Devlin et al. 2019), as transformers saves BertModel, BertForMaskedLM and their
// like, under the names of BLIP's text decoder, which is a BERT. Includes no torch.

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/weights/renamed_tensors.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp {

namespace detail {

inline constexpr std::string_view kBertPrefix = "bert.";

/// The layer norms' tensors had other names in the files that were converted from TensorFlow.
[[nodiscard]] inline std::string with_present_norm_names(std::string_view name) {
  for (const auto& [old, present] :
       {std::pair<std::string_view, std::string_view>{".LayerNorm.gamma", ".LayerNorm.weight"},
        {".LayerNorm.beta", ".LayerNorm.bias"}})
    if (name.ends_with(old))
      return std::string(name.substr(0, name.size() - old.size())) + std::string(present);
  return std::string(name);
}

}  // namespace detail

/// Whether the tensors are those of a BERT: its word embedding is at the top, or below `bert.`.
[[nodiscard]] inline bool has_bert_names(const TensorMap& tensors) {
  return tensors.contains("embeddings.word_embeddings.weight") ||
         tensors.contains("bert.embeddings.word_embeddings.weight");
}

/// @param tensors  of a BERT, with or without a head
/// @return  embeddings and layers below `text_decoder.bert.`, the language-model head below
///          `text_decoder.cls.predictions.`; pooler and other heads are left out. The token types'
///          embedding keeps its place among the embeddings.
/// @throws WeightsError if two tensors get one name
[[nodiscard]] inline RenamedTensors bert_names(TensorMap tensors) {
  RenamedTensors renamed;
  for (auto& [original, tensor] : tensors) {
    const std::string name =
        detail::with_present_norm_names(detail::without_prefix(original, detail::kBertPrefix));
    if (detail::counts_positions(name)) continue;
    if (name.starts_with("embeddings.") || name.starts_with("encoder."))
      renamed.add("text_decoder.bert." + name, std::move(tensor));
    else if (name.starts_with("cls.predictions."))
      renamed.add("text_decoder." + name, std::move(tensor));
    else
      ++renamed.left_out[name.starts_with("cls.") ? name.substr(0, name.find('.', 4))
                                                  : name.substr(0, name.find('.'))];
  }
  return renamed;
}

}  // namespace vlp
