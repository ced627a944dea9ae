#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "vlp/concepts/model_layout.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/start/fill_model.hpp"
#include "vlp/start/fit_tensors.hpp"
#include "vlp/start/initial_weights.hpp"
#include "vlp/start/match_settings.hpp"
#include "vlp/start/weight_sources.hpp"
#include "vlp/weights/module_weights.hpp"
#include "vlp/weights/shared_words.hpp"
#include "vlp/weights/tensor_parts.hpp"

namespace vlp {

namespace detail {

/// Fills one model, once.
class ModelFiller {
 public:
  ModelFiller(torch::nn::Module& module, const InitialWeights& weights, FillPolicy policy,
              const Value& resolved, const Console& console)
      : module_(module),
        weights_(weights),
        layout_(weights_.layout()),
        policy_(policy),
        resolved_(resolved),
        console_(console) {
    for (const auto& [name, tensor] : all_tensors(module)) {
      wanted_.emplace(name, tensor);
      names_[tensor.unsafeGetTensorImpl()].push_back(name);
    }
    for (WeightSource& source : weights_.sources()) take_off_shared_words(source.weights);
  }

  void fill() {
    std::set<std::string> parts;
    for (const auto& [name, tensor] : wanted_) parts.insert(part_of(name));
    if (policy_ == FillPolicy::exact) {
      take_whole(weights_.sources().front().weights);
    } else {
      for (const std::string& part : parts)
        if (!layout_.is_momentum(part)) take(part);
      for (const std::string& part : parts)
        if (layout_.is_momentum(part)) take_momentum_encoder(part);
      require_use();
      settle_shared();
    }
    begin_at_random();
    copy_to_momentum_encoders();
    load_module(module_, tensors_, where());
    if (policy_ != FillPolicy::exact) report();
  }

 private:
  using Names = std::vector<std::string>;

  /// What came of one part.
  struct Part {
    const WeightSource* source = nullptr;  ///< null = none
    std::set<std::string> groups;          ///< of layers that the source has
  };

  /// Takes off the words before all names of a source that no format has understood: if no name
  /// begins as one of the model's, and without the words some are the model's, in one way only.
  void take_off_shared_words(OwnWeights& weights) {
    const auto begins_as_ours = [&](const auto& named) {
      const std::string part = part_of(named.first);
      const auto same = [&](const auto& own) { return part_of(own.first) == part; };
      return std::ranges::any_of(wanted_, same) || layout_.part(part) ||
             layout_.momentum.contains(part) || layout_.for_losses.contains(part);
    };
    const std::vector<std::string> beginnings = shared_beginnings(weights.tensors);
    if (beginnings.empty() || begins_as_ours(*weights.tensors.begin())) return;
    std::vector<std::string> ways;
    for (const std::string& beginning : beginnings)
      if (count_ours(without_beginning(weights.tensors, beginning)) > 0) ways.push_back(beginning);
    if (ways.size() != 1) return;
    weights.tensors = without_beginning(weights.tensors, ways.front());
    console_.note(taken_off_text(weights.source, weights.tensors.size(), ways.front()));
  }

  /// How many tensors have a name of the model's.
  [[nodiscard]] std::int64_t count_ours(const TensorMap& tensors) const {
    return std::ranges::count_if(tensors,
                                 [&](const auto& named) { return wanted_.contains(named.first); });
  }

  /// What a file is that lacks a part: of another task if it has others, else of other names.
  [[nodiscard]] std::string told_by_names(const TensorMap& tensors) const {
    if (count_ours(tensors) > 0) return "It is for another task; choose a model that has one.";
    return "None of its names (" + std::to_string(tensors.size()) +
           ") is one of the model's (got " + first_names(tensors) + ", expected such as " +
           first_names(wanted_) + "). Give a file of this model.";
  }

  /// Everything in one file.
  void take_whole(const OwnWeights& file) {
    tensors_ = file.tensors;
    check_parts(file);
    fit_tensors(tensors_, wanted_, layout_, file.source, console_);
    std::erase_if(tensors_, [&](const auto& named) {
      return layout_.is_momentum(named.first) && !wanted_.contains(named.first);
    });
  }

