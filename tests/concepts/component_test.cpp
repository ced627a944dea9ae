// Which kind a type is follows from the concept that it models, and a value of the kind asks no
// more than the concept.

#include "vlp/concepts/component.hpp"

#include <concepts>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <torch/nn/pimpl.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/archetypes.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/scoring/caption_set.hpp"

BOOST_AUTO_TEST_SUITE(kinds)

namespace {

template <class T, class AnyX>
constexpr bool is_a =
    vlp::Component<T> && std::same_as<decltype(kind_of(vlp::ComponentTag<T>{})), AnyX>;

static_assert(is_a<archetype::Encoder, vlp::AnyEncoder>);
static_assert(is_a<archetype::Decoder, vlp::AnyDecoder>);
static_assert(is_a<archetype::Model, vlp::AnyModel>);
static_assert(is_a<archetype::Loss, vlp::AnyLoss>);
static_assert(is_a<archetype::Metric, vlp::AnyMetric>);
static_assert(is_a<archetype::RetrievalMetric, vlp::AnyMetric>);
static_assert(is_a<archetype::Dataset, vlp::AnyDataset>);
static_assert(is_a<archetype::Transform, vlp::AnyTransform>);
static_assert(is_a<archetype::Tokenizer, vlp::AnyTokenizer>);
static_assert(is_a<archetype::Optimizer, vlp::AnyOptimizer>);
static_assert(is_a<archetype::Schedule, vlp::AnySchedule>);
static_assert(is_a<archetype::Format, vlp::AnyFormat>);

template <class T>
using AnyOf = decltype(kind_of(vlp::ComponentTag<T>{}));

/// Through the registry, as a recipe does it: by name, then built.
template <class T>
AnyOf<T> registered() {
  vlp::Registry registry;
  vlp::detail::add_components<T>(registry, "1.0", "here");
  BOOST_TEST_REQUIRE(registry.components().size() == 1U);
  BOOST_TEST(registry.components()[0]->kind == AnyOf<T>::kind);
  const auto* factory = registry.find<AnyOf<T>>(T::name);
  BOOST_TEST_REQUIRE(factory);
  vlp::Diagnostics problems;
  vlp::ReadContext ctx{problems, &registry};
  return factory->prepare(vlp::Table{}, {}, "", {}, ctx)->build(vlp::Context{});
}

const at::Tensor kPixels = at::ones({2, 3, 4, 4});

/// Its width tells what it was made of.
struct WidthModule : archetype::EncoderModule {
  static constexpr std::string_view name = "width";
  explicit WidthModule(std::int64_t width) : own_width(width) {}
  [[nodiscard]] std::int64_t width() const { return own_width; }
  std::int64_t own_width;
};
struct WidthOptions {
  std::int64_t width = 7;
  static constexpr auto fields() {
    return std::tuple{vlp::field<&WidthOptions::width>("Its width.")};
  }
};
struct ByBoth : WidthModule {
  using Options = WidthOptions;
  ByBoth(const Options& options, const vlp::Context& ctx)
      : WidthModule(options.width + ctx.machine.threads) {}
};
struct ByOptions : WidthModule {
  using Options = WidthOptions;
  explicit ByOptions(const Options& options) : WidthModule(options.width) {}
};
struct ByContext : WidthModule {
  explicit ByContext(const vlp::Context& ctx) : WidthModule(ctx.machine.threads) {}
};
struct ByNothing : WidthModule {
  ByNothing() : WidthModule(1) {}
};

/// The width of a LibTorch holder of `Module`, built for 300 threads.
template <class Module>
std::int64_t width_of_built() {
  using Holder = torch::nn::ModuleHolder<Module>;
  static_assert(vlp::Component<Holder>);
  vlp::Context ctx;
  ctx.machine.threads = 300;
  return vlp::build_component<Holder>({}, ctx)->width();
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_encoder_needs_only_what_its_concept_says) {
  vlp::AnyEncoder encoder = registered<archetype::Encoder>();
  BOOST_TEST(encoder->forward(kPixels).equal(at::ones({2, 1, 3})));
  BOOST_TEST(encoder->width() == 3);
  BOOST_TEST(encoder.ptr());
}

BOOST_AUTO_TEST_CASE(a_module_holder_is_built_in_whichever_way_its_module_allows) {
  BOOST_TEST(width_of_built<ByBoth>() == 307);
  BOOST_TEST(width_of_built<ByOptions>() == 7);
  BOOST_TEST(width_of_built<ByContext>() == 300);
  BOOST_TEST(width_of_built<ByNothing>() == 1);
}

BOOST_AUTO_TEST_CASE(a_decoder_needs_only_what_its_concept_says) {
  vlp::AnyDecoder decoder = registered<archetype::Decoder>();
  const at::Tensor ids = at::arange(6).view({2, 3});
  BOOST_TEST(decoder->logits(decoder->states(ids, ids > 0, kPixels)).sum().item<float>() == 30);
  vlp::DecodingCache cache = decoder->make_cache(kPixels, 4, 9);
  BOOST_TEST(cache.beams == 4);
  BOOST_TEST(decoder->step(ids, cache).equal(ids.to(at::kFloat)));
  BOOST_TEST(cache.length == 3);
  BOOST_TEST(decoder.ptr());
}

BOOST_AUTO_TEST_CASE(a_model_needs_only_what_its_concept_says_and_then_serves_nothing) {
  const vlp::AnyModel model = registered<archetype::Model>();
  BOOST_TEST((model.serves() == vlp::Parts()));
  BOOST_TEST(model.ptr());
  BOOST_TEST(!model.parts().has<vlp::ImageStates>());
  BOOST_TEST(!model.parts().has<vlp::DecoderStates>());
  BOOST_TEST(!model.parts().has<vlp::DecoderLogits>());
  BOOST_TEST(!model.parts().has<vlp::Generate>());
}

BOOST_AUTO_TEST_CASE(a_part_that_a_model_does_not_offer_is_refused_in_words) {
  const vlp::AnyModel model = registered<archetype::Model>();
  const vlp::Batch batch;
  vlp::Forward pass(model.parts(), batch);
  BOOST_CHECK_EXCEPTION((void)pass.image_states(), vlp::ContractError,
                        [](const vlp::ContractError& error) {
                          return std::string(error.what()) ==
                                 "forward: the model serves no part for image states (got none "
                                 "named 'image_states'). "
                                 "Say in `needs` what the loss asks for.";
                        });
}

BOOST_AUTO_TEST_CASE(a_loss_needs_only_what_its_concept_says) {
  vlp::AnyLoss loss = registered<archetype::Loss>();
  BOOST_TEST((loss.needs() == vlp::Parts::of<vlp::ImageStates>()));
  const vlp::ModelParts parts;
  const vlp::Batch batch;
  vlp::Forward pass(parts, batch,
                    {.memory = at::full({2, 3}, 4.0), .embeddings = {}, .momentum_embeddings = {}});
  BOOST_TEST(loss(pass).total.item<double>() == 24);
  vlp::State state;
  loss.save(state);
  loss.load(state);
  BOOST_TEST(state.entries().empty());
}

BOOST_AUTO_TEST_CASE(a_metric_needs_only_what_its_concept_says) {
  const vlp::AnyMetric metric = registered<archetype::Metric>();
  BOOST_TEST(metric.measure(vlp::CaptionSet({})).images() == 2U);
  BOOST_TEST(metric.scores(std::vector<double>{5}).at(0).second == 5);
}

BOOST_AUTO_TEST_CASE(a_retrieval_metric_needs_only_what_its_concept_says) {
  const vlp::AnyMetric metric = registered<archetype::RetrievalMetric>();
  BOOST_TEST(metric.reads_ranks());
  BOOST_TEST(metric.rerank() == 3);
  BOOST_TEST(metric.scores(vlp::RetrievalRanks{.by_similarity = {{0}, {1, 2}}, .reranked = {}})
                 .at(0)
                 .second == 2);
}

BOOST_AUTO_TEST_CASE(a_dataset_needs_only_what_its_concept_says) {
  const vlp::AnyDataset dataset = registered<archetype::Dataset>();
  BOOST_TEST(dataset.records(vlp::Split::test).size() == 1U);
  BOOST_TEST((dataset.captions_per_image() == vlp::CaptionsPerImage::one));
}

BOOST_AUTO_TEST_CASE(a_transform_needs_only_what_its_concept_says) {
  const vlp::AnyTransform transform = registered<archetype::Transform>();
  vlp::RandomStream random(1);
  BOOST_TEST(transform(kPixels[0], random).equal(kPixels[0] + 1));
  BOOST_TEST(transform.output_size().height == 0);
}

BOOST_AUTO_TEST_CASE(a_tokenizer_needs_only_what_its_concept_says) {
  const vlp::AnyTokenizer tokenizer = registered<archetype::Tokenizer>();
  BOOST_TEST(tokenizer.encode("four") == (std::vector<std::int64_t>{0, 4, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(tokenizer.decode(std::vector<std::int64_t>{1, 2}) == "xx");
  BOOST_TEST(tokenizer.special().pad == 5);
  BOOST_TEST(tokenizer.vocabulary_size() == 9);
  tokenizer.write("nowhere");
}

BOOST_AUTO_TEST_CASE(an_optimizer_needs_only_what_its_concept_says) {
  vlp::AnyOptimizer optimizer = registered<archetype::Optimizer>();
  optimizer.manage({{}, {}});
  optimizer.zero_grad();
  optimizer.step({});
  vlp::State state;
  optimizer.save(state);
  vlp::AnyOptimizer other = registered<archetype::Optimizer>();
  other.load(state);
  BOOST_TEST(other.lr() == 0.5);
  BOOST_TEST(other.decays_norms_and_biases());
}

BOOST_AUTO_TEST_CASE(a_schedule_needs_only_what_its_concept_says) {
  const vlp::AnySchedule schedule = registered<archetype::Schedule>();
  BOOST_TEST(schedule({.step = 7}) == 7);
}

BOOST_AUTO_TEST_CASE(a_format_needs_only_what_its_concept_says) {
  const vlp::AnyFormat format = registered<archetype::Format>();
  BOOST_TEST(format.title() == "an archetype");
  BOOST_TEST((format.kinship(vlp::ForeignModel{}) == vlp::Kinship::whole));
  BOOST_TEST((format.kinship(vlp::Value{}) == vlp::Kinship::none));
  BOOST_TEST(format.translate({"a file", {}, {}}, {}).source == "a file");
  BOOST_TEST(!format.tokenizer("a folder").has_value());
  vlp::NamedTensors tensors;
  vlp::Metadata metadata;
  format.pack(tensors, metadata);
  BOOST_TEST(metadata.at("by") == "it");
}

BOOST_AUTO_TEST_SUITE_END()
