#pragma once
// A file's tensors made to fit a model: original names translated, parts that the model lacks left out, positions
// interpolated to its grid of patches, the head's matrix and bias held once or twice as the model does. A model that is
// opened for use must be complete; assemble/warm_start.hpp begins training with less.

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

#include "vlp/assemble/blip_tensors.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/nn/position_table.hpp"
#include "vlp/weights/blip_names.hpp"
#include "vlp/weights/blip_temperature.hpp"
#include "vlp/weights/module_weights.hpp"
#include "vlp/weights/read_weights.hpp"
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
  return a.bytes.empty() || a.bytes.data() == b.bytes.data() || std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

/// `text_encoder (198 tensors), itm_head (2 tensors)`
[[nodiscard]] inline std::string parts_text(const std::map<std::string, std::int64_t>& parts) {
  std::string text;
  for (const auto& [part, count] : parts)
    text += (text.empty() ? "" : ", ") + part + " (" + std::to_string(count) + (count == 1 ? " tensor)" : " tensors)");
  return text;
}

/// The part of a model that a tensor belongs to: the first word of its name.
[[nodiscard]] inline std::string part_of(std::string_view name) { return std::string(name.substr(0, name.find('.'))); }

/// How many tensors there are of each part.
[[nodiscard]] inline std::map<std::string, std::int64_t> parts_of(const TensorMap& tensors) {
  std::map<std::string, std::int64_t> parts;
  for (const auto& [name, tensor] : tensors) ++parts[part_of(name)];
  return parts;
}

/// @throws WeightsError if no tensor's name begins with this word
inline void require_part(const std::string& part, const TensorMap& tensors, const std::string& source) {
  const auto found = parts_of(tensors);
  if (!found.contains(part))
    throw WeightsError(source + ": no " + part + " in this file (got " + parts_text(found) +
                       "). It is for another task or architecture; choose a model that has one.");
}

/// Of a momentum twin's tensor the name of the one that it follows, e.g. text_proj.bias of text_proj_m.bias.
[[nodiscard]] inline std::string followed_name(std::string_view name) {
  const std::string part = part_of(name);
  return part.substr(0, part.size() - 2) + std::string(name.substr(part.size()));
}

}  // namespace detail

/// Reads a file and translates the names of the original repository.
/// @throws WeightsError as `read_weights` and `take_temperature`
[[nodiscard]] inline WeightFile read_weight_file(const std::filesystem::path& path) {
  WeightFile file{path.string(), read_weights(path), false};
  take_temperature(path, file.tensors);
  file.original_names = has_original_names(file.tensors);
  if (file.original_names) file.tensors = hugging_face_names(std::move(file.tensors));
  return file;
}

/// Whether the head's matrix is the word embedding: transformers ties the two unless both are stored and differ.
/// @param file       under Hugging Face's names
/// @param configured  whether config.json asks for one parameter; if not, two equal matrices stay two
[[nodiscard]] inline bool has_tied_embeddings(const WeightFile& file, bool configured = true) {
  const auto head = file.tensors.find(detail::kHead), words = file.tensors.find(detail::kWords);
  if (head == file.tensors.end() || words == file.tensors.end()) return true;
  return configured && detail::same_values(head->second, words->second);
}

/// Says so if a file has a decoder whose cross-attention was trained for another thing than images.
inline void warn_of_question_answering(const WeightFile& file, const Console& console) {
  if (!file.original_names || !detail::has_part(file.tensors, "text_encoder.") || !detail::has_part(file.tensors, "text_decoder.") ||
      detail::has_part(file.tensors, "itm_head.") || detail::has_part(file.tensors, "vision_proj."))
    return;
  console.warning(file.source + ": looks like a model for question answering, whose decoder expects an encoded question, not an image");
}

/// Makes a model's tensors of a file's.
class WeightFitter {
 public:
  /// @param module   the model that they are for
  /// @param file     under Hugging Face's names
  /// @param console  hears what was left out or changed
  WeightFitter(const torch::nn::Module& module, WeightFile file, const Console& console) : file_(std::move(file)), console_(console) {
    for (const auto& [name, tensor] : detail::all_tensors(module)) wanted_.emplace(name, tensor);
  }

  /// @return  the tensors, as `load_module` takes them: those of the file, a temperature that it lacks as the model has it, and
  ///          momentum twins that it lacks equal to what they follow
  /// @throws WeightsError if whole parts are missing or too many, or if the model ties what the file doesn't
  [[nodiscard]] TensorMap fit() {
    check_parts();
    TensorMap fitted = fit_shapes();
    add_training_state(fitted);
    return fitted;
  }

  /// The same for a file that may hold any share of the model.
  /// @throws WeightsError if the model ties the head's matrix and the file doesn't
  [[nodiscard]] TensorMap fit_shapes() {
    fit_head_bias();
    fit_head_matrix();
    fit_positions();
    return std::move(file_.tensors);
  }