  /// The file has all parts of the model. Further ones are left out if it carries the parts for
  /// several tasks, or only training needs them; in another file they mean a model for another
  /// task.
  void check_parts(const OwnWeights& file) {
    std::set<const void*> found;  // tensors that the file has under any of their names
    for (const auto& [name, tensor] : wanted_)
      if (tensors_.contains(name)) found.insert(tensor.unsafeGetTensorImpl());
    std::map<std::string, bool> needed;  // part, whether any of its tensors is there
    for (const auto& [name, tensor] : wanted_)
      if (!layout_.kept.contains(name) && !layout_.is_momentum(name))
        needed[part_of(name)] |= found.contains(tensor.unsafeGetTensorImpl());
    const PartCounts parts = count_parts(tensors_);
    for (const auto& [part, there] : needed)
      if (!there && !parts.contains(part))
        throw WeightsError(file.source + ": no " + part + " in this file (got " +
                           parts_text(parts) + "). " + told_by_names(tensors_));
    PartCounts extra;
    bool foreign = false;
    for (const auto& [part, count] : parts) {
      if (needed.contains(part) || wanted_.contains(part) || layout_.is_momentum(part) ||
          ignorable(part))
        continue;
      extra.emplace(part, count);
      foreign |= !layout_.kept.contains(part);
    }
    if (extra.empty()) return;
    if (foreign && !file.for_several_tasks)
      throw WeightsError(file.source + ": the model has no place for " + parts_text(extra) +
                         ". Choose the model that has one, or leave these tensors out of the "
                         "file.");
    for (const Doubt& doubt : file.doubts) console_.warning(file.source + ": " + doubt.warning);
    if (foreign)
      console_.note(file.source + ": left out what the model doesn't use: " + parts_text(extra));
    std::erase_if(tensors_,
                  [&](const auto& named) { return extra.contains(part_of(named.first)); });
  }

  /// The tensors of `source` that go to a part, under the part's names; where it lacks them, those
  /// of a part that can stand for it.
  TensorMap select(const std::string& part, const WeightSource& source, std::string& from) {
    std::vector<Substitute> ways{{part, part}};
    if (const LayoutPart* known = layout_.part(part))
      ways.insert(ways.end(), known->substitutes.begin(), known->substitutes.end());
    TensorMap selected;
    for (const auto& [beginning, instead] : ways) {
      for (const auto& [name, tensor] : source.weights.tensors) {
        if (name != beginning && !name.starts_with(beginning + ".")) continue;
        used_[&source].insert(name);
        if (!ignorable(name)) selected.emplace(instead + name.substr(beginning.size()), tensor);
      }
      from = part_of(beginning);
      if (!selected.empty()) break;
    }
    return selected;
  }

  /// A part of the model comes from its own source, or the whole's.
  void take(const std::string& part) {
    Part& result = parts_[part];
    const WeightSource* source = weights_.of(part);
    std::string from;
    TensorMap selected = source ? select(part, *source, from) : TensorMap{};
    if (selected.empty()) return;
    result.source = source;
    for (const Doubt& doubt : source->weights.doubts)
      if (doubt.part == part) console_.warning(source->weights.source + ": " + doubt.warning);
    match(part, from, *source);
    for (const auto& [name, tensor] : fitted(part, *source, std::move(selected), result))
      tensors_.insert_or_assign(name, tensor);
  }

  /// A momentum encoder comes from the file that its part comes from.
  void take_momentum_encoder(const std::string& part) {
    const std::string online = layout_.followed(part);
    const WeightSource *source = weights_.of(part), *followed = parts_[online].source;
    std::string from;
    TensorMap renamed;
    if (source && source == followed)
      for (auto& [name, tensor] : select(part, *source, from))
        renamed.emplace(layout_.followed(name), std::move(tensor));
    if (renamed.empty()) return;
    Part& result = parts_[part];
    result.source = source;
    for (const auto& [name, tensor] : fitted(part, *source, std::move(renamed), result))
      tensors_.insert_or_assign(part + name.substr(online.size()), tensor);
  }

