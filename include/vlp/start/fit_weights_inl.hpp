#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "vlp/blip/names.hpp"
#include "vlp/blip/temperature.hpp"
#include "vlp/blip/tensors.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/nn/position_table.hpp"
#include "vlp/start/fit_weights.hpp"
#include "vlp/start/weight_fitter.hpp"
#include "vlp/weights/module_weights.hpp"
#include "vlp/weights/read_weights.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp {

VLP_INLINE WeightFile read_weight_file(const std::filesystem::path& path) {
  WeightFile file{path.string(), read_weights(path), false};
  take_temperature(path, file.tensors);
  file.original_names = has_original_names(file.tensors);
  if (file.original_names) file.tensors = hugging_face_names(std::move(file.tensors));
  return file;
}

VLP_INLINE bool has_tied_embeddings(const WeightFile& file, bool configured) {
  const auto head = file.tensors.find(detail::kHead), words = file.tensors.find(detail::kWords);
  if (head == file.tensors.end() || words == file.tensors.end()) return true;
  return configured && detail::same_values(head->second, words->second);
}

VLP_INLINE void warn_of_question_answering(const WeightFile& file, const Console& console) {
  if (!file.original_names || !detail::has_part(file.tensors, "text_encoder.") ||
      !detail::has_part(file.tensors, "text_decoder.") ||
      detail::has_part(file.tensors, "itm_head.") || detail::has_part(file.tensors, "vision_proj."))
    return;
  console.warning(file.source +
                  ": looks like a model for question answering, whose decoder expects an encoded "
                  "question, not an image");
}

VLP_INLINE void fill_model(torch::nn::Module& module, WeightFile file, const Console& console) {
  const std::string source = file.source;
  load_module(module, WeightFitter(module, std::move(file), console).fit(), source);
}

}  // namespace vlp
