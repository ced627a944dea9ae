// What a component throws that is no error of vlp's names the component, whichever of its functions
// is called.

#include "vlp/concepts/component.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/archetypes.hpp"
#include "tests/support/messages.hpp"
#include "vlp/concepts/text_encoder.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/registry/use.hpp"
#include "vlp/scoring/caption_set.hpp"
#include "vlp/train/objective.hpp"
#include "vlp/train/trainer.hpp"

namespace component_throwing {

using archetype::Handle;

[[noreturn]] void fail() { throw std::runtime_error("bad day"); }

struct EncoderModule : torch::nn::Module {
  at::Tensor forward(const at::Tensor&) { fail(); }
  at::Tensor summary(const at::Tensor&) { fail(); }
  [[nodiscard]] std::int64_t width() const { return 3; }
};
struct Encoder : Handle<EncoderModule> {
  static constexpr std::string_view name = "bad";
  static std::string image_problem(const vlp::NoOptions&, std::int64_t, std::int64_t) { fail(); }
};
struct WidthlessModule : EncoderModule {
  [[nodiscard]] std::int64_t width() const { fail(); }
};
struct Widthless : Handle<WidthlessModule> {
  static constexpr std::string_view name = "bad";
};

struct TextEncoderModule : torch::nn::Module {
  at::Tensor text_states(const at::Tensor&, const at::Tensor&) { fail(); }
  at::Tensor grounded_states(const at::Tensor&, const at::Tensor&, const vlp::ImageMemory&) {
    fail();
  }
  at::Tensor summary(const at::Tensor&, const at::Tensor&) { fail(); }
  [[nodiscard]] std::int64_t width() const { return 3; }
};
struct TextEncoder : Handle<TextEncoderModule> {
  static constexpr std::string_view name = "bad";
  static bool sees_images(const vlp::NoOptions&) { fail(); }
};

struct DecoderModule : torch::nn::Module {
  at::Tensor states(const at::Tensor&, const at::Tensor&, const vlp::ImageMemory&) { fail(); }
  at::Tensor logits(const at::Tensor&) { fail(); }
  vlp::DecodingCache make_cache(const at::Tensor&, std::int64_t, std::int64_t) { fail(); }
  at::Tensor step(const at::Tensor&, vlp::DecodingCache&) { fail(); }
};
struct Decoder : Handle<DecoderModule> {
  static constexpr std::string_view name = "bad";
  static std::int64_t longest_text(const vlp::NoOptions&) { fail(); }
  [[nodiscard]] std::shared_ptr<torch::nn::Module> ptr() const { fail(); }
};

struct ModelModule : torch::nn::Module, vlp::TellsRoles {
  at::Tensor image_states(const at::Tensor&) { fail(); }
  void begin_step() { fail(); }
  [[nodiscard]] Roles parameter_roles() const override { fail(); }
};
struct Model : Handle<ModelModule> {
  static constexpr std::string_view name = "bad";
  static std::int64_t longest_caption(const vlp::NoOptions&) { fail(); }
};
struct SilentModule : ModelModule {
  [[nodiscard]] vlp::Parts serves() const { fail(); }
};
struct Silent : Handle<SilentModule> {
  static constexpr std::string_view name = "bad";
};

struct Loss : archetype::MoveOnly {
  static constexpr std::string_view name = "bad";
  static vlp::Parts needs(const vlp::NoOptions&) { return {}; }
  static std::int64_t captions_per_image(const vlp::NoOptions&) { fail(); }
  [[nodiscard]] vlp::Parts needs() const { fail(); }
  vlp::LossValue operator()(vlp::Forward&) const { fail(); }
  [[nodiscard]] std::shared_ptr<torch::nn::Module> module() const { fail(); }
  void end_update(const vlp::Peers&) { fail(); }
  void save(vlp::State&) const { fail(); }
  void load(const vlp::State&) { fail(); }
  void warm_start(const vlp::State&, const vlp::Console&) { fail(); }
};

/// A loss whose own parameters throw when they are asked for their roles.
struct LossOfRoles {
  static constexpr std::string_view name = "of_roles";
  static constexpr vlp::Parts needs = vlp::Parts();
  vlp::LossValue operator()(vlp::Forward&) const { return {}; }
  [[nodiscard]] std::shared_ptr<torch::nn::Module> module() const { return own; }
  std::shared_ptr<torch::nn::Module> own = std::make_shared<ModelModule>();
};

struct Metric : archetype::MoveOnly {
  static constexpr std::string_view name = "bad";
  static std::vector<vlp::ScoreName> score_names(const vlp::NoOptions&) { fail(); }
  [[nodiscard]] vlp::ImageStatistics measure(const vlp::CaptionSet&) const { fail(); }
  [[nodiscard]] vlp::Scores scores(std::span<const double>) const { fail(); }
};
struct RetrievalMetric : archetype::MoveOnly {
  static constexpr std::string_view name = "bad";
  [[nodiscard]] vlp::Scores scores(const vlp::RetrievalRanks&) const { fail(); }
  [[nodiscard]] std::int64_t rerank() const { fail(); }
};

struct Dataset : archetype::MoveOnly {
  static constexpr std::string_view name = "bad";
  [[nodiscard]] std::vector<vlp::ImageRecord>& records(vlp::Split) const { fail(); }
  [[nodiscard]] vlp::CaptionsPerImage captions_per_image() const { fail(); }
};

struct ImageTransform : archetype::MoveOnly {
  static constexpr std::string_view name = "bad";
  at::Tensor operator()(const at::Tensor&, vlp::RandomStream&) const { fail(); }
};
struct SizelessTransform : ImageTransform {
  [[nodiscard]] vlp::ImageSize output_size() const { fail(); }
};
struct TextTransform : archetype::MoveOnly {
  static constexpr std::string_view name = "bad";
  std::string operator()(std::string_view, vlp::RandomStream&) const { fail(); }
};

struct Tokenizer : archetype::MoveOnly {
  static constexpr std::string_view name = "bad";
  static std::int64_t longest_text(const vlp::NoOptions&) { fail(); }
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view) const { fail(); }
  [[nodiscard]] std::string decode(std::span<const std::int64_t>) const { fail(); }
  [[nodiscard]] vlp::SpecialTokens special() const { return {}; }
  [[nodiscard]] std::int64_t vocabulary_size() const { return 9; }
  void write(const std::filesystem::path&) const { fail(); }
};
struct SizelessTokenizer : Tokenizer {
  [[nodiscard]] std::int64_t vocabulary_size() const { fail(); }
};
struct PlainTokenizer : Tokenizer {
  [[nodiscard]] vlp::SpecialTokens special() const { fail(); }
};

