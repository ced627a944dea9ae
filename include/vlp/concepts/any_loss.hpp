#pragma once
// Any loss as a value: what a recipe chooses by name. Belongs to concepts/loss.hpp, which brings
// it.

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/component.hpp"
#include "vlp/concepts/forward.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/concepts/peers.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/core/state.hpp"

namespace vlp {

/// Any loss as a value that is moved, not copied.
class AnyLoss {
 public:
  static constexpr std::string_view kind = "loss";

  /// What a recipe can know of a loss before it is built.
  struct Traits {
    Parts needs;
    std::int64_t smallest_batch = 1;      ///< pairs below which it has nothing to compare
    std::int64_t captions_per_image = 1;  ///< captions of an image that it learns from at once
    bool compares_pairs = false;          ///< a pair's value depends on the others of its batch
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
    if constexpr (requires { L::compares_pairs; }) traits.compares_pairs = L::compares_pairs;
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
  /// Of how many samples its value of a batch is the mean.
  [[nodiscard]] std::int64_t weight(const Batch& batch) const {
    return named(shown_, [&] { return self_->weight(batch); });
  }
  /// Whether these are pairs because it says nothing else.
  [[nodiscard]] bool weighs_pairs() const { return self_->weighs_pairs(); }
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
    virtual std::int64_t weight(const Batch& batch) const = 0;
    virtual bool weighs_pairs() const = 0;
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
    std::int64_t weight(const Batch& batch) const override { return weight_of(loss, batch); }
    bool weighs_pairs() const override { return !WeighsBatches<L>; }
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
