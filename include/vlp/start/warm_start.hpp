#pragma once
// A model's first weights, part by part, from sources that need not hold all of it. What may begin
// at random is a whole part, the cross-attention or the head of a text part, and added words or
// positions; half a layer is an error.

#include <algorithm>
#include <cstdint>
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
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/start/fit_weights.hpp"
#include "vlp/start/initial_weights.hpp"
#include "vlp/start/match_settings.hpp"
#include "vlp/start/weight_fitter.hpp"
#include "vlp/weights/module_weights.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp {

/// What a warm start must know beside the weights.
struct WarmStartOptions {
  const Value& resolved;  ///< the recipe of the model, every default written out
  bool complete = false;  ///< nothing may begin at random, because the model is evaluated as it is
};

/// Fills a model from the sources of its initial weights and says what came from where.
class WarmStart {
 public:
  /// @param module   changed in place, on the CPU
  /// @param weights  must outlive this object
  /// @param options  of the model
  /// @param console  hears what was loaded, begins at random, or was left out
  WarmStart(torch::nn::Module& module, const InitialWeights& weights,
            const WarmStartOptions& options, const Console& console)
      : module_(module), weights_(weights), options_(options), console_(console) {
    for (const auto& [name, tensor] : detail::all_tensors(module)) {
      wanted_.emplace(name, tensor);
      names_[tensor.unsafeGetTensorImpl()].push_back(name);
    }
  }

  /// @throws WeightsError if a source gives nothing, the number of heads differs, or tensors are
  /// missing, unexpected or
  ///         mis-shaped, all listed; the model is then unchanged
  void fill() {
    std::set<std::string> parts;
    for (const auto& [name, tensor] : wanted_) parts.insert(detail::part_of(name));
    for (const std::string& part : parts)
      if (!is_momentum_name(part + ".")) take(part);
    for (const std::string& part : parts)
      if (is_momentum_name(part + ".")) take_momentum_encoder(part);
    require_use();
    settle_shared();
    begin_at_random();
    copy_to_momentum_encoders();
    load_module(module_, tensors_, where());
    report();
  }

 private:
  using Names = std::vector<std::string>;

  /// What came of one part.
  struct Part {
    const WeightSource* source = nullptr;  ///< null = none
    bool has_cross_attention = false;      ///< whether the source has it
    bool has_head = false;                 ///< whether the source has the language-model head
  };

