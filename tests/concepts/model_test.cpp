// What a model serves, and how its parts are asked.

#include "vlp/concepts/model.hpp"

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/archetypes.hpp"
#include "tests/support/messages.hpp"
#include "vlp/concepts/forward.hpp"
#include "vlp/recipe/field.hpp"

BOOST_AUTO_TEST_SUITE(model)

namespace {

using archetype::Handle;
using vlp::Parts;
using vlp_test::says;

at::Tensor doubled(const at::Tensor& pixels) { return pixels * 2; }

/// Says nothing of what it serves.
struct PlainModule : torch::nn::Module {
  at::Tensor image_states(const at::Tensor& pixels) { return doubled(pixels); }
  at::Tensor text_states(const at::Tensor& ids, const at::Tensor& mask) { return ids * mask; }
  at::Tensor temperature() { return at::full({}, 0.25); }
};
using Plain = Handle<PlainModule>;

/// Has more functions than it serves.
struct ModestModule : PlainModule {
  static constexpr Parts serves = Parts::of<vlp::ImageStates>();
};
struct Modest : Handle<ModestModule> {
  static constexpr Parts serves = ModestModule::serves;
};

/// A module holder as LibTorch's are, whose module is looked at.
struct HeldImpl : PlainModule {
  static constexpr std::string_view name = "held";
  struct Options {
    bool texts = true;
    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::texts>("Whether it reads texts.")};
    }
  };
  HeldImpl() = default;
  explicit HeldImpl(const Options& options) : built(serves(options)) {}
  static Parts serves(const Options& options) {
    return options.texts ? Parts::of<vlp::ImageStates, vlp::TextStates>()
                         : Parts::of<vlp::ImageStates>();
  }
  [[nodiscard]] Parts serves() const { return built; }
  Parts built;
};
struct Held : Handle<HeldImpl> {
  using ContainedType = HeldImpl;
  explicit Held(const HeldImpl::Options& options) { module = std::make_shared<HeldImpl>(options); }
};

/// Claims a head that it doesn't have.
struct BoasterModule : PlainModule {};
struct Boaster : Handle<BoasterModule> {
  static constexpr std::string_view name = "boaster";
  static constexpr Parts serves = Parts::of<vlp::ImageStates, vlp::MatchLogits>();
};

/// Has the head's name with other arguments.
struct MistakenModule : PlainModule {
  at::Tensor match_logits(const at::Tensor& states, int heads) { return states * heads; }
};
struct Mistaken : Handle<MistakenModule> {
  static constexpr std::string_view name = "mistaken";
  static constexpr Parts serves = Parts::of<vlp::ImageStates, vlp::MatchLogits>();
};

/// A part that the core has never heard of.
struct PatchScores {
  static constexpr std::string_view name = "patch_scores", words = "scores of patches";
  using Signature = at::Tensor(const at::Tensor& image_states);
  static auto call(auto& model, const at::Tensor& image_states)
      -> decltype(model->patch_scores(image_states)) {
    return model->patch_scores(image_states);
  }
};
/// The same name, written anew with a second argument.
struct OtherPatchScores {
  static constexpr std::string_view name = PatchScores::name, words = PatchScores::words;
  using Signature = at::Tensor(const at::Tensor& image_states, double scale);
  static auto call(auto& model, const at::Tensor& image_states, double scale)
      -> decltype(model->patch_scores(image_states, scale)) {
    return model->patch_scores(image_states, scale);
  }
};
struct PatchModule : PlainModule {
  at::Tensor patch_scores(const at::Tensor& image_states) { return image_states.sum(-1); }
};
struct Patches : Handle<PatchModule> {
  static constexpr std::string_view name = "patches";
  using ExtraParts = vlp::PartList<PatchScores>;
};
/// Lists the part and has no function for it.
struct WithoutPatches : Handle<PlainModule> {
  static constexpr std::string_view name = "without_patches";
  using ExtraParts = vlp::PartList<PatchScores>;
  static constexpr Parts serves = Parts::of<vlp::ImageStates, PatchScores>();
};