 private:
  /// The file has all parts of the model. Further ones are left out if the file is an original one, which carries the
  /// parts for all tasks, or only training needs them; in a Hugging Face file others mean a model for another task.
  void check_parts() {
    std::map<std::string, std::int64_t> extra;
    std::set<const void*> found;  // tensors that the file has under any of their names
    for (const auto& [name, tensor] : wanted_)
      if (file_.tensors.contains(name)) found.insert(tensor.unsafeGetTensorImpl());
    std::map<std::string, bool> needed;  // part, whether any of its tensors is there
    for (const auto& [name, tensor] : wanted_)
      if (name != kTemperatureName && !is_momentum_name(name))
        needed[detail::part_of(name)] |= found.contains(tensor.unsafeGetTensorImpl());
    for (const auto& [part, there] : needed)
      if (!there) detail::require_part(part, file_.tensors, file_.source);
    bool foreign = false;
    for (const auto& [part, count] : detail::parts_of(file_.tensors)) {
      if (needed.contains(part) || wanted_.contains(part) || is_momentum_name(part + ".") || detail::ignorable(part)) continue;
      extra.emplace(part, count);
      foreign |= part != kTemperatureName;
    }
    if (extra.empty()) return;
    if (foreign && !file_.original_names)
      throw WeightsError(file_.source + ": the model has no place for " + detail::parts_text(extra) +
                         ". It is for another task; choose a model for this one.");
    warn_of_question_answering(file_, console_);
    if (foreign) console_.note(file_.source + ": left out what the model doesn't use: " + detail::parts_text(extra));
    std::erase_if(file_.tensors, [&](const auto& named) { return extra.contains(detail::part_of(named.first)); });
  }

  /// Momentum twins of a file are taken if the model has such twins.
  void add_training_state(TensorMap& fitted) const {
    std::erase_if(fitted, [&](const auto& named) { return is_momentum_name(named.first) && !wanted_.contains(named.first); });
    for (const auto& [name, tensor] : wanted_) {
      if (fitted.contains(name)) continue;
      if (name == kTemperatureName) fitted.emplace(name, tensor_bytes(tensor));
      if (!is_momentum_name(name)) continue;
      const auto online = wanted_.find(detail::followed_name(name));
      if (online == wanted_.end()) continue;
      const auto same = std::ranges::find_if(
          wanted_, [&](const auto& other) { return other.second.is_same(online->second) && fitted.contains(other.first); });
      if (same != wanted_.end()) fitted.emplace(name, fitted.at(same->first));
    }
  }

  /// predictions.bias and predictions.decoder.bias are one parameter; logits are computed with the latter.
  void fit_head_bias() {
    const auto twin = file_.tensors.find(detail::kHeadBiasTwin);
    if (!wanted_.contains(detail::kHeadBias) || twin == file_.tensors.end()) return;
    if (const auto own = file_.tensors.find(detail::kHeadBias);
        own != file_.tensors.end() && !detail::same_values(own->second, twin->second))
      console_.warning(file_.source +
                       ": cls.predictions.bias and cls.predictions.decoder.bias differ; the latter is used, as in transformers");
    file_.tensors[detail::kHeadBias] = twin->second;
    file_.tensors.erase(twin);
  }

  void fit_head_matrix() {
    if (!wanted_.contains(detail::kWords)) return;
    const auto head = file_.tensors.find(detail::kHead), words = file_.tensors.find(detail::kWords);
    const bool tied = !wanted_.contains(detail::kHead);
    if (tied && !has_tied_embeddings(file_))
      throw WeightsError(file_.source +
                         ": the head's matrix and the word embedding differ, but the model ties them (got two matrices, "
                         "expected one). Use --set model.decoder.tie_embeddings=false.");
    if (tied && head != file_.tensors.end()) {
      if (words == file_.tensors.end()) file_.tensors[detail::kWords] = head->second;
      file_.tensors.erase(detail::kHead);
    } else if (!tied && words != file_.tensors.end() && head == file_.tensors.end()) {
      file_.tensors[detail::kHead] = words->second;  // the head starts as the embedding
    } else if (!tied && words == file_.tensors.end() && head != file_.tensors.end()) {
      file_.tensors[detail::kWords] = head->second;
    }
  }

  static std::int64_t side(std::int64_t patches) { return std::llround(std::sqrt(static_cast<double>(patches))); }

  void fit_positions() {
    const auto wanted = wanted_.find(detail::kPositions);
    const auto found = file_.tensors.find(detail::kPositions);
    if (wanted == wanted_.end() || found == file_.tensors.end()) return;
    const at::Tensor table = tensor_view(found->second);
    if (table.dim() != 3 || !table.is_floating_point() || table.size(0) != 1 || table.size(2) != wanted->second.size(2)) return;
    const std::int64_t have = table.size(1) - 1, want = wanted->second.size(1) - 1;
    const std::int64_t from = side(have), to = side(want);
    if (have == want || have < 1 || from * from != have || to * to != want) return;  // what doesn't fit is reported when it is loaded
    found->second = tensor_bytes(resized_positions(table.to(at::kDouble), {from, from}, {to, to}));
    console_.note(file_.source + ": positions of " + std::to_string(from) + " x " + std::to_string(from) + " patches interpolated to " +
                  std::to_string(to) + " x " + std::to_string(to));
  }

  std::map<std::string, at::Tensor, std::less<>> wanted_;  // the model's tensors
  WeightFile file_;
  const Console& console_;
};

/// Fills a model with a file's tensors, fitted to it.
/// @param module   changed in place
/// @param file     as `read_weight_file` gives it
/// @param console  hears what was left out or changed
/// @throws WeightsError listing all tensors that are missing, unexpected or mis-shaped; the model is then unchanged
inline void fill_model(torch::nn::Module& module, WeightFile file, const Console& console) {
  const std::string source = file.source;
  load_module(module, WeightFitter(module, std::move(file), console).fit(), source);
}

}  // namespace vlp
