#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "vlp/assemble/dry_pass.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/concepts/schedule.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/parallel.hpp"
#include "vlp/core/random.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/data/sampler.hpp"
#include "vlp/data/text_room.hpp"
#include "vlp/evaluate/options.hpp"
#include "vlp/recipe/write.hpp"
#include "vlp/start/model_source.hpp"
#include "vlp/tasks/recipe_lines.hpp"
#include "vlp/train/checkpoint_options.hpp"
#include "vlp/train/options.hpp"

namespace vlp {

namespace detail {

/// A number of things.
[[nodiscard]] inline std::string counted(std::int64_t n, const char* one, const char* many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

}  // namespace detail

VLP_INLINE std::vector<std::string> batch_lines(const Plan& plan) {
  const TrainOptions& train = plan.train;
  std::vector<std::string> lines{
      fmt::format("batch      {} pairs x {} micro-steps x 1 process = {} an update",
                  train.batch_size, train.accumulation, train.batch_size * train.accumulation)};
  if (train.precision == Precision::fp16)
    lines.emplace_back(
        "precision  fp16, which needs a GPU; on a CPU add --set train.precision=fp32");
  if (train.precision == Precision::tf32)
    lines.emplace_back(
        "precision  tf32, which needs a GPU; on a CPU add --set train.precision=fp32");
  if (train.precision == Precision::bf16)
    lines.emplace_back("precision  bf16 by autocast; weights and updates stay in float32");
  return lines;
}

VLP_INLINE std::vector<std::string> training_lines(const Plan& plan) {
  const TrainOptions& train = plan.train;
  const EvaluateOptions& evaluate = plan.evaluate;
  std::vector<std::string> lines;
  if (train.precision == Precision::fp16 && train.skipped_limit != TrainOptions{}.skipped_limit)
    lines.push_back(
        fmt::format("skipped    the run ends after {} in a row",
                    detail::counted(train.skipped_limit, "update without a finite gradient",
                                    "updates without a finite gradient")));
  if (train.clip_norm > 0)
    lines.push_back(fmt::format(
        "clip       gradients with a 2-norm above {0} are scaled down to {0}", train.clip_norm));
  if (train.ema > 0)
    lines.push_back(fmt::format(
        "average    each update keeps {} of it, so it is over about {} updates; {}", train.ema,
        std::llround(1 / (1 - train.ema)),
        evaluate.weights == EvaluatedWeights::ema
            ? "it is what is evaluated and written to model/"
            : "the weights themselves are evaluated and written to model/, not the average"));
  if (evaluate.every == EvaluateEvery::never)
    lines.emplace_back("evaluate   never on the validation split; the last weights are kept");
  if (evaluate.patience > 0)
    lines.push_back(fmt::format("patience   training ends after {} in a row without a better {}",
                                detail::counted(evaluate.patience, "evaluation", "evaluations"),
                                evaluate.best));
  if (plan.checkpoint.every != CheckpointOptions{}.every ||
      plan.checkpoint.keep != CheckpointOptions{}.keep)
    lines.push_back(fmt::format(
        "checkpoint every {}, the newest {} kept", plan.checkpoint.every,
        plan.checkpoint.keep == 1 ? "is" : std::to_string(plan.checkpoint.keep) + " are"));
  if (!train.max_time.empty())
    lines.push_back(fmt::format("max_time   the run ends after {} with a checkpoint to go on from",
                                train.max_time));
  return lines;
}

VLP_INLINE std::vector<std::string> weights_lines(const Plan& plan) {
  const WeightSources& weights = plan.model.extra.weights;
  if (weights.empty()) return {"weights    random"};
  std::vector<std::string> lines;
  for (const auto& [key, source] : weights.given()) {
    const std::string part = weights.only_whole() ? "" : std::string(key) + " = ";
    try {
      lines.push_back(
          fmt::format("weights    {}{}: {}", part, source, find_model(source).weights.string()));
    } catch (const WeightsError& error) {
      lines.push_back(fmt::format("weights    {}not found: {}", part, error.what()));
    }
  }
  return lines;
}

VLP_INLINE std::vector<std::string> note_lines(const Plan& plan) {
  std::vector<std::string> lines;
  for (const auto& loss : plan.loss)
    if (plan.train.accumulation > 1 && loss.traits().compares_pairs)
      lines.push_back(fmt::format(
          "note       loss '{}' compares the {} pairs of a micro-step with one another; "
          "accumulation makes that batch no larger",
          loss.name(), plan.train.batch_size));
  const auto options_of = [](const Use<AnyLoss, LossExtras>& loss) {
    Value table = loss.write();
    table.as<Table>()->erase("weight");
    return write_toml(table);
  };
  Parts used = Parts::of<ImageStates, Temperature>() | parts::momentum_embeddings;
  for (std::size_t i = 0; i < plan.loss.size(); ++i) {
    used = used | plan.loss[i].traits().needs;
    for (std::size_t j = 0; j < i; ++j)
      if (options_of(plan.loss[j]) == options_of(plan.loss[i]))
        lines.push_back(fmt::format(
            "note       loss.{} and loss.{} are the same ('{}'); one with the sum of their weights "
            "does as much",
            j, i, plan.loss[i].name()));
  }
  for (const auto& metric : plan.metric) used = used | metric.traits().needs();
  if (used.contains(ImageEmbeddings::name) || used.contains(MatchLogits::name))
    used = used | Parts::of<TextStates>();  // what these are made of
  Parts unused;
  for (const PartName& part : plan.model.traits().serves)
    if (std::ranges::find(used, part.words, &PartName::words) == used.end()) unused.add(part);
  if (!unused.empty())
    lines.push_back(fmt::format("note       the model has {}, and no loss or metric uses that",
                                in_words(unused)));
  return lines;
}

namespace detail {

/// Whether the learning rate is still rising at the end of a run.
[[nodiscard]] inline bool ends_rising(const AnySchedule& schedule, const LoopLength& length) {
  const auto factor = [&](std::int64_t step) {
    return schedule(
        {.step = step, .steps = length.total_steps, .steps_per_epoch = length.steps_per_epoch});
  };
  return length.total_steps > 1 && factor(length.total_steps - 1) > factor(length.total_steps - 2);
}

/// What patterns meet, and how many layers are computed twice.
[[nodiscard]] inline std::vector<std::string> parameter_lines(const Plan& plan,
                                                              const DryPassFindings& found) {
  std::vector<std::string> lines;
  const auto tell = [&](const char* what, const std::string& pattern, const ParameterCount& met) {
    lines.push_back(fmt::format("{:<10} {}: {} tensors, {} parameters", what, pattern, met.tensors,
                                met.parameters));
  };
  for (std::size_t i = 0; i < found.frozen.size(); ++i)
    tell("freeze", plan.train.freeze[i], found.frozen[i]);
  for (std::size_t i = 0; i < found.groups.size(); ++i) {
    const GroupOptions& group = plan.optimizer->extra.group[i];
    tell("group", group.match, found.groups[i]);
    lines.back() += fmt::format(", lr x {}", group.lr_factor);
    if (group.weight_decay) lines.back() += fmt::format(", weight decay {}", *group.weight_decay);
  }
  if (found.recomputed > 0)
    lines.push_back(fmt::format(
        "recompute  {} a second time in the backward pass",
        counted(found.recomputed, "trained layer is computed", "trained layers are computed")));
  return lines;
}

}  // namespace detail

VLP_INLINE std::optional<CheckedParts> checked_parts(const Plan& plan,
                                                     const CheckArguments& arguments) {
  if (arguments.share_dir.empty()) return std::nullopt;
  RunArguments like;
  like.data_dir = arguments.data_dir;
  like.share_dir = arguments.share_dir;
  Context ctx = open_context(plan, like);
  Preprocessing data = load_preprocessing(plan, ctx);
  return CheckedParts{std::move(ctx), std::move(data)};
}

VLP_INLINE std::vector<std::string> dry_pass_lines(const Plan& plan,
                                                   const std::optional<CheckedParts>& parts,
                                                   const CheckArguments& arguments, bool trains) {
  if (!parts || arguments.quick) return {};
  const DryPassFindings found = dry_pass(plan, parts->ctx, parts->data, trains);
  std::vector<std::string> lines;
  for (const std::string& untried : found.untried)
    lines.push_back("dry pass   not tried: " + untried);
  if (lines.empty())
    lines.emplace_back("dry pass   a made-up batch went through model, losses and metrics");
  add_lines(lines, detail::parameter_lines(plan, found));
  return lines;
}

namespace detail {

/// What the tokenizer makes of captions.
struct CaptionTokens {
  std::int64_t longest = 0;  ///< tokens of a text, prompt included, uncut
  std::int64_t cut = 0;      ///< texts
  std::int64_t words = 0;    ///< tokens but the beginning, the prompt's and [SEP]
  std::int64_t unknown = 0;  ///< those of them that are [UNK]