/// Gives the same for whatever it is asked.
struct SameModule : torch::nn::Module {
  at::Tensor image_states(const at::Tensor&) { return same; }
  at::Tensor text_states(const at::Tensor&, const at::Tensor&) { return same; }
  at::Tensor image_embeddings(const at::Tensor&) { return same; }
  at::Tensor text_embeddings(const at::Tensor&, const at::Tensor&) { return same; }
  at::Tensor temperature() { return same; }
  at::Tensor momentum_image_embeddings(const at::Tensor&) { return same; }
  at::Tensor momentum_text_embeddings(const at::Tensor&, const at::Tensor&) { return same; }
  at::Tensor grounded_states(const at::Tensor&, const at::Tensor&, const vlp::ImageMemory&) {
    return same;
  }
  at::Tensor match_logits(const at::Tensor&) { return same; }
  at::Tensor decoder_states(const at::Tensor&, const at::Tensor&, const vlp::ImageMemory&) {
    return same;
  }
  at::Tensor decoder_logits(const at::Tensor&) { return same; }
  at::Tensor same;
};
struct Same : Handle<SameModule> {
  static constexpr std::string_view name = "same";
};

/// What is said of a part that gives these sizes.
template <class P, class... A>
std::string told_of(const std::vector<std::int64_t>& sizes, const A&... arguments) {
  const Same model;
  model->same = at::ones(sizes);
  const vlp::ModelParts parts = vlp::parts_of(model);
  return vlp_test::message_of<vlp::ShapeError>([&] { (void)parts.call<P>(arguments...); });
}

/// Writes captions, and can't draw any.
struct GreedyModule : PlainModule {
  std::vector<std::vector<vlp::Candidate>> generate(const at::Tensor& image_states,
                                                    const std::vector<std::int64_t>& prompt,
                                                    const vlp::GenerateOptions& options) {
    return std::vector(static_cast<std::size_t>(image_states.size(0)),
                       std::vector<vlp::Candidate>{{prompt, static_cast<double>(options.beams)}});
  }
};
using Greedy = Handle<GreedyModule>;

/// Writes captions of images that it has no numbers for.
struct NumberlessModule : PlainModule {
  std::vector<std::vector<vlp::Candidate>> generate(const at::Tensor&,
                                                    const std::vector<std::int64_t>&,
                                                    const vlp::GenerateOptions&) {
    return {{{{1}, -0.5}}, {{{1}, -0.5}, {{1}, std::nan("")}}};
  }
};
using Numberless = Handle<NumberlessModule>;

/// Counts the updates that begin.
struct CountingModule : PlainModule {
  void begin_step() { ++steps; }
  int steps = 0;
};
using Counting = Handle<CountingModule>;

const at::Tensor kPixels = at::arange(12, at::kFloat).view({2, 3, 2});

}  // namespace

BOOST_AUTO_TEST_CASE(what_a_model_serves_follows_from_its_functions) {
  const Parts expected = Parts::of<vlp::ImageStates, vlp::TextStates, vlp::Temperature>();
  BOOST_TEST((vlp::served_by<Plain>({}) == expected));
  const vlp::AnyModel model{Plain()};
  BOOST_TEST((model.serves() == expected));
  BOOST_TEST(model.parts().call<vlp::ImageStates>(kPixels).equal(kPixels * 2));
  BOOST_TEST(model.parts().call<vlp::Temperature>().item<float>() == 0.25F);
  BOOST_TEST(!model.parts().has<vlp::ImageEmbeddings>());
}

BOOST_AUTO_TEST_CASE(a_model_that_says_what_it_serves_serves_no_more) {
  BOOST_TEST((vlp::served_by<Modest>({}) == Parts::of<vlp::ImageStates>()));
  const vlp::ModelParts parts = vlp::parts_of(Modest());
  BOOST_TEST((parts.serves() == Parts::of<vlp::ImageStates>()));
  BOOST_TEST(!parts.has<vlp::TextStates>());
  BOOST_CHECK_EXCEPTION(
      (void)parts.get<vlp::TextStates>(), vlp::ContractError,
      says("forward: the model serves no part for a text encoder (got none named 'text_states')"));
}

