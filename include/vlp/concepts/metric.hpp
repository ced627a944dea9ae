#pragma once
// Metric: scores of generated captions against references. Contract: `add` takes captions already cut into words
// (joined by single blanks), one call an image; `scores` may be asked at any time and changes nothing; order of
// images is kept; a metric saves and restores all that it has seen. Includes no torch.

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/component.hpp"
#include "vlp/core/state.hpp"

namespace vlp {

/// One image's generated caption beside what people wrote, all cut into words.
struct ScoredCaption {
  std::string image_id;                 ///< unique within a split
  std::string candidate;                ///< the generated caption
  std::vector<std::string> references;  ///< at least one
};

/// Named numbers in the order in which they should be shown, e.g. {"CIDEr", 1.17}.
using Scores = std::vector<std::pair<std::string, double>>;

template <class M>
concept Metric = std::move_constructible<M> && Stateful<M> && requires(M metric, const M& full, const ScoredCaption& caption) {
  metric.add(caption);
  { full.scores() } -> std::same_as<Scores>;                  // over all images
  { full.per_image() } -> std::same_as<std::vector<Scores>>;  // in the order of `add`
};

/// Any metric as a value that is moved, not copied.
class AnyMetric {
 public:
  static constexpr std::string_view kind = "metric";

  template <class M>
    requires(!std::same_as<M, AnyMetric>) && Metric<M>
  AnyMetric(M metric) : self_(std::make_unique<Holder<M>>(std::move(metric))) {}

  void add(const ScoredCaption& caption) { self_->add(caption); }
  [[nodiscard]] Scores scores() const { return self_->scores(); }
  [[nodiscard]] std::vector<Scores> per_image() const { return self_->per_image(); }
  void save(State& state) const { self_->save(state); }
  void load(const State& state) { self_->load(state); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void add(const ScoredCaption& caption) = 0;
    virtual Scores scores() const = 0;
    virtual std::vector<Scores> per_image() const = 0;
    virtual void save(State& state) const = 0;
    virtual void load(const State& state) = 0;
  };
  template <class M>
  struct Holder final : Base {
    explicit Holder(M m) : metric(std::move(m)) {}
    void add(const ScoredCaption& caption) override { metric.add(caption); }
    Scores scores() const override { return metric.scores(); }
    std::vector<Scores> per_image() const override { return metric.per_image(); }
    void save(State& state) const override { metric.save(state); }
    void load(const State& state) override { metric.load(state); }
    M metric;
  };
  std::unique_ptr<Base> self_;
};
static_assert(Metric<AnyMetric>);

template <Metric T>
AnyMetric kind_of(ComponentTag<T>);

}  // namespace vlp