  /// The tensors in the model's shapes, as far as its layout lets them differ.
  /// @param called    the part
  /// @param source    that it comes from
  /// @param selected  its tensors; a momentum encoder's have the names of those that it follows
  /// @param result    learns what the source has
  TensorMap fitted(const std::string& called, const WeightSource& source, TensorMap selected,
                   Part& result) {
    const std::string part = part_of(selected.begin()->first);
    for (const LayerGroup& group : layout_.groups) {
      const auto inside = [&](const auto& named) { return group.holds(named.first); };
      const auto mine = [&](const auto& named) {
        return inside(named) && part_of(named.first) == part;
      };
      if (std::ranges::none_of(selected, inside)) continue;
      if (std::ranges::any_of(wanted_, mine))
        result.groups.insert(group.name);
      else
        left_out_[&source][called + "." + group.name] +=
            static_cast<std::int64_t>(std::erase_if(selected, inside));
    }
    loaded_[&source][called] += static_cast<std::int64_t>(selected.size());
    fit_tensors(selected, wanted_, layout_, source.weights.source, console_);
    for (const std::string& change :
         fit_rows(selected, wanted_, layout_, policy_ == FillPolicy::what_fits))
      console_.note(source.weights.source + ": " + change);
    return selected;
  }

  void match(const std::string& part, const std::string& from, const WeightSource& source) const {
    const LayoutPart *ours = layout_.part(part), *theirs = layout_.part(from);
    if (ours && theirs && !ours->table.empty() && !theirs->table.empty())
      match_settings({resolved_, ours->table}, {source.settings, theirs->table},
                     source.weights.source, console_);
  }

  /// Every source that a recipe names gives something.
  void require_use() const {
    for (const WeightSource& source : weights_.sources()) {
      if (loaded_.contains(&source)) continue;
      std::string parts;
      for (const auto& [part, result] : parts_)
        if (weights_.of(part) == &source) parts += (parts.empty() ? "" : ", ") + part;
      const std::string key =
          source.key == WeightSources::kWhole ? "model.weights" : "model.weights." + source.key;
      if (parts.empty())
        throw WeightsError(source.weights.source + ": the model has no part left for " + key +
                           ". Leave it out.");
      throw WeightsError(source.in_words() + ": nothing in it is for " + key + " (got " +
                         parts_text(count_parts(source.weights.tensors)) + ", expected " + parts +
                         "). Choose another source.");
    }
  }

  /// Names of one tensor that have values in the sources, those of the owner's first: where they
  /// differ, the first counts.
  Names present(const Names& same) const {
    Names found;
    for (const std::string& name : same)
      if (tensors_.contains(name)) found.push_back(name);
    std::ranges::stable_partition(
        found, [&](const std::string& name) { return part_of(name) == layout_.owner; });
    return found;
  }

  void settle_shared() {
    if (policy_ != FillPolicy::what_fits) return;  // then it is an error, which the loader reports
    std::map<std::pair<std::string, std::string>, std::int64_t> differing;  // part, winner
    for (const auto& [tensor, same] : names_) {
      const Names found = present(same);
      for (std::size_t i = 1; i < found.size(); ++i) {
        if (same_values(tensors_.at(found[0]), tensors_.at(found[i]))) continue;
        tensors_.erase(found[i]);
        ++differing[{part_of(found[i]), part_of(found[0])}];
      }
    }
    for (const auto& [parts, count] : differing)
      console_.warning("weights: " + parts.first + " shares " + std::to_string(count) +
                       (count == 1 ? " tensor" : " tensors") + " with " + parts.second +
                       ", and the sources' values differ; " + parts.second + "'s are taken");
  }

  /// Whether a tensor that no source has may keep its random values, as far as this name of it is
  /// concerned.
  bool may_be_random(const std::string& name) const {
    if (layout_.kept.contains(name)) return true;
    if (policy_ != FillPolicy::what_fits) return false;
    const Part& part = parts_.at(part_of(name));
    const LayerGroup* group = layout_.group(name);
    return !part.source || (group && !part.groups.contains(group->name));
  }