BOOST_AUTO_TEST_CASE(what_a_model_serves_may_depend_on_its_options) {
  for (const bool texts : {true, false}) {
    const HeldImpl::Options options{.texts = texts};
    Parts expected = Parts::of<vlp::ImageStates>();
    if (texts) expected = expected | Parts::of<vlp::TextStates>();
    BOOST_TEST((vlp::served_by<Held>(options) == expected));
    BOOST_TEST((vlp::AnyModel::traits<Held>(options).serves == expected));
    BOOST_TEST((vlp::AnyModel(Held(options)).serves() == expected));
  }
}

BOOST_AUTO_TEST_CASE(a_part_that_is_claimed_and_has_no_function_is_refused_by_name) {
  BOOST_CHECK_EXCEPTION((void)vlp::parts_of(Boaster()), vlp::ContractError,
                        says("model 'boaster': it says that it serves a matching head and has no "
                             "function `match_logits` of the part's signature."));
  BOOST_CHECK_EXCEPTION((void)vlp::AnyModel(Mistaken()), vlp::ContractError,
                        says("model 'mistaken': it says that it serves a matching head"));
  BOOST_CHECK_EXCEPTION((void)vlp::AnyModel(WithoutPatches()), vlp::ContractError,
                        says("model 'without_patches': it says that it serves scores of patches "
                             "and has no function `patch_scores`"));
}

BOOST_AUTO_TEST_CASE(tensors_of_parts_that_do_not_belong_to_the_arguments_are_refused_by_name) {
  using namespace vlp;
  const at::Tensor pixels = at::ones({2, 3, 4, 4}), ids = at::ones({2, 5}, at::kLong),
                   mask = ids > 0;
  const at::Tensor states = at::ones({2, 5, 7});
  BOOST_TEST(told_of<ImageStates>({2, 9, 7}, pixels) == "");
  BOOST_TEST(told_of<ImageStates>({2, 7}, pixels) ==
             "model 'same': image_states of another shape (got [2, 7], expected [2, N, D]: images, "
             "image tokens, width). Return a tensor of that shape.");
  BOOST_TEST(told_of<ImageStates>({3, 9, 7}, pixels) != "");
  BOOST_TEST(told_of<TextStates>({2, 5, 7}, ids, mask) == "");
  BOOST_TEST(
      told_of<TextStates>({2, 4, 7}, ids, mask) ==
      "model 'same': text_states of another shape (got [2, 4, 7], expected [2, 5, D]: texts, "
      "tokens, width). Return a tensor of that shape.");
  BOOST_TEST(told_of<GroundedStates>({2, 5, 7}, ids, mask, ImageMemory(states)) == "");
  BOOST_TEST(told_of<GroundedStates>({1, 5, 7}, ids, mask, ImageMemory(states))
                 .starts_with("model 'same': grounded_states of another shape"));
  BOOST_TEST(told_of<DecoderStates>({2, 5, 7}, ids, mask, ImageMemory(states)) == "");
  BOOST_TEST(told_of<DecoderStates>({2, 7}, ids, mask, ImageMemory(states)) != "");
  BOOST_TEST(told_of<DecoderLogits>({2, 5, 90}, states) == "");
  BOOST_TEST(told_of<DecoderLogits>({10, 90}, states) ==
             "model 'same': decoder_logits of another shape (got [10, 90], expected [2, 5, V]: as "
             "the states, vocabulary). Return a tensor of that shape.");
  BOOST_TEST(told_of<MatchLogits>({2, 2}, states) == "");
  BOOST_TEST(told_of<MatchLogits>({2, 1}, states) ==
             "model 'same': match_logits of another shape (got [2, 1], expected [2, 2]: pairs; no "
             "match, match). Return a tensor of that shape.");
  BOOST_TEST(told_of<Temperature>({}) == "");
  BOOST_TEST(told_of<Temperature>({1}) ==
             "model 'same': temperature of another shape (got [1], expected []: a scalar). Return "
             "a tensor of that shape.");
  const auto embeds = [&]<class P>(const auto&... arguments) {
    BOOST_TEST(told_of<P>({2, 8}, arguments...) == "");
    for (const std::vector<std::int64_t>& sizes : {std::vector<std::int64_t>{2, 1, 8}, {3, 8}})
      BOOST_TEST(vlp_test::contains(told_of<P>(sizes, arguments...),
                                    "model 'same': " + std::string(P::name) +
                                        " of another shape (got " +
                                        c10::str(at::IntArrayRef(sizes)) +
                                        ", expected [2, E]: a row each, width of embeddings)"));
  };
  embeds.operator()<ImageEmbeddings>(states);
  embeds.operator()<TextEmbeddings>(states, mask);
  embeds.operator()<MomentumImageEmbeddings>(pixels);
  embeds.operator()<MomentumTextEmbeddings>(ids, mask);
}