  /// The tensors of `source` that go to a part, under the part's names; a text part that the source
  /// lacks is taken from the other one.
  TensorMap select(const std::string& part, const WeightSource& source, std::string& from) {
    std::vector<std::pair<std::string, std::string>> ways{{part, part}};
    if (part == "text_encoder") ways.emplace_back("text_decoder.bert", "text_encoder");
    if (part == "text_decoder") ways.emplace_back("text_encoder", "text_decoder.bert");
    TensorMap selected;
    for (const auto& [beginning, instead] : ways) {
      for (const auto& [name, tensor] : source.file.tensors) {
        if (name != beginning && !name.starts_with(beginning + ".")) continue;
        used_[&source].insert(name);
        if (!detail::ignorable(name))
          selected.emplace(instead + name.substr(beginning.size()), tensor);
      }
      from = detail::part_of(beginning);
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
    if (part == "text_decoder") warn_of_question_answering(source->file, console_);
    match(part, from, *source);
    for (const auto& [name, tensor] : fitted(part, *source, std::move(selected), result))
      tensors_.insert_or_assign(name, tensor);
  }

  /// A momentum encoder comes from the file that its part comes from.
  void take_momentum_encoder(const std::string& part) {
    const std::string online = part.substr(0, part.size() - 2);
    const WeightSource *source = weights_.of(part), *followed = parts_[online].source;
    std::string from;
    TensorMap renamed;
    if (source && source == followed)
      for (auto& [name, tensor] : select(part, *source, from))
        renamed.emplace(detail::followed_name(name), std::move(tensor));
    if (renamed.empty()) return;
    Part& result = parts_[part];
    result.source = source;
    for (const auto& [name, tensor] : fitted(part, *source, std::move(renamed), result))
      tensors_.insert_or_assign(part + name.substr(online.size()), tensor);
  }

  /// The tensors in the model's shapes, as far as that is a matter of positions, added words and
  /// one or two matrices.
  /// @param called    the part
  /// @param source    that it comes from
  /// @param selected  its tensors; a momentum encoder's have the names of those that it follows
  /// @param result    learns what the source has
  TensorMap fitted(const std::string& called, const WeightSource& source, TensorMap selected,
                   Part& result) {
    const auto cross = [](const auto& named) { return is_cross_attention(named.first); };
    const auto head = [](const auto& named) { return is_head(named.first); };
    result.has_cross_attention = std::ranges::any_of(selected, cross);
    result.has_head = std::ranges::any_of(selected, head);
    const std::string part = detail::part_of(selected.begin()->first);
    const auto mine = [&](const auto& named) {
      return is_cross_attention(named.first) && detail::part_of(named.first) == part;
    };
    if (result.has_cross_attention && std::ranges::none_of(wanted_, mine)) {
      left_out_[&source][called + ".crossattention"] += std::erase_if(selected, cross);
      result.has_cross_attention = false;
    }
    loaded_[&source][called] += static_cast<std::int64_t>(selected.size());
    const WeightFile file{source.file.source, std::move(selected), source.file.original_names};
    TensorMap tensors = WeightFitter(module_, file, console_).fit_shapes();
    for (auto& [name, tensor] : tensors) fit_rows(name, tensor, source.file.source);
    return tensors;
  }

  /// Tables with a row for each word or each position of a text.
  void fit_rows(const std::string& name, TensorBytes& tensor, const std::string& source) const {
    const auto wanted = wanted_.find(name);
    if (wanted == wanted_.end() || tensor.shape.empty() ||
        tensor.shape.size() != static_cast<std::size_t>(wanted->second.dim()))
      return;
    const at::Tensor own = wanted->second.detach(), table = detail::precise(tensor);
    const std::int64_t have = table.size(0), want = own.size(0), added = want - have;
    if (added == 0 || table.sizes().slice(1) != own.sizes().slice(1)) return;
    const bool positions = name.ends_with(".position_embeddings.weight");
    const bool words = name.ends_with(".word_embeddings.weight") || is_word_table(name);
    constexpr std::int64_t marks = 2;  // [DEC] and [ENC], which BERT doesn't know
    if (!positions && !(words && added > 0 && added <= marks))
      return;  // what doesn't fit is reported when it is loaded
    if (added > 0 && options_.complete) return;
    tensor = tensor_bytes(added > 0 ? at::cat({table, own.slice(0, have).to(table.scalar_type())})
                                    : table.slice(0, 0, want));
    console_.note(
        source + ": " + name + ": " +
        (added > 0
             ? std::to_string(added) + " rows of " + std::to_string(want) + " begin at random"
             : "the first " + std::to_string(want) + " of " + std::to_string(have) + " rows"));
  }

  static bool is_cross_attention(std::string_view name) {
    return name.find(".crossattention.") != name.npos;
  }
  static bool is_head(std::string_view name) { return name.starts_with("text_decoder.cls."); }
  static bool is_word_table(std::string_view name) {
    return name == detail::kHead || name == detail::kHeadBias || name == detail::kHeadBiasCopy;
  }

  void match(const std::string& part, const std::string& from, const WeightSource& source) const {
    const std::map<std::string_view, std::string> tables{{"vision_model", "model.encoder"},
                                                         {"text_encoder", "model.text_encoder"},
                                                         {"text_decoder", "model.decoder"}};
    const auto ours = tables.find(part), theirs = tables.find(from);
    if (ours != tables.end() && theirs != tables.end())
      match_settings(options_.resolved, ours->second, source.settings, theirs->second,
                     source.file.source, console_);
  }

  /// Every source that a recipe names gives something.
  void require_use() const {
    for (const WeightSource& source : weights_.sources()) {
      if (loaded_.contains(&source)) continue;
      std::string parts;
      for (const auto& [part, result] : parts_)
        if (weights_.of(part) == &source) parts += (parts.empty() ? "" : ", ") + part;
      const std::string key =
          source.key == "model" ? "model.weights" : "model.weights." + source.key;
      if (parts.empty())
        throw WeightsError(source.file.source + ": the model has no part left for " + key +
                           ". Leave it out.");
      throw WeightsError(source.in_words() + ": nothing in it is for " + key + " (got " +
                         detail::parts_text(detail::parts_of(source.file.tensors)) + ", expected " +
                         parts + "). Choose another source.");
    }
  }

  /// Names of one tensor that have values in the sources, the decoder's first: where they differ,
  /// the decoder's count.
  Names present(const Names& same) const {
    Names found;
    for (const std::string& name : same)
      if (tensors_.contains(name)) found.push_back(name);
    std::ranges::stable_partition(
        found, [](const std::string& name) { return name.starts_with("text_decoder."); });
    return found;
  }

  void settle_shared() {
    std::map<std::string, std::int64_t> differing;
    for (const auto& [tensor, same] : names_) {
      const Names found = present(same);
      for (std::size_t i = 1; i < found.size(); ++i) {
        if (detail::same_values(tensors_.at(found[0]), tensors_.at(found[i]))) continue;
        if (options_.complete) continue;  // then it is an error, which the loader reports
        tensors_.erase(found[i]);
        ++differing[detail::part_of(found[i])];
      }
    }
    for (const auto& [part, count] : differing)
      console_.warning(
          "weights: " + part + " shares " + std::to_string(count) +
          (count == 1 ? " tensor" : " tensors") +
          " with text_decoder, and the sources' values differ; text_decoder's are taken");
  }

  /// Whether a tensor that no source has may keep its random values, as far as this name of it is
  /// concerned.
  bool may_be_random(const std::string& name) const {
    const Part& part = parts_.at(detail::part_of(name));
    if (name == kTemperatureName) return true;
    if (options_.complete) return false;
    return !part.source || (is_cross_attention(name) && !part.has_cross_attention) ||
           (is_head(name) && !part.has_head);
  }

  /// How reports call the group of a tensor that begins at random.
  std::string group_of(const std::string& name) const {
    const std::string part = detail::part_of(name);
    if (!parts_.at(part).source) return part;
    return part + (is_head(name) ? ".cls" : ".crossattention");
  }

  void begin_at_random() {
    for (const auto& [tensor, same] : names_) {
      Names own = same;
      std::erase_if(own, [](const std::string& name) { return is_momentum_name(name); });
      if (own.empty() || !present(own).empty()) continue;
      if (!std::ranges::all_of(own, [&](const std::string& name) { return may_be_random(name); }))
        continue;  // the loader says it is missing
      tensors_.emplace(own.front(), tensor_bytes(wanted_.at(own.front())));
      if (own.front() != kTemperatureName) ++random_[group_of(own.front())];
    }
  }

  /// Momentum encoders begin as what they follow where no source has them.
  void copy_to_momentum_encoders() {
    for (const auto& [name, tensor] : wanted_) {
      if (!is_momentum_name(name) || tensors_.contains(name)) continue;
      const auto online = wanted_.find(detail::followed_name(name));
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
      if (text.find(source.file.source) == text.npos)
        text += (text.empty() ? "" : " and ") + source.file.source;
    return text;
  }

  void report() {
    const bool momentum = std::ranges::any_of(
        parts_, [](const auto& part) { return is_momentum_name(part.first + "."); });
    for (const WeightSource& source : weights_.sources()) {
      console_.note(source.in_words() + ": loaded " + detail::parts_text(loaded_.at(&source)));
      std::map<std::string, std::int64_t> rest = left_out_[&source];
      for (const auto& [name, count] : source.left_out) rest[name] += count;
      for (const auto& [name, tensor] : source.file.tensors) {
        const bool kept =
            detail::ignorable(name) ||
            (momentum && InitialWeights::is_queue_name(name));  // queues are for the losses
        if (!used_[&source].contains(name) && !kept)
          ++rest[source.kind == SourceKind::bert ? "cls" : detail::part_of(name)];
      }
      if (!rest.empty())
        console_.note(source.file.source + ": left out " + detail::parts_text(rest));
    }
    if (wanted_.contains(kTemperatureName) && !parts_.at(std::string(kTemperatureName)).source)
      console_.note("weights: temp begins as the recipe says");
    if (!random_.empty()) console_.note("weights: at random begin " + detail::parts_text(random_));
    if (copied_ > 0)
      console_.note("weights: momentum encoders begin as copies (" + std::to_string(copied_) +
                    " tensors)");
  }

  torch::nn::Module& module_;
  const InitialWeights& weights_;
  WarmStartOptions options_;
  const Console& console_;
  std::map<std::string, at::Tensor, std::less<>>
      wanted_;                          // the model's tensors, under all their names
  std::map<const void*, Names> names_;  // of each of them
  TensorMap tensors_;                   // what they become
  std::map<std::string, Part> parts_;
  std::map<const WeightSource*, std::set<std::string>> used_;  // names
  std::map<const WeightSource*, std::map<std::string, std::int64_t>> loaded_, left_out_;
  std::map<std::string, std::int64_t> random_;
  std::int64_t copied_ = 0;
};

}  // namespace vlp
