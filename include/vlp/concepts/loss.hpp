#pragma once
// Loss: a scalar to minimise over one forward pass. Contract: `operator()` asks the pass for what
// it needs, is differentiable, and never waits for the device; `needs` says beforehand which parts
// it will ask for. What it draws in training comes from `pass.training()->random`; in evaluation it
// leaves no trace in any state.

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/forward.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/concepts/peers.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/core/state.hpp"

namespace torch::nn {
class Module;
}

namespace vlp {

/// A loss with the parts of which it is made, for the log.
struct LossValue {
  at::Tensor total;                                       ///< scalar, on the device, with gradient
  std::vector<std::pair<std::string, at::Tensor>> parts;  ///< named scalars, detached; may be empty
};

/// What it needs of the model is `static constexpr Parts needs`, or, where it depends on the
/// options, `static Parts needs(const Options&)` beside `Parts needs() const`. A loss with state
/// besides parameters is also `Stateful`. Every loss may offer
///   - static std::int64_t smallest_batch(const Options&): pairs below which it has nothing to
///     compare; checked with the recipe
///   - static std::int64_t captions_per_image(const Options&): captions of an image that it learns
///     from at once, the pair's own included; the others come in `Batch::extra_captions`, in
///     training, as far as the image has so many
///   - begin_update(): called in training once before the micro-batches of each update; what an
///     update that failed half-way has left is forgotten there
///   - end_update(const Peers&): called in training once behind each update; what it keeps of the
///     update's micro-batches it puts into the order of all processes there, e.g. a queue
///   - module() -> std::shared_ptr<torch::nn::Module>: parameters of its own, which are trained and
///     saved with those of the model, and written beside it; on the device before the first pass
///   - warm_start(const State& tensors, const Console& console): takes what it knows of a file from
///     which the weights come
template <class L>
concept Loss =
    std::move_constructible<L> &&
    (requires { { L::needs } -> std::convertible_to<Parts>; } ||
     requires(const L& loss) { { loss.needs() } -> std::same_as<Parts>; }) &&
    requires(L loss, Forward& pass) {
      // Last: to ask a module holder this is an error, not a no.
      { loss(pass) } -> std::same_as<LossValue>;
    };

/// What a loss needs, from its type where it is a constant there.
template <Loss L>
[[nodiscard]] Parts needs_of(const L& loss) {
  if constexpr (requires {
                  { L::needs } -> std::convertible_to<Parts>;
                })
    return L::needs;
  else
    return loss.needs();
}

/// The parameters of a loss's own; null where it has none.
template <Loss L>
[[nodiscard]] std::shared_ptr<torch::nn::Module> module_of(const L& loss) {
  if constexpr (requires {
                  { loss.module() } -> std::convertible_to<std::shared_ptr<torch::nn::Module>>;
                })
    return loss.module();
  else
    return nullptr;
}

/// Tells a loss that an update begins, if it wants to know.
template <Loss L>
void begin_update(L& loss) {
  if constexpr (requires { loss.begin_update(); }) loss.begin_update();
}

/// Tells a loss that an update is done, if it wants to know.
template <Loss L>
void end_update(L& loss, const Peers& peers) {
  if constexpr (requires { loss.end_update(peers); }) loss.end_update(peers);
}

/// Any loss as a value that is moved, not copied.
class AnyLoss {
 public:
  static constexpr std::string_view kind = "loss";

  /// What a recipe can know of a loss before it is built.
  struct Traits {
    Parts needs;
    std::int64_t smallest_batch = 1;      ///< pairs below which it has nothing to compare
    std::int64_t captions_per_image = 1;  ///< captions of an image that it learns from at once
  };
  template <class L>
  [[nodiscard]] static Traits traits(const options_of<L>& options) {
    Traits traits;
    constexpr bool constant = requires {
      { L::needs } -> std::convertible_to<Parts>;
    };
    constexpr bool by_options = requires {
      { L::needs(options) } -> std::convertible_to<Parts>;
    };
    static_assert(
        constant || by_options,
        "a loss says what it needs before it is built: `static constexpr Parts needs`, or "
        "`static Parts needs(const Options&)` beside `Parts needs() const`");
    if constexpr (constant)
      traits.needs = L::needs;
    else if constexpr (by_options)
      traits.needs = L::needs(options);
    if constexpr (requires { L::smallest_batch(options); })
      traits.smallest_batch = L::smallest_batch(options);
    if constexpr (requires { L::captions_per_image(options); })
      traits.captions_per_image = L::captions_per_image(options);
    return traits;
  }