BOOST_AUTO_TEST_CASE(an_extra_part_is_served_and_asked) {
  BOOST_TEST(vlp::served_by<Patches>({}).contains("patch_scores"));
  const vlp::AnyModel model{Patches()};
  BOOST_TEST(model.parts().has<PatchScores>());
  const vlp::Batch batch{.pixels = kPixels};
  vlp::Forward pass(model.parts(), batch);
  BOOST_TEST(pass.get<PatchScores>()(pass.image_states()).equal((kPixels * 2).sum(-1)));
  BOOST_TEST(!vlp::AnyModel(Plain()).parts().has<PatchScores>());
}

BOOST_AUTO_TEST_CASE(one_name_with_two_signatures_is_refused) {
  const vlp::AnyModel model{Patches()};
  BOOST_CHECK_EXCEPTION((void)model.parts().get<OtherPatchScores>(), vlp::ContractError,
                        says("forward: model and loss declare part 'patch_scores' with different "
                             "signatures. Include one header in both."));
}

BOOST_AUTO_TEST_CASE(a_part_that_is_set_again_is_replaced) {
  vlp::ModelParts parts = vlp::parts_of(Plain());
  parts.set<vlp::Temperature>([] { return at::full({}, 8.0); });
  BOOST_TEST(parts.call<vlp::Temperature>().item<double>() == 8);
  BOOST_TEST((parts.serves() == vlp::served_by<Plain>({})));
}

BOOST_AUTO_TEST_CASE(a_caption_whose_score_is_not_a_number_is_refused) {
  const vlp::ModelParts parts = vlp::parts_of(Numberless());
  BOOST_CHECK_EXCEPTION(
      (void)parts.call<vlp::Generate>(kPixels, std::vector<std::int64_t>{}, vlp::GenerateOptions(),
                                      std::vector<vlp::RandomStream>{}),
      vlp::NonFiniteRow, [](const vlp::NonFiniteRow& error) {
        return error.row() == 1 &&
               error.of_row().find("a caption whose score is not a number") != std::string::npos;
      });
}

BOOST_AUTO_TEST_CASE(a_model_that_cannot_sample_says_so_and_writes_without) {
  const vlp::ModelParts parts = vlp::parts_of(Greedy());
  BOOST_TEST(parts.has<vlp::Generate>());
  vlp::GenerateOptions options;
  options.beams = 5;
  const auto captions = parts.call<vlp::Generate>(kPixels, std::vector<std::int64_t>{7}, options,
                                                  std::vector<vlp::RandomStream>{});
  BOOST_TEST_REQUIRE(captions.size() == 2U);
  BOOST_TEST(captions[1].at(0).ids.at(0) == 7);
  BOOST_TEST(captions[1].at(0).score == 5);
  options.sample = true;
  BOOST_CHECK_EXCEPTION(
      (void)parts.call<vlp::Generate>(kPixels, std::vector<std::int64_t>{}, options,
                                      std::vector<vlp::RandomStream>(2, vlp::RandomStream(1))),
      vlp::RecipeError, says("generate: this model can't sample. Set sample = false."));
}

BOOST_AUTO_TEST_CASE(the_beginning_of_an_update_reaches_the_model_that_waits_for_it) {
  Counting model;
  const vlp::AnyModel erased(model);
  erased.parts().begin_step();
  erased.parts().begin_step();
  BOOST_TEST(model->steps == 2);
  BOOST_TEST(!vlp::parts_of(Plain()).begin_step);
}

BOOST_AUTO_TEST_CASE(copies_of_an_erased_model_refer_to_one_module) {
  Plain model;
  const vlp::AnyModel one(model), two = one;
  BOOST_TEST(two.ptr() == model.ptr());
  BOOST_TEST(&one.parts() == &two.parts());
}

BOOST_AUTO_TEST_SUITE_END()
