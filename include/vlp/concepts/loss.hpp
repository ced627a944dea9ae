#pragma once
// Loss: a scalar to minimise over one forward pass. Contract: `operator()` asks the pass for what
// it needs, is differentiable, and never waits for the device; `needs` says beforehand which parts
// it will ask for.

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/forward.hpp"
#include "vlp/concepts/needs.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/state.hpp"

namespace vlp {

/// A loss with the parts of which it is made, for the log.
struct LossValue {
  at::Tensor total;                                       ///< scalar, on the device, with gradient
  std::vector<std::pair<std::string, at::Tensor>> parts;  ///< named scalars, detached; may be empty
};

/// `L::needs` is a constant of the type, or, where it depends on the options, `static Needs
/// needs(const Options&)` beside `needs()`. A loss that holds tensors of its own is also
/// `Stateful`, and may offer
///   static std::int64_t smallest_batch(const Options&): pairs below which it has nothing to
///   compare; checked with the recipe static std::int64_t captions_per_image(const Options&):
///   captions of an image that it learns from at once, the pair's own
///     included; the others come in `Batch::extra_captions`, in training, as far as the image has
///     so many
///   warm_start(const State& tensors, const Console& console): takes what it knows of a file from
///   which the weights come
template <class L>
concept Loss = std::move_constructible<L> &&
               (requires { { L::needs } -> std::convertible_to<Needs>; } || requires(const L& loss) { { loss.needs() } -> std::same_as<Needs>; }) &&
               requires(L loss, Forward& pass) {
                 { loss(pass) } -> std::same_as<LossValue>;  // last: asking a module holder this is an error, not a no
               };

/// Needs of a loss, from its type where it is a constant there.
template <Loss L>
[[nodiscard]] Needs needs_of(const L& loss) {
  if constexpr (requires {
                  { L::needs } -> std::convertible_to<Needs>;
                })
    return L::needs;
  else
    return loss.needs();
}

/// Any loss as a value that is moved, not copied.
class AnyLoss {
 public:
  static constexpr std::string_view kind = "loss";

  template <class L>
    requires(!std::same_as<L, AnyLoss>) && Loss<L>
  AnyLoss(L loss) : self_(std::make_unique<Holder<L>>(std::move(loss))) {}

  LossValue operator()(Forward& pass) { return self_->call(pass); }
  [[nodiscard]] Needs needs() const { return self_->needs(); }
  void save(State& state) const { self_->save(state); }
  void load(const State& state) { self_->load(state); }
  void warm_start(const State& tensors, const Console& console) {
    self_->warm_start(tensors, console);
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual LossValue call(Forward& pass) = 0;
    virtual Needs needs() const = 0;
    virtual void save(State& state) const = 0;
    virtual void load(const State& state) = 0;
    virtual void warm_start(const State& tensors, const Console& console) = 0;
  };
  template <class L>
  struct Holder final : Base {
    explicit Holder(L l) : loss(std::move(l)) {}
    LossValue call(Forward& pass) override { return loss(pass); }
    Needs needs() const override { return needs_of(loss); }
    void save(State& state) const override {
      if constexpr (Stateful<L>) loss.save(state);
    }
    void load(const State& state) override {
      if constexpr (Stateful<L>) loss.load(state);
    }
    void warm_start(const State& tensors, const Console& console) override {
      if constexpr (requires { loss.warm_start(tensors, console); })
        loss.warm_start(tensors, console);
    }
    L loss;
  };
  std::unique_ptr<Base> self_;
};
static_assert(Loss<AnyLoss>);

template <Loss T>
AnyLoss kind_of(ComponentTag<T>);

}  // namespace vlp
