#pragma once
// What of a file of weights fits a module, tensor by tensor.

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
#include "vlp/weights/module_weights.hpp"
#include "vlp/weights/read_weights.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp {

namespace detail {

/// @throws WeightsError if no tensor's name begins with this word
inline void require_part(const std::string& part, const TensorMap& tensors,
                         const std::string& source) {
  const auto found = parts_of(tensors);
  if (!found.contains(part))
    throw WeightsError(source + ": no " + part + " in this file (got " + parts_text(found) +
                       "). It is for another task or architecture; choose a model that has one.");
}

}  // namespace detail

/// Makes a model's tensors of a file's.
class WeightFitter {
 public:
  /// @param module   the model that they are for
  /// @param file     under Hugging Face's names
  /// @param console  hears what was left out or changed
  WeightFitter(const torch::nn::Module& module, WeightFile file, const Console& console)
      : file_(std::move(file)), console_(console) {
    for (const auto& [name, tensor] : detail::all_tensors(module)) wanted_.emplace(name, tensor);
  }

  /// @return  the tensors, as `load_module` takes them: those of the file, a temperature that it
  ///          lacks as the model has it, and momentum encoders that it lacks equal to what they
  ///          follow
  /// @throws WeightsError if whole parts are missing or too many, or if the model ties what the
  /// file doesn't
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
  /// The file has all parts of the model. Further ones are left out if the file is an original one,
  /// which carries the parts for all tasks, or only training needs them; in a Hugging Face file
  /// others mean a model for another task.
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
      if (needed.contains(part) || wanted_.contains(part) || is_momentum_name(part + ".") ||
          detail::ignorable(part))
        continue;
      extra.emplace(part, count);
      foreign |= part != kTemperatureName;
    }
    if (extra.empty()) return;
    if (foreign && !file_.original_names)
      throw WeightsError(file_.source + ": the model has no place for " +
                         detail::parts_text(extra) +
                         ". It is for another task; choose a model for this one.");
    warn_of_question_answering(file_, console_);
    if (foreign)
      console_.note(file_.source +
                    ": left out what the model doesn't use: " + detail::parts_text(extra));
    std::erase_if(file_.tensors,
                  [&](const auto& named) { return extra.contains(detail::part_of(named.first)); });
  }

  /// Momentum encoders of a file are taken if the model has them.
  void add_training_state(TensorMap& fitted) const {
    std::erase_if(fitted, [&](const auto& named) {
      return is_momentum_name(named.first) && !wanted_.contains(named.first);
    });
    for (const auto& [name, tensor] : wanted_) {
      if (fitted.contains(name)) continue;
      if (name == kTemperatureName) fitted.emplace(name, tensor_bytes(tensor));
      if (!is_momentum_name(name)) continue;
      const auto online = wanted_.find(detail::followed_name(name));
      if (online == wanted_.end()) continue;
      const auto same = std::ranges::find_if(wanted_, [&](const auto& other) {
        return other.second.is_same(online->second) && fitted.contains(other.first);
      });
      if (same != wanted_.end()) fitted.emplace(name, fitted.at(same->first));
    }
  }

  /// predictions.bias and predictions.decoder.bias are one parameter; logits are computed with the
  /// latter.
  void fit_head_bias() {
    const auto copy = file_.tensors.find(detail::kHeadBiasCopy);
    if (!wanted_.contains(detail::kHeadBias) || copy == file_.tensors.end()) return;
    if (const auto own = file_.tensors.find(detail::kHeadBias);
        own != file_.tensors.end() && !detail::same_values(own->second, copy->second))
      console_.warning(file_.source +
                       ": cls.predictions.bias and cls.predictions.decoder.bias differ; the latter "
                       "is used, as in transformers");
    file_.tensors[detail::kHeadBias] = copy->second;
    file_.tensors.erase(copy);
  }

  void fit_head_matrix() {
    if (!wanted_.contains(detail::kWords)) return;
    const auto head = file_.tensors.find(detail::kHead), words = file_.tensors.find(detail::kWords);
    const bool tied = !wanted_.contains(detail::kHead);
    if (tied && !has_tied_embeddings(file_))
      throw WeightsError(file_.source +
                         ": the head's matrix and the word embedding differ, but the model ties "
                         "them (got two matrices, "
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

  static std::int64_t side(std::int64_t patches) {
    return std::llround(std::sqrt(static_cast<double>(patches)));
  }

  void fit_positions() {
    const auto wanted = wanted_.find(detail::kPositions);
    const auto found = file_.tensors.find(detail::kPositions);
    if (wanted == wanted_.end() || found == file_.tensors.end()) return;
    const at::Tensor table = tensor_view(found->second);
    if (table.dim() != 3 || !table.is_floating_point() || table.size(0) != 1 ||
        table.size(2) != wanted->second.size(2))
      return;
    const std::int64_t have = table.size(1) - 1, want = wanted->second.size(1) - 1;
    const std::int64_t from = side(have), to = side(want);
    if (have == want || have < 1 || from * from != have || to * to != want)
      return;  // what doesn't fit is reported when it is loaded
    found->second = tensor_bytes(resized_positions(table.to(at::kDouble), {from, from}, {to, to}));
    console_.note(file_.source + ": positions of " + std::to_string(from) + " x " +
                  std::to_string(from) + " patches interpolated to " + std::to_string(to) + " x " +
                  std::to_string(to));
  }

  std::map<std::string, at::Tensor, std::less<>> wanted_;  // the model's tensors
  WeightFile file_;
  const Console& console_;
};

}  // namespace vlp