struct Optimizer : archetype::MoveOnly {
  static constexpr std::string_view name = "bad";
  void manage(std::vector<vlp::ParameterGroup>) { fail(); }
  void step(const vlp::StepControl&) { fail(); }
  void zero_grad() { fail(); }
  [[nodiscard]] double lr() const { fail(); }
  [[nodiscard]] bool decays_norms_and_biases() const { fail(); }
  void save(vlp::State&) const { fail(); }
  void load(const vlp::State&) { fail(); }
};

struct Schedule : archetype::MoveOnly {
  static constexpr std::string_view name = "bad";
  double operator()(const vlp::SchedulePosition&) const { fail(); }
};

struct Format : archetype::MoveOnly {
  static constexpr std::string_view name = "bad";
  [[nodiscard]] std::string title() const { fail(); }
  [[nodiscard]] vlp::Kinship kinship(const vlp::ForeignModel&) const { fail(); }
  [[nodiscard]] vlp::OwnWeights translate(vlp::WeightFile, const vlp::Console&) const { fail(); }
  [[nodiscard]] vlp::Value settings(const vlp::ForeignModel&, const vlp::Console&) const { fail(); }
  [[nodiscard]] vlp::ImportedModel import_model(vlp::ForeignModel,
                                                const vlp::ImportArguments&) const {
    fail();
  }
  [[nodiscard]] vlp::Kinship kinship(const vlp::Value&) const { fail(); }
  [[nodiscard]] vlp::ModelLayout layout(const vlp::Value& resolved) const {
    if (resolved.as<bool>()) fail();
    vlp::ModelLayout layout;
    layout.settle = [](vlp::TensorMap&, const vlp::TensorShapes&, const std::string&,
                       const vlp::Console&) { fail(); };
    return layout;
  }
  [[nodiscard]] std::string obstacle(const vlp::ExportedModel&) const { fail(); }
  [[nodiscard]] std::vector<vlp::FolderFile> files(const vlp::ExportedModel&) const { fail(); }
  void pack(vlp::NamedTensors&, vlp::Metadata&) const { fail(); }
};

/// A number that throws while it is read, between 1 and 2, or written, above 2.
struct Exact {
  double value = 1;
};

/// Throws when it is asked for problems of its options.
struct Picky : archetype::MoveOnly {
  static constexpr std::string_view name = "picky";
  struct Options {
    double joint = 1;
    Exact exact;
    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::joint>("Above 1 it throws."),
                        vlp::field<&Options::exact>("See its type.")};
    }
    [[nodiscard]] std::string problem() const {
      if (joint > 1) fail();
      return {};
    }
  };
  Picky() = default;
  explicit Picky(const Options&) {}
  double operator()(const vlp::SchedulePosition&) const { return 1; }
};

using Act = std::function<void()>;