  void add(const CaptionTokens& more) {
    longest = std::max(longest, more.longest);
    cut += more.cut;
    words += more.words;
    unknown += more.unknown;
  }
};

/// At most so many captions, in their order, one drawn from each of as many equal parts.
[[nodiscard]] inline std::vector<std::string_view> some_captions(
    std::span<const ImageRecord> records, std::size_t most, const RandomStream& random) {
  std::size_t all = 0;
  for (const ImageRecord& record : records) all += record.captions.size();
  const std::size_t count = std::min(all, most);
  std::vector<std::string_view> captions;
  captions.reserve(count);
  std::size_t place = 0;  // of the record's first caption among all
  for (const ImageRecord& record : records) {
    while (captions.size() < count) {
      const std::size_t part = captions.size(), begin = part * all / count;
      const std::size_t drawn = begin + random.derive(part).below((part + 1) * all / count - begin);
      if (drawn >= place + record.captions.size()) break;
      captions.emplace_back(record.captions[drawn - place]);
    }
    place += record.captions.size();
  }
  return captions;
}

/// @param limit  tokens to which the tokenizer cuts; 0 = not known
[[nodiscard]] inline CaptionTokens tokens_of(std::span<const std::string_view> captions,
                                             const Preprocessing& data, std::int64_t limit) {
  const std::int64_t begin = whole_prompt_length(data.tokenizer, data.prompt);
  std::vector<CaptionTokens> found(block_count(0, captions.size()));
  parallel_blocks(0, captions.size(), [&](std::size_t block, std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      RandomStream random(i);
      const std::string text = with_prompt(data.prompt, data.transforms.train(captions[i], random));
      const std::optional<std::vector<std::int64_t>> whole = data.tokenizer.encode_whole(text);
      const std::vector<std::int64_t> ids = whole ? *whole : data.tokenizer.encode(text);
      const auto length = static_cast<std::int64_t>(ids.size());
      const std::span<const std::int64_t> words =
          std::span(ids).subspan(static_cast<std::size_t>(std::min(begin, length - 1)));
      found[block].add({.longest = length,
                        .cut = limit > 0 && length > limit ? 1 : 0,
                        .words = static_cast<std::int64_t>(words.size()) - 1,
                        .unknown = std::ranges::count(words, data.tokenizer.special().unknown)});
    }
  });
  CaptionTokens all;
  for (const CaptionTokens& of_block : found) all.add(of_block);
  return all;
}

/// How long training captions are, how many are cut, and how much of them is unknown.
[[nodiscard]] inline std::string texts_line(const Plan& plan, const Preprocessing& data,
                                            std::span<const ImageRecord> records) {
  constexpr std::size_t kEnough = 100'000;
  std::size_t all = 0;
  for (const ImageRecord& record : records) all += record.captions.size();
  const std::vector<std::string_view> captions = some_captions(
      records, kEnough, RandomStream(static_cast<std::uint64_t>(plan.run.seed)).derive("check"));
  const std::int64_t limit = plan.tokenizer.traits().longest_text;
  const CaptionTokens tokens = tokens_of(captions, data, limit);
  std::string line = "texts      ";
  line += captions.size() < all
              ? fmt::format("{} of {} captions, drawn with the seed", captions.size(), all)
              : counted(static_cast<std::int64_t>(all), "caption", "captions");
  const bool whole = data.tokenizer.encode_whole("").has_value();
  line += fmt::format(", the longest of {} tokens{}", tokens.longest,
                      whole ? "" : " once it is cut, if it is");
  if (whole && limit > 0)
    line += tokens.cut == 0
                ? fmt::format("; none is cut at {}", limit)
                : fmt::format("; {} cut at {}", counted(tokens.cut, "is", "are"), limit);
  if (data.tokenizer.special().unknown < 0 || tokens.words == 0) return line;
  const double share =
      100 * static_cast<double>(tokens.unknown) / static_cast<double>(tokens.words);
  if (tokens.unknown == 0) return line + "; no token is [UNK]";
  return line + (share < 0.1 ? "; less than 0.1 % of the tokens are [UNK]"
                             : fmt::format("; {:.1f} % of the tokens are [UNK]", share));
}

}  // namespace detail

VLP_INLINE std::vector<std::string> data_lines(const Plan& plan,
                                               const std::optional<CheckedParts>& parts,
                                               const CheckArguments& arguments, bool trains) {
  Context ctx;
  ctx.facts.seeds = RandomStream(static_cast<std::uint64_t>(plan.run.seed));
  ctx.folders.data = arguments.data_dir;
  ctx.machine.threads = static_cast<int>(threads_for(0));
  std::vector<std::string> lines, notes;
  ctx.machine.console.on_note = [&](std::string_view note) {
    notes.push_back("note       " + std::string(note));
  };
  try {
    const AnyDataset dataset =
        build_dataset(plan, ctx, parts ? parts->data.transforms : Pipelines());
    const auto records = dataset.records(Split::train);
    lines.push_back(fmt::format("data       {} / {} / {} images for training / validation / test",
                                records.size(), dataset.records(Split::validation).size(),
                                dataset.records(Split::test).size()));
    add_lines(lines, notes);
    if (!trains) return lines;
    if (records.empty())
      throw DataError("dataset: the training split is empty. Use more images or other shares.");
    if (parts) lines.push_back(detail::texts_line(plan, parts->data, records));
    const std::int64_t rows = rows_per_epoch(records, dataset.captions_per_image());
    const LoopLength length =
        loop_length(std::max<std::int64_t>(1, rows / plan.train.batch_size), plan.train);
    lines.push_back(fmt::format("length     {} pairs an epoch, {} updates an epoch, {} in all",
                                rows, length.steps_per_epoch, length.total_steps));
    if (rows < plan.train.batch_size)
      lines.push_back(fmt::format(
          "note       train.batch_size = {} is more than an epoch has; a batch will be of {} pairs",
          plan.train.batch_size, rows));
    if (plan.schedule && detail::ends_rising(plan.schedule->build(ctx), length))
      lines.push_back(
          fmt::format("note       the learning rate still rises at the last of {} updates; is the "
                      "schedule's warm-up longer than the run?",
                      length.total_steps));
    constexpr double kMuch = 0.05;  // of an average, what the first weights may make up at the end
    const double first = std::pow(plan.train.ema, static_cast<double>(length.total_steps));
    if (plan.train.ema > 0 && first > kMuch)
      lines.push_back(fmt::format(
          "note       the first weights are still {:.0f} % of the average at the last of {} "
          "updates; is train.ema = {} too slow for this run?",
          100 * first, length.total_steps, plan.train.ema));
  } catch (const DataNotFoundError& error) {
    if (arguments.strict) throw;
    lines.push_back(fmt::format("data       not found, counts unknown: {}", error.what()));
  }
  return lines;
}

}  // namespace vlp
