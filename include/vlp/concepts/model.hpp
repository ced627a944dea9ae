#pragma once
// Model: owns encoders, decoder, heads and momentum encoders, and serves the parts of a forward
// pass that losses ask for through `Forward` (concepts/forward.hpp).

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include <ATen/core/DimVector.h>
#include <ATen/core/Tensor.h>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/concepts/image_memory.hpp"
#include "vlp/concepts/image_problem.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/concepts/returned_tensor.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/core/non_finite.hpp"
#include "vlp/core/random.hpp"

namespace torch::nn {
class Module;
}

namespace vlp {

/// The parts of a model as functions.
class ModelParts {
 public:
  /// The function of part `P`.
  template <class P>
  using Function = std::function<typename P::Signature>;

  /// Offers a part, or replaces it.
  template <class P>
  void set(Function<P> function) {
    Slot slot{{P::name, P::words},
              typeid(typename P::Signature).name(),
              std::make_shared<const Function<P>>(std::move(function))};
    if (Slot* known = find(P::name))
      *known = std::move(slot);
    else
      slots_.push_back(std::move(slot));
  }
  /// Takes away what isn't in `served`.
  void keep(const Parts& served) {
    std::erase_if(slots_, [&](const Slot& slot) { return !served.contains(slot.part.name); });
  }

  /// Whether the model has the part.
  template <class P>
  [[nodiscard]] bool has() const {
    return find(P::name) != nullptr;
  }
  /// @throws ContractError if the model doesn't have the part, or declares it otherwise
  template <class P>
  [[nodiscard]] const Function<P>& get() const {
    const Slot* slot = find(P::name);
    if (!slot)
      throw ContractError("forward: the model serves no part for " + std::string(P::words) +
                          " (got none named '" + std::string(P::name) +
                          "'). Say in `needs` what the loss asks for.");
    if (std::string_view(slot->signature) != typeid(typename P::Signature).name())
      throw ContractError("forward: model and loss declare part '" + std::string(P::name) +
                          "' with different signatures. Include one header in both.");
    return *static_cast<const Function<P>*>(slot->function.get());
  }
  /// Asks the part. @throws ContractError as `get`
  template <class P, class... A>
  auto call(A&&... arguments) const {
    return get<P>()(std::forward<A>(arguments)...);
  }
  /// What there is.
  [[nodiscard]] Parts serves() const {
    Parts all;
    for (const Slot& slot : slots_) all.add(slot.part);
    return all;
  }

  std::function<void()> begin_step;  ///< called before the passes of an update; may be empty

 private:
  struct Slot {
    PartName part;
    const char* signature;                 // tells apart two parts of one name
    std::shared_ptr<const void> function;  // a Function<P>
  };

  [[nodiscard]] const Slot* find(std::string_view name) const {
    const auto slot =
        std::ranges::find_if(slots_, [&](const Slot& any) { return any.part.name == name; });
    return slot == slots_.end() ? nullptr : &*slot;
  }
  [[nodiscard]] Slot* find(std::string_view name) {
    return const_cast<Slot*>(std::as_const(*this).find(name));
  }