  /// How reports call the group of a tensor that begins at random.
  std::string group_of(const std::string& name) const {
    const std::string part = part_of(name);
    return parts_.at(part).source ? part + "." + layout_.group(name)->name : part;
  }

  void begin_at_random() {
    for (const auto& [tensor, same] : names_) {
      Names own = same;
      std::erase_if(own, [&](const std::string& name) { return layout_.is_momentum(name); });
      if (own.empty() || !present(own).empty()) continue;
      if (!std::ranges::all_of(own, [&](const std::string& name) { return may_be_random(name); }))
        continue;  // the loader says it is missing
      tensors_.emplace(own.front(), tensor_bytes(wanted_.at(own.front())));
      if (!layout_.kept.contains(own.front())) ++random_[group_of(own.front())];
    }
  }

  /// Momentum encoders begin as what they follow where no source has them.
  void copy_to_momentum_encoders() {
    for (const auto& [name, tensor] : wanted_) {
      if (!layout_.is_momentum(name) || tensors_.contains(name)) continue;
      const auto online = wanted_.find(layout_.followed(name));
      const Names found = online == wanted_.end()
                              ? Names{}
                              : present(names_.at(online->second.unsafeGetTensorImpl()));
      if (found.empty()) continue;
      tensors_.emplace(name, tensors_.at(found.front()));
      ++copied_;
    }
  }

  std::string where() const {
    std::string text;
    for (const WeightSource& source : weights_.sources())
      if (text.find(source.weights.source) == text.npos)
        text += (text.empty() ? "" : " and ") + source.weights.source;
    return text;
  }

  /// What of a source was not used.
  PartCounts rest_of(const WeightSource& source, bool momentum) {
    PartCounts rest = left_out_[&source];
    for (const auto& [name, count] : source.weights.left_out) rest[name] += count;
    for (const auto& [name, tensor] : source.weights.tensors) {
      const bool kept = ignorable(name) || (momentum && layout_.for_losses.contains(name));
      if (!used_[&source].contains(name) && !kept)
        ++rest[source.weights.rest.empty() ? part_of(name) : source.weights.rest];
    }
    return rest;
  }

  void report() {
    const bool momentum = std::ranges::any_of(
        parts_, [&](const auto& part) { return layout_.is_momentum(part.first); });
    for (const WeightSource& source : weights_.sources()) {
      console_.note(source.in_words() + ": loaded " + parts_text(loaded_.at(&source)));
      if (const PartCounts rest = rest_of(source, momentum); !rest.empty())
        console_.note(source.weights.source + ": left out " + parts_text(rest));
    }
    for (const std::string& name : layout_.kept)
      if (wanted_.contains(name) && !parts_.at(part_of(name)).source)
        console_.note("weights: " + name + " begins as the recipe says");
    if (!random_.empty()) console_.note("weights: at random begin " + parts_text(random_));
    if (copied_ > 0)
      console_.note("weights: momentum encoders begin as copies (" + std::to_string(copied_) +
                    " tensors)");
  }

  torch::nn::Module& module_;
  InitialWeights weights_;  // under the names that the model gives them
  const ModelLayout& layout_;
  FillPolicy policy_;
  const Value& resolved_;
  const Console& console_;
  ModelTensors wanted_;                 // the model's tensors, under all their names
  std::map<const void*, Names> names_;  // of each of them
  TensorMap tensors_;                   // what they become
  std::map<std::string, Part> parts_;
  std::map<const WeightSource*, std::set<std::string>> used_;  // names
  std::map<const WeightSource*, PartCounts> loaded_, left_out_;
  PartCounts random_;
  std::int64_t copied_ = 0;
};

}  // namespace detail

VLP_INLINE void fill_model(torch::nn::Module& module, const InitialWeights& weights,
                           FillPolicy policy, const Value& resolved, const Console& console) {
  detail::ModelFiller(module, weights, policy, resolved, console).fill();
}

}  // namespace vlp