/// Each of the calls says this.
void check(const std::string& expected, const std::vector<Act>& calls) {
  for (std::size_t i = 0; i < calls.size(); ++i)
    BOOST_TEST(vlp_test::message_of<vlp::ComponentError>(calls[i]) == expected,
               "call " + std::to_string(i) + " said otherwise");
}

}  // namespace component_throwing

template <>
struct vlp::OptionType<component_throwing::Exact> {
  static std::string expected() { return "a number"; }
  static bool read(const Value& value, const std::string&, component_throwing::Exact& out,
                   const Range&, ReadContext&) {
    out.value = value.as<double>() ? *value.as<double>() : 0;
    if (out.value > 1 && out.value <= 2) component_throwing::fail();
    return true;
  }
  static std::optional<Value> write(const component_throwing::Exact& x) {
    if (x.value > 2) component_throwing::fail();
    return Value(x.value);
  }
};

namespace component_throwing {

const at::Tensor kIds = at::ones({2, 3}, at::kLong), kMask = kIds > 0;
const at::Tensor kPixels = at::ones({2, 3, 4, 4}), kStates = at::ones({2, 3, 3});

BOOST_AUTO_TEST_SUITE(component_throwing_suite)

BOOST_AUTO_TEST_CASE(encoders_are_named_whatever_throws) {
  vlp::AnyEncoder encoder = Encoder();
  vlp::AnyTextEncoder texts = TextEncoder();
  vlp::AnyDecoder decoder = Decoder();
  vlp::DecodingCache cache;
  check("encoder 'bad': bad day",
        {[&] { (void)encoder.forward(kPixels); }, [&] { (void)encoder.summary(kStates); },
         [&] { (void)vlp::AnyEncoder(Widthless()); },
         [&] { (void)vlp::AnyEncoder::traits<Encoder>({}).image_problem(4, 4); }});
  check("text_encoder 'bad': bad day",
        {[&] { (void)texts.text_states(kIds, kMask); },
         [&] { (void)texts.grounded_states(kIds, kMask, kStates); },
         [&] { (void)texts.summary(kStates, kMask); },
         [&] { (void)vlp::Use<vlp::AnyTextEncoder>::of<TextEncoder>(); }});
  check(
      "decoder 'bad': bad day",
      {[&] { (void)decoder.states(kIds, kMask, kStates); }, [&] { (void)decoder.logits(kStates); },
       [&] { (void)decoder.make_cache(kStates, 1, 9); }, [&] { (void)decoder.step(kIds, cache); },
       [&] { (void)decoder.ptr(); }, [&] { (void)vlp::Use<vlp::AnyDecoder>::of<Decoder>(); }});
}

BOOST_AUTO_TEST_CASE(models_are_named_whatever_throws) {
  const vlp::AnyModel model{Model()};
  BOOST_TEST(model.shown() == "model 'bad'");
  check("model 'bad': bad day",
        {[&] { (void)model.parts().call<vlp::ImageStates>(kPixels); },
         [&] { model.parts().begin_step(); }, [&] { (void)vlp::AnyModel(Silent()); },
         [&] { (void)vlp::Use<vlp::AnyModel>::of<Model>(); },
         [&] { vlp::ParameterRoles(*model.ptr(), model.shown()); },
         [&] {
           (void)vlp::Trainer(model, archetype::Loss(), archetype::Optimizer(), {}, vlp::Context{});
         }});
}

BOOST_AUTO_TEST_CASE(losses_are_named_whatever_throws) {
  vlp::AnyLoss loss{Loss()};
  vlp::State state;
  const vlp::ModelParts parts;
  const vlp::Batch batch;
  vlp::Forward pass(parts, batch);
  check("loss 'bad': bad day",
        {[&] { (void)loss(pass); }, [&] { (void)loss.needs(); }, [&] { (void)loss.module(); },
         [&] { loss.end_update({}); }, [&] { loss.save(state); }, [&] { loss.load(state); },
         [&] { loss.warm_start(state, {}); }, [&] { (void)vlp::Use<vlp::AnyLoss>::of<Loss>(); }});
}

BOOST_AUTO_TEST_CASE(of_several_losses_the_one_whose_roles_throw_is_named) {
  std::vector<vlp::Objective::Term> terms;
  terms.push_back({"first", 1.0, archetype::Loss()});
  terms.push_back({"second", 1.0, LossOfRoles()});
  const vlp::Objective losses(std::move(terms));
  check("loss 'of_roles': bad day",
        {[&] {
           vlp::ParameterRoles roles;
           losses.add_roles(roles);
         },
         [&] {
           (void)vlp::Trainer(archetype::Model(), losses, archetype::Optimizer(), {},
                              vlp::Context{});
         },
         [&] {
           (void)vlp::Trainer(archetype::Model(), LossOfRoles(), archetype::Optimizer(), {},
                              vlp::Context{});
         }});
}

BOOST_AUTO_TEST_CASE(metrics_are_named_whatever_throws) {
  const vlp::AnyMetric captions{Metric()}, retrieval{RetrievalMetric()};
  check("metric 'bad': bad day",
        {[&] { (void)captions.measure(vlp::CaptionSet({})); },
         [&] { (void)captions.scores(std::vector{1.0}); },
         [&] { (void)retrieval.scores(vlp::RetrievalRanks{}); }, [&] { (void)retrieval.rerank(); },
         [&] { (void)vlp::Use<vlp::AnyMetric>::of<Metric>(); }});
}

BOOST_AUTO_TEST_CASE(what_prepares_data_is_named_whatever_throws) {
  const vlp::AnyDataset dataset{Dataset()};
  const vlp::AnyTransform images{ImageTransform()}, texts{TextTransform()};
  const vlp::AnyTokenizer tokenizer{Tokenizer()};
  vlp::RandomStream random(1);
  check("dataset 'bad': bad day", {[&] { (void)dataset.records(vlp::Split::train); },
                                   [&] { (void)dataset.captions_per_image(); }});
  check("transform 'bad': bad day",
        {[&] { (void)images(kPixels[0], random); }, [&] { (void)texts("text", random); },
         [&] { (void)vlp::AnyTransform(SizelessTransform()); }});
  check("tokenizer 'bad': bad day",
        {[&] { (void)tokenizer.encode("text"); },
         [&] { (void)tokenizer.decode(std::vector<std::int64_t>{1}); },
         [&] { tokenizer.write("nowhere"); }, [&] { (void)vlp::AnyTokenizer(SizelessTokenizer()); },
         [&] { (void)vlp::AnyTokenizer(PlainTokenizer()); },
         [&] { (void)vlp::Use<vlp::AnyTokenizer>::of<Tokenizer>(); }});
}

BOOST_AUTO_TEST_CASE(what_updates_is_named_whatever_throws) {
  vlp::AnyOptimizer optimizer{Optimizer()};
  const vlp::AnySchedule schedule{Schedule()};
  vlp::State state;
  check("optimizer 'bad': bad day",
        {[&] { optimizer.manage({}); }, [&] { optimizer.step({}); }, [&] { optimizer.zero_grad(); },
         [&] { (void)optimizer.lr(); }, [&] { (void)optimizer.decays_norms_and_biases(); },
         [&] { optimizer.save(state); }, [&] { optimizer.load(state); }});
  check("schedule 'bad': bad day", {[&] { (void)schedule({}); }});
}

BOOST_AUTO_TEST_CASE(formats_are_named_whatever_throws) {
  const vlp::AnyFormat format{Format()};
  const vlp::Value resolved;
  const vlp::Context ctx;
  const vlp::ExportedModel model{resolved, ctx, {}, {}, {}};
  vlp::NamedTensors tensors;
  vlp::TensorMap map;
  vlp::Metadata metadata;
  check("format 'bad': bad day",
        {[&] { (void)format.title(); }, [&] { (void)format.kinship(vlp::ForeignModel{}); },
         [&] { (void)format.translate({}, {}); }, [&] { (void)format.settings({}, {}); },
         [&] { (void)format.import_model({}, {}); }, [&] { (void)format.kinship(resolved); },
         [&] { (void)format.layout(vlp::Value(true)); },
         [&] { format.layout(vlp::Value(1.0)).settle(map, {}, "a file", {}); },
         [&] { (void)format.obstacle(model); }, [&] { (void)format.files(model); },
         [&] { format.pack(tensors, metadata); }});
}

BOOST_AUTO_TEST_CASE(what_looks_at_options_is_named) {
  vlp::Registry registry;
  vlp::detail::add_components<Picky>(registry, "1.0", "here");
  const auto* factory = registry.find<vlp::AnySchedule>("picky");
  BOOST_TEST_REQUIRE(factory);
  const auto prepared = [&](const std::string& option, double value) {
    vlp::Diagnostics problems;
    vlp::ReadContext ctx{problems, &registry};
    vlp::Table table;
    table.set(option, vlp::Value(value));
    return factory->prepare(table, {}, "", {}, ctx);
  };
  check("schedule 'picky': bad day",
        {[&] { (void)prepared("joint", 1.5); }, [&] { (void)prepared("exact", 1.5); },
         [&] { (void)prepared("exact", 2.5)->write(); }});
  BOOST_TEST(prepared("joint", 0.5)->build(vlp::Context{})({}) == 1);
}

BOOST_AUTO_TEST_CASE(errors_of_vlp_pass_as_they_are) {
  const auto refuse = [](const vlp::SchedulePosition&) -> double {
    throw vlp::RecipeError("schedule: not today.");
  };
  BOOST_TEST(vlp_test::message_of<vlp::RecipeError>([&] { (void)vlp::AnySchedule(refuse)({}); }) ==
             "schedule: not today.");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace component_throwing