  std::vector<Slot> slots_;
};

namespace detail {

template <class M>
struct ExtraPartsOf {
  using type = PartList<>;
};
template <class M>
  requires requires { typename Described<M>::type::ExtraParts; }
struct ExtraPartsOf<M> {
  using type = typename Described<M>::type::ExtraParts;
};

template <class P, class M, class Signature>
inline constexpr bool kOffers = false;
template <class P, class M, class R, class... A>
inline constexpr bool kOffers<P, M, R(A...)> = requires(M model, A... arguments) {
  { P::call(model, arguments...) } -> std::convertible_to<R>;
};

/// Whether a model of type `M` has the function of part `P`.
template <class P, class M>
inline constexpr bool kHasPart = kOffers<P, M, typename P::Signature>;

/// Calls `visit.operator()<P>()` for every part of which a model of type `M` has the function.
template <class M, class Visit>
constexpr void for_each_part(const Visit& visit) {
  const auto walk = [&]<class... P>(PartList<P...>) {
    [[maybe_unused]] const auto one = [&]<class Q>() {
      if constexpr (kHasPart<Q, M>) visit.template operator()<Q>();
    };
    (one.template operator()<P>(), ...);
  };
  walk(CoreParts{});
  walk(typename ExtraPartsOf<M>::type{});
}

template <class M>
concept ServesByType = requires {
  { Described<M>::type::serves } -> std::convertible_to<Parts>;
} || requires {
  { Described<M>::type::serves() } -> std::convertible_to<Parts>;
};
template <class M>
concept ServesByOptions = requires(const options_of<M>& options) {
  { Described<M>::type::serves(options) } -> std::convertible_to<Parts>;
};
template <class M>
concept ServesAsBuilt = requires(M model) {
  { model->serves() } -> std::convertible_to<Parts>;
};
template <class M>
concept SaysWhatItServes = ServesByType<M> || ServesByOptions<M> || ServesAsBuilt<M>;

template <ServesByType M>
[[nodiscard]] constexpr Parts parts_by_type() {
  if constexpr (requires { Described<M>::type::serves(); })
    return Described<M>::type::serves();
  else
    return Described<M>::type::serves;
}

/// All that a model of this type has functions for.
template <class M>
[[nodiscard]] constexpr Parts parts_of_type() {
  Parts parts;
  for_each_part<M>([&]<class P> { parts.add({P::name, P::words}); });
  return parts;
}

/// @throws ContractError naming the first part that is claimed and has no function
inline void require_functions(const Parts& claimed, const Parts& offered,
                              const std::string& model) {
  for (const PartName& part : claimed.without(offered))
    throw ContractError(model + ": it says that it serves " + std::string(part.words) +
                        " and has no function `" + std::string(part.name) +
                        "` of the part's signature. Write one, or leave the part out of `serves`.");
}

/// @throws ContractError if there is an image without a caption
/// @throws NonFiniteRow  if a caption's score is not a number
inline void require_captions(const Captions& captions, std::int64_t images,
                             const std::string& model) {
  const bool empty =
      std::ranges::any_of(captions, [](const auto& of_image) { return of_image.empty(); });
  if (static_cast<std::int64_t>(captions.size()) != images || empty)
    throw ContractError(
        model + ": generate gave " + (empty ? "no caption for an image" : "") +
        (empty ? "" : "captions of " + std::to_string(captions.size()) + " images") +
        " (expected at least one for each of " + std::to_string(images) +
        "). Return a list an image, best first.");
  for (std::size_t image = 0; image < captions.size(); ++image)
    for (const Candidate& candidate : captions[image])
      if (std::isnan(candidate.score))
        throw NonFiniteRow(static_cast<std::int64_t>(image),
                           model +
                               ": generate gave a caption whose score is not a number (got nan, "
                               "expected a number). Check the model's weights.");
}

/// Sizes that begin with `count` of an argument's and go on with others of any size.
[[nodiscard]] inline at::DimVector sizes_like(const at::Tensor& argument, std::int64_t count,
                                              std::size_t others) {
  at::DimVector sizes(argument.sizes().begin(), argument.sizes().begin() + count);
  sizes.append(others, -1);
  return sizes;
}

template <class P, class... Others>
inline constexpr bool kOneOf = (std::same_as<P, Others> || ...);

/// @param first  the part's first argument: pixels, ids or states
/// @throws ShapeError if the part's tensor is none that belongs to it
template <class P>
[[nodiscard]] at::Tensor checked_tensor(at::Tensor made, const std::string& model,
                                        const at::Tensor& first) {
  const auto check = [&](const at::DimVector& sizes, std::string_view letters,
                         std::string_view meaning) {
    return returned(std::move(made), model,
                    {.what = P::name, .sizes = sizes, .letters = letters, .meaning = meaning},
                    first);
  };
  if constexpr (std::same_as<P, ImageStates>)
    return check(sizes_like(first, 1, 2), "BND", "images, image tokens, width");
  else if constexpr (kOneOf<P, TextStates, GroundedStates, DecoderStates>)
    return check(sizes_like(first, first.dim(), 1), "BTD", "texts, tokens, width");
  else if constexpr (std::same_as<P, MatchLogits>)
    return check({first.size(0), 2}, "BC", "pairs; no match, match");
  else if constexpr (std::same_as<P, DecoderLogits>)
    return check(sizes_like(first, first.dim() - 1, 1), "V", "as the states, vocabulary");
  else
    return check(sizes_like(first, 1, 1), "BE", "a row each, width of embeddings");
}

/// Looks at what a part of the core's returned; of those of plugins nothing is known.
/// @throws ShapeError or ContractError naming model and part
template <class P>
[[nodiscard]] auto checked_part(auto made, const std::string& model, const auto&... arguments) {
  if constexpr (std::same_as<P, Generate>)
    require_captions(made, std::get<0>(std::tie(arguments...)).size(0), model);
  else if constexpr (std::same_as<P, Temperature>)
    return returned(std::move(made), model,
                    {.what = P::name, .sizes = {}, .letters = {}, .meaning = "a scalar"}, {});
  else if constexpr (kOneOf<P, ImageStates, TextStates, ImageEmbeddings, TextEmbeddings,
                            MomentumImageEmbeddings, MomentumTextEmbeddings, GroundedStates,
                            MatchLogits, DecoderStates, DecoderLogits>)
    return checked_tensor<P>(std::move(made), model, std::get<0>(std::tie(arguments...)));
  return made;
}

}  // namespace detail

/// A model is used like a module holder: copies refer to one module. It has the functions of the
/// parts that it serves, which are listed in concepts/parts.hpp, and may have
///   - using ExtraParts = PartList<...>: parts that the core doesn't know
///   - what it serves, where that is not all that it has functions for: `static constexpr Parts
///     serves`, or, where it depends on the options, `static Parts serves(const Options&)` and
///     `Parts serves() const`. A model without `image_states` must say it
///   - static longest_text(options), longest_caption(options), image_problem(options, height,
///     width): what of lengths and sizes it can tell before it is built
///   - begin_step(): called in training once before the passes of each update; momentum encoders
///     follow there
///
/// What exists only because a loss needs it (momentum encoders) is made if `Facts::needs` asks for
/// it. Images come as an `ImageMemory`, which keeps keys and values for other passes, or for who
/// wants no more as the tensor.
template <class M>
concept Model = std::copyable<M> && requires(M model) {
  { model.ptr() } -> std::convertible_to<std::shared_ptr<torch::nn::Module>>;
} && (detail::kHasPart<ImageStates, M> || detail::SaysWhatItServes<M>);

/// What a model of these options will serve.
template <Model M>
[[nodiscard]] Parts served_by(const options_of<M>& options) {
  static_assert(!detail::ServesByOptions<M> || detail::ServesAsBuilt<M>,
                "a model with `static Parts serves(const Options&)` also needs `Parts serves() "
                "const`, since the built model doesn't know its options any more");
  if constexpr (detail::ServesByOptions<M>)
    return detail::Described<M>::type::serves(options);
  else if constexpr (detail::ServesByType<M>)
    return detail::parts_by_type<M>();
  else
    return detail::parts_of_type<M>();
}

/// Collects what a model serves. What its parts return is looked at: of those of the core the
/// shapes, as concepts/parts.hpp says them.
/// @throws ContractError if it says that it serves what it has no function for
template <Model M>
[[nodiscard]] ModelParts parts_of(M model) {
  ModelParts parts;
  const auto shown = std::make_shared<const std::string>(shown_component<M>("model"));
  detail::for_each_part<M>([&]<class P> {
    parts.set<P>([model, shown]<class... A>(A&&... arguments) mutable {
      auto made = named(*shown, [&] { return P::call(model, std::forward<A>(arguments)...); });
      return detail::checked_part<P>(std::move(made), *shown, arguments...);
    });
  });
  Parts served = parts.serves();
  if constexpr (detail::ServesAsBuilt<M>)
    served = named(*shown, [&] { return Parts(model->serves()); });
  else if constexpr (detail::ServesByType<M>)
    served = detail::parts_by_type<M>();
  detail::require_functions(served, parts.serves(), *shown);
  parts.keep(served);
  if constexpr (requires { model->begin_step(); })
    parts.begin_step = [model, shown]() mutable { named(*shown, [&] { model->begin_step(); }); };
  return parts;
}

/// Any model as a handle: copies refer to one module and its parts.
class AnyModel {
 public:
  static constexpr std::string_view kind = "model";