  template <class L>
    requires(!std::same_as<L, AnyLoss>) && Loss<L>
  AnyLoss(L loss)
      : self_(std::make_unique<Holder<L>>(std::move(loss))), shown_(shown_component<L>(kind)) {}

  /// What messages call it.
  [[nodiscard]] const std::string& shown() const { return shown_; }

  /// @throws ContractError if the loss gives no value, or in training one without a gradient
  /// @throws ShapeError    if its value or a part of it isn't a scalar
  LossValue operator()(Forward& pass) {
    LossValue value = named(shown_, [&] { return self_->call(pass); });
    check(value.total, pass.training().has_value());
    for (const auto& [name, part] : value.parts)
      if (!part.defined() || part.dim() != 0)
        throw ShapeError(
            shown_ + ": its part '" + name + "' is no scalar (got " +
            (part.defined() ? c10::str(part.sizes()) : std::string("an undefined tensor")) +
            ", expected []). Take the mean or the sum.");
    return value;
  }
  [[nodiscard]] Parts needs() const {
    return named(shown_, [&] { return self_->needs(); });
  }
  /// Null where it has no parameters of its own.
  [[nodiscard]] std::shared_ptr<torch::nn::Module> module() const {
    return named(shown_, [&] { return self_->module(); });
  }
  void begin_update() {
    named(shown_, [&] { self_->begin_update(); });
  }
  void end_update(const Peers& peers) {
    named(shown_, [&] { self_->end_update(peers); });
  }
  void save(State& state) const {
    named(shown_, [&] { self_->save(state); });
  }
  void load(const State& state) {
    named(shown_, [&] { self_->load(state); });
  }
  void warm_start(const State& tensors, const Console& console) {
    named(shown_, [&] { self_->warm_start(tensors, console); });
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual LossValue call(Forward& pass) = 0;
    virtual Parts needs() const = 0;
    virtual std::shared_ptr<torch::nn::Module> module() const = 0;
    virtual void begin_update() = 0;
    virtual void end_update(const Peers& peers) = 0;
    virtual void save(State& state) const = 0;
    virtual void load(const State& state) = 0;
    virtual void warm_start(const State& tensors, const Console& console) = 0;
  };
  template <class L>
  struct Holder final : Base {
    explicit Holder(L l) : loss(std::move(l)) {}
    LossValue call(Forward& pass) override { return loss(pass); }
    Parts needs() const override { return needs_of(loss); }
    std::shared_ptr<torch::nn::Module> module() const override { return module_of(loss); }
    void begin_update() override { vlp::begin_update(loss); }
    void end_update(const Peers& peers) override { vlp::end_update(loss, peers); }
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
  void check(const at::Tensor& total, bool trains) const {
    if (!total.defined())
      throw ContractError(shown_ +
                          ": gave no value (got an undefined tensor, expected a scalar). Set "
                          "LossValue::total.");
    if (total.dim() != 0)
      throw ShapeError(shown_ + ": its value is no scalar (got " + c10::str(total.sizes()) +
                       ", expected []). Take the mean or the sum.");
    if (trains && at::GradMode::is_enabled() && !total.requires_grad())
      throw ContractError(shown_ +
                          ": its value has no gradient, so nothing would learn from it. Don't "
                          "detach it or what it is made of, or train some of the weights.");
  }

  std::unique_ptr<Base> self_;
  std::string shown_;  // in messages
};
static_assert(Loss<AnyLoss>);

template <Loss T>
AnyLoss kind_of(ComponentTag<T>);

}  // namespace vlp
