// What a dry pass finds before anything is read.

#include "vlp/assemble/dry_pass.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>
#include <boost/test/unit_test.hpp>

#include "plugins/model/blip.hpp"
#include "tests/support/messages.hpp"
#include "tests/support/tiny_run.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/encoder.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/schedule.hpp"
#include "vlp/concepts/transform.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/tasks/train.hpp"

namespace {

using vlp_test::contains;

/// States of eight numbers, whatever it says.
class LyingEncoderImpl : public torch::nn::Module {
 public:
  static constexpr std::string_view name = "lying";
  [[nodiscard]] at::Tensor forward(const at::Tensor& pixels) {
    return at::zeros({pixels.size(0), 4, 8}, pixels.options());
  }
  [[nodiscard]] std::int64_t width() const { return 16; }
};
TORCH_MODULE(LyingEncoder);

/// Its value depends on no weight.
struct DetachedLoss {
  static constexpr std::string_view name = "detached";
  static constexpr vlp::Parts needs = vlp::Parts::of<vlp::ImageStates>();
  vlp::LossValue operator()(vlp::Forward& pass) const {
    return {pass.image_states().mean().detach(), {}};
  }
};

/// Looks at a number, which a pass without values doesn't have.
struct PeekingLoss {
  static constexpr std::string_view name = "peeking";
  static constexpr vlp::Parts needs = vlp::Parts::of<vlp::ImageStates>();
  vlp::LossValue operator()(vlp::Forward& pass) const {
    const at::Tensor mean = pass.image_states().mean();
    return {mean * (mean.item<double>() > 0 ? 1 : -1), {}};
  }
};

/// Can't be told that an update is done.
struct UngratefulLoss : DetachedLoss {
  static constexpr std::string_view name = "ungrateful";
  vlp::LossValue operator()(vlp::Forward& pass) const { return {pass.image_states().mean(), {}}; }
  void end_update(const vlp::Peers&) { throw std::logic_error("no room for more"); }
};

/// Breaks where no training is.
struct TrainedOnlyLoss : DetachedLoss {
  static constexpr std::string_view name = "trained_only";
  vlp::LossValue operator()(vlp::Forward& pass) const {
    if (!pass.training()) throw std::logic_error("no training");
    return {pass.image_states().mean(), {}};
  }
};

/// Gradient descent that breaks, or reads a value.
template <bool kReads>
struct BrokenOptimizer {
  static constexpr std::string_view name = kReads ? "reading" : "stumbling";
  vlp::ParameterGroup group;
  void manage(std::vector<vlp::ParameterGroup> groups) { group = std::move(groups.at(0)); }
  void step(const vlp::StepControl&) {
    if (!kReads) throw std::runtime_error("a foot of lead");
    group.parameters.at(0).mul_(group.parameters.at(0).norm().item<double>());
  }
  void zero_grad() {}
  [[nodiscard]] double lr() const { return 0.1; }
  [[nodiscard]] bool decays_norms_and_biases() const { return true; }
  void save(vlp::State&) const {}
  void load(const vlp::State&) {}
};

/// No number for the last update.
struct EndlessSchedule {
  static constexpr std::string_view name = "endless";
  double operator()(const vlp::SchedulePosition& position) const {
    return position.step + 1 < position.steps ? 1.0 : std::nan("");
  }
};

/// Breaks on any letter beyond ASCII.
struct AsciiOnly {
  static constexpr std::string_view name = "ascii_only";
  std::string operator()(std::string_view text, vlp::RandomStream&) const {
    for (const char c : text)
      if (static_cast<unsigned char>(c) > 127) throw std::invalid_argument("what letter is this?");
    return std::string(text);
  }
};

/// Black images stay; of all others the channels come last.
struct ChannelsLast {
  static constexpr std::string_view name = "channels_last";
  at::Tensor operator()(const at::Tensor& image, vlp::RandomStream&) const {
    return image.any().item<bool>() ? image.permute({1, 2, 0}) : image;
  }
};

/// A BLIP that can't begin an update.
struct LateBlipImpl : vlp::BlipImpl {
  static constexpr std::string_view name = "late";
  using BlipImpl::BlipImpl;
  void begin_step() { throw std::logic_error("overslept"); }
};
TORCH_MODULE(LateBlip);

/// A table of words that writes, up to a length.
template <int kMost>
struct ForgetfulDecoderImpl : torch::nn::Module {
  static constexpr std::string_view name = kMost == 1 ? "forgetful" : "mixing";
  torch::nn::Embedding words{nullptr};
  torch::nn::Linear head{nullptr};
  std::int64_t rows = 0;