  /// What a recipe can know of a model before it is built.
  struct Traits {
    Parts serves;
    std::int64_t longest_text = 0;     ///< tokens that it reads at most; 0 = not known
    std::int64_t longest_caption = 0;  ///< tokens that it writes at most; 0 = not known
    ImageProblem image_problem;
  };
  template <class M>
  [[nodiscard]] static Traits traits(const options_of<M>& options) {
    using Type = typename detail::Described<M>::type;
    Traits traits;
    traits.serves = served_by<M>(options);
    if constexpr (requires { Type::longest_text(options); })
      traits.longest_text = Type::longest_text(options);
    if constexpr (requires { Type::longest_caption(options); })
      traits.longest_caption = Type::longest_caption(options);
    traits.image_problem = image_problem_of<M>(options, kind);
    return traits;
  }

  template <class M>
    requires(!std::same_as<M, AnyModel>) && Model<M>
  AnyModel(M model)
      : shown_(shown_component<M>(kind)),
        module_(named(shown_, [&] { return model.ptr(); })),
        parts_(std::make_shared<ModelParts>(parts_of(std::move(model)))) {}

  /// What messages call it.
  [[nodiscard]] const std::string& shown() const { return shown_; }

  AnyModel* operator->() { return this; }
  [[nodiscard]] std::shared_ptr<torch::nn::Module> ptr() const { return module_; }
  [[nodiscard]] Parts serves() const { return parts_->serves(); }
  [[nodiscard]] const ModelParts& parts() const { return *parts_; }

 private:
  std::string shown_;  // in messages
  std::shared_ptr<torch::nn::Module> module_;
  std::shared_ptr<ModelParts> parts_;
};
static_assert(Model<AnyModel>);

template <Model T>
AnyModel kind_of(ComponentTag<T>);

/// The parts of an erased model are there already.
[[nodiscard]] inline ModelParts parts_of(const AnyModel& model) { return model.parts(); }

}  // namespace vlp
