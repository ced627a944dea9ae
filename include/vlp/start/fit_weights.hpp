#pragma once
// A file's tensors made to fit a model: original names translated, parts that the model lacks left
// out, positions interpolated to its grid of patches, the head's matrix and bias held once or twice
// as the model does. A model that is opened for use must be complete; assemble/warm_start.hpp
// begins training with less.

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torch/nn/module.h>

#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp {

/// The tensors of one file under Hugging Face's names.
struct WeightFile {
  std::string source;           ///< how messages call it
  TensorMap tensors;            ///< by name
  bool original_names = false;  ///< whether the file has the names of the original BLIP repository
};

namespace detail {

[[nodiscard]] inline bool same_values(const TensorBytes& a, const TensorBytes& b) {
  if (a.dtype != b.dtype || a.shape != b.shape || a.bytes.size() != b.bytes.size()) return false;
  return a.bytes.empty() || a.bytes.data() == b.bytes.data() ||
         std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

/// `text_encoder (198 tensors), itm_head (2 tensors)`
[[nodiscard]] inline std::string parts_text(const std::map<std::string, std::int64_t>& parts) {
  std::string text;
  for (const auto& [part, count] : parts)
    text += (text.empty() ? "" : ", ") + part + " (" + std::to_string(count) +
            (count == 1 ? " tensor)" : " tensors)");
  return text;
}

/// The part of a model that a tensor belongs to: the first word of its name.
[[nodiscard]] inline std::string part_of(std::string_view name) {
  return std::string(name.substr(0, name.find('.')));
}

/// How many tensors there are of each part.
[[nodiscard]] inline std::map<std::string, std::int64_t> parts_of(const TensorMap& tensors) {
  std::map<std::string, std::int64_t> parts;
  for (const auto& [name, tensor] : tensors) ++parts[part_of(name)];
  return parts;
}

/// Of a momentum encoder's tensor the name of the one that it follows, e.g. text_proj.bias of
/// text_proj_m.bias.
[[nodiscard]] inline std::string followed_name(std::string_view name) {
  const std::string part = part_of(name);
  return part.substr(0, part.size() - 2) + std::string(name.substr(part.size()));
}

}  // namespace detail

/// Reads a file and translates the names of the original repository.
/// @throws WeightsError as `read_weights` and `take_temperature`
[[nodiscard]] WeightFile read_weight_file(const std::filesystem::path& path);

/// Whether the head's matrix is the word embedding: transformers ties the two unless both are
/// stored and differ.
/// @param file       under Hugging Face's names
/// @param configured  whether config.json asks for one parameter; if not, two equal matrices stay
///                    two
[[nodiscard]] bool has_tied_embeddings(const WeightFile& file, bool configured = true);

/// Says so if a file has a decoder whose cross-attention was trained for another thing than images.
void warn_of_question_answering(const WeightFile& file, const Console& console);

/// Fills a model with a file's tensors, fitted to it.
/// @param module   changed in place
/// @param file     as `read_weight_file` gives it
/// @param console  hears what was left out or changed
/// @throws WeightsError listing all tensors that are missing, unexpected or mis-shaped; the model
/// is then unchanged
void fill_model(torch::nn::Module& module, WeightFile file, const Console& console);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/start/fit_weights_inl.hpp"
#endif