  explicit ForgetfulDecoderImpl(const vlp::Facts& facts) {
    const std::int64_t vocabulary = facts.dimensions.vocabulary_size;
    words = register_module("words", torch::nn::Embedding(vocabulary, 8));
    head = register_module("head", torch::nn::Linear(8, vocabulary));
  }
  at::Tensor states(const at::Tensor& ids, const at::Tensor&, const at::Tensor&) {
    return words(ids);
  }
  at::Tensor logits(const at::Tensor& of) { return head(of); }
  vlp::DecodingCache make_cache(const at::Tensor& images, std::int64_t beams, std::int64_t) {
    rows = images.size(0) * beams;
    return {.beams = beams,
            .length = 0,
            .per_row = {at::zeros({rows, 8}, images.options())},
            .per_image = {}};
  }
  at::Tensor step(const at::Tensor& ids, vlp::DecodingCache& cache) {
    if (cache.length >= kMost) throw std::logic_error("what was said is forgotten");
    cache.length += ids.size(1);
    const at::Tensor x = words(ids).select(1, -1);
    // rows of the cache as they were before a search repeated them
    return head(kMost == 1 ? x : x + cache.per_row[0].narrow(0, 0, rows));
  }
};
struct OneTokenDecoderImpl : ForgetfulDecoderImpl<1> {
  using ForgetfulDecoderImpl::ForgetfulDecoderImpl;
};
struct MixingDecoderImpl : ForgetfulDecoderImpl<9> {
  using ForgetfulDecoderImpl::ForgetfulDecoderImpl;
};
TORCH_MODULE(OneTokenDecoder);
TORCH_MODULE(MixingDecoder);

struct Recipes : vlp_test::TinyRun {
  Recipes() {
    registry.add<vlp::AnyEncoder, LyingEncoder>("1", "a test");
    registry.add<vlp::AnyLoss, DetachedLoss>("1", "a test");
    registry.add<vlp::AnyLoss, PeekingLoss>("1", "a test");
    registry.add<vlp::AnyLoss, UngratefulLoss>("1", "a test");
    registry.add<vlp::AnyLoss, TrainedOnlyLoss>("1", "a test");
    registry.add<vlp::AnyOptimizer, BrokenOptimizer<false>>("1", "a test");
    registry.add<vlp::AnyOptimizer, BrokenOptimizer<true>>("1", "a test");
    registry.add<vlp::AnySchedule, EndlessSchedule>("1", "a test");
    registry.add<vlp::AnyTransform, AsciiOnly>("1", "a test");
    registry.add<vlp::AnyTransform, ChannelsLast>("1", "a test");
    registry.add<vlp::AnyModel, LateBlip>("1", "a test");
    registry.add<vlp::AnyDecoder, OneTokenDecoder>("1", "a test");
    registry.add<vlp::AnyDecoder, MixingDecoder>("1", "a test");
  }
  std::vector<std::string> pass(const std::vector<std::string>& sets) {
    const vlp::Plan plan =
        vlp::plan_training(vlp::load_recipe(root / "recipe.toml", sets), registry);
    vlp::RunArguments arguments;
    arguments.threads = 1;
    return vlp::dry_pass(plan, vlp::open_context(plan, arguments), /*trains=*/true).untried;
  }
  template <class E>
  std::string found(const std::vector<std::string>& sets) {
    return vlp_test::message_of<E>([&] { (void)pass(sets); });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(dry_pass, Recipes)

BOOST_AUTO_TEST_CASE(a_recipe_that_fits_passes_and_leaves_random_numbers_as_they_were) {
  at::manual_seed(5);
  const at::Tensor expected = at::rand({3});
  BOOST_TEST(pass({}).empty());
  at::manual_seed(5);
  const vlp::Plan plan = vlp::plan_training(vlp::load_recipe(root / "recipe.toml", {}), registry);
  vlp::RunArguments arguments;
  const vlp::Context ctx = vlp::open_context(plan, arguments);
  at::manual_seed(5);
  BOOST_TEST(vlp::dry_pass(plan, ctx, true).untried.empty());
  BOOST_TEST(at::rand({3}).equal(expected));
}

BOOST_AUTO_TEST_CASE(a_width_that_is_not_that_of_the_states_is_found) {
  BOOST_TEST(contains(found<vlp::ShapeError>({"model.encoder={use='lying'}"}),
                      "encoder 'lying': image states of another shape (got [2, 4, 8]"));
}

BOOST_AUTO_TEST_CASE(a_loss_without_gradient_is_found) {
  BOOST_TEST(contains(found<vlp::ContractError>({"loss=[{use='detached'}]"}),
                      "loss 'detached': its value has no gradient"));
}

BOOST_AUTO_TEST_CASE(a_vocabulary_that_is_not_there_is_found) {
  BOOST_CHECK_THROW((void)pass({"tokenizer.vocabulary=nowhere"}), vlp::Error);
}

BOOST_AUTO_TEST_CASE(what_needs_values_is_told_and_is_no_mistake) {
  const std::vector<std::string> untried = pass({"loss=[{use='peeking'}]"});
  BOOST_TEST_REQUIRE(untried.size() == 1U);
  BOOST_TEST(contains(untried[0], "a pass through the losses needs values (loss 'peeking': "),
             untried[0]);
}

BOOST_AUTO_TEST_CASE(an_optimizer_that_breaks_in_its_step_is_found) {
  BOOST_TEST(found<vlp::ComponentError>({"optimizer={use='stumbling'}"}) ==
             "optimizer 'stumbling': a foot of lead");
}

BOOST_AUTO_TEST_CASE(an_optimizer_that_reads_a_value_is_told_and_is_no_mistake) {
  const std::vector<std::string> untried = pass({"optimizer={use='reading'}"});
  BOOST_TEST_REQUIRE(untried.size() == 1U);
  BOOST_TEST(
      untried[0].starts_with("a step of optimizer 'reading' needs values (optimizer 'reading': "),
      untried[0]);
}

BOOST_AUTO_TEST_CASE(every_optimizer_of_ours_takes_its_step) {
  for (const char* optimizer :
       {"optimizer={use='adamw'}", "optimizer={use='muon',others={use='adamw'}}",
        "optimizer={use='muon',bfloat16=true,others={use='adamw',decay_norms_and_biases=true}}"})
    for (const char* clip : {"train.clip_norm=0.0", "train.clip_norm=1.0"})
      for (const char* loss : {"loss=[{use='lm'}]", "loss=[{use='peeking'}]"})
        for (const std::string& untried : pass({optimizer, clip, loss}))
          BOOST_TEST(!contains(untried, "optimizer"), untried);
}

BOOST_AUTO_TEST_CASE(a_schedule_that_ends_without_a_number_is_found) {
  BOOST_TEST(contains(found<vlp::ContractError>({"schedule={use='endless'}", "train.max_steps=9"}),
                      "schedule 'endless': a learning rate's factor is finite and not negative "
                      "(got nan for update 8 of 9"));
}

BOOST_AUTO_TEST_CASE(transforms_of_texts_and_images_are_tried_in_both_phases) {
  const auto with = [](const std::string& name) {
    return "transform=[{use='resize',size=16},{use='normalize'},{use='" + name +
           "',when='evaluate'}]";
  };
  BOOST_TEST(found<vlp::ComponentError>({with("ascii_only")}) ==
             "transform 'ascii_only': what letter is this?");
  BOOST_TEST(
      contains(found<vlp::ShapeError>({"transform=[{use='resize',size=16},{use='channels_last'},"
                                       "{use='normalize'}]"}),
               "transform 'channels_last': gave no image (got Byte [16, 16, 3], expected uint8"));
}

BOOST_AUTO_TEST_CASE(a_model_that_breaks_before_an_update_is_found) {
  BOOST_TEST(found<vlp::ComponentError>({"model.use=late"}) == "model 'late': overslept");
}

BOOST_AUTO_TEST_CASE(a_loss_that_breaks_behind_an_update_or_in_an_evaluation_is_found) {
  BOOST_TEST(found<vlp::ComponentError>({"loss=[{use='lm'},{use='ungrateful'}]"}) ==
             "loss 'ungrateful': no room for more");
  BOOST_TEST(found<vlp::ComponentError>({"loss=[{use='trained_only'}]"}) ==
             "loss 'trained_only': no training");
}

BOOST_AUTO_TEST_CASE(a_decoder_that_breaks_at_the_second_token_is_found) {
  BOOST_TEST(found<vlp::ComponentError>({"model.decoder={use='forgetful'}"}) ==
             "decoder 'forgetful': what was said is forgotten");
  BOOST_TEST(found<vlp::ComponentError>({"model.decoder={use='mixing'}", "generate.beams=3"})
                 .starts_with("decoder 'mixing': The size of tensor a (6) must match"));
  BOOST_TEST(pass({"model.decoder={use='forgetful'}", "metric=[]", "evaluate.best=loss"}).empty(),
             "nothing asks for captions");
}

BOOST_AUTO_TEST_CASE(greedy_decoding_and_samples_are_tried) {
  BOOST_TEST(pass({"generate.beams=1"}).empty());
  BOOST_TEST(pass({"generate.beams=1", "generate.sample=true", "generate.num_captions=3",
                   "generate.top_p=0.9"})
                 .empty());
}

BOOST_AUTO_TEST_CASE(momentum_encoders_and_queues_take_part) {
  BOOST_TEST(pass({"model.text_encoder={use='bert',width=16,depth=1,heads=2,dropout=0.1}",
                   "loss=[{use='itc',queue_size=32},{use='itm'},{use='lm'}]",
                   "metric=[{use='recall'}]", "evaluate.best=R_mean"})
                 .empty());
}

BOOST_AUTO_TEST_CASE(images_of_an_evaluation_may_have_a_size_of_their_own) {
  BOOST_TEST(pass({"transform=[{use='resize',size=16,when='train'},{use='resize',size=24,when="
                   "'evaluate'},{use='normalize'}]"})
                 .empty());
}

BOOST_AUTO_TEST_CASE(a_model_of_the_base_size_is_tried_without_its_memory) {
  BOOST_TEST(pass({"model.encoder.width=768", "model.encoder.depth=12", "model.encoder.heads=12",
                   "model.decoder.width=768", "model.decoder.depth=12", "model.decoder.heads=12",
                   "model.encoder.patch=16", "transform.0.size=384"})
                 .empty());
}

BOOST_AUTO_TEST_CASE(every_recipe_that_ships_is_tried_whole) {
  const std::filesystem::path source(VLP_SOURCE_ROOT);
  std::size_t tried = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source / "recipes")) {
    if (entry.path().extension() != ".toml") continue;
    const vlp::Plan plan = vlp::plan_training(vlp::load_recipe(entry.path(), {}), registry);
    vlp::RunArguments arguments;
    arguments.share_dir = source / "share";
    for (const std::string& untried :
         vlp::dry_pass(plan, vlp::open_context(plan, arguments), /*trains=*/true).untried)
      BOOST_TEST(untried == "", entry.path().string());
    ++tried;
  }
  BOOST_TEST(tried >= 2U);
}

BOOST_AUTO_TEST_SUITE_END()
