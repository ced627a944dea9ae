#include "plugins/loss/itc.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <ATen/ATen.h>

#include "tests/support/float32.hpp"
#include "tests/support/gradient_check.hpp"
#include "tests/support/pairs.hpp"
#include "vlp/nn/autocast.hpp"

BOOST_AUTO_TEST_SUITE(itc)

namespace {

using vlp::ImageTextContrastive;
using vlp::Parts;
using vlp_test::Pairs;
using Options = ImageTextContrastive::Options;

constexpr double kRounding = 1e-12;      // float64, a few dozen terms
constexpr double kHalfPrecision = 1e-5;  // float32 sums of values that were given in half precision

const Options kPlain{.alpha = 0, .alpha_warmup_epochs = 0, .queue_size = 0};

vlp::LossValue value_of(const Options& options, vlp::Forward pass) {
  return ImageTextContrastive(options, vlp::Machine{}, vlp::Facts{})(pass);
}
double part(const vlp::LossValue& value, const std::string& name) {
  for (const auto& [key, tensor] : value.parts)
    if (key == name) return tensor.item<double>();
  return NAN;
}
vlp::State state_of(const ImageTextContrastive& loss) {
  vlp::State state;
  loss.save(state);
  return state;
}
bool same_queues(const vlp::State& a, const vlp::State& b) {
  for (const char* name : {"image_queue", "text_queue", "idx_queue", "queue_ptr"})
    if (!vlp::get_tensor(a, name).equal(vlp::get_tensor(b, name))) return false;
  return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(momentum_encoders_are_needed_for_soft_targets_and_for_the_queue_only) {
  BOOST_TEST((ImageTextContrastive::needs(kPlain) == vlp::parts::similarities));
  const Parts both = vlp::parts::similarities | vlp::parts::momentum_embeddings;
  BOOST_TEST((ImageTextContrastive::needs({.alpha = 0.1, .queue_size = 0}) == both));
  BOOST_TEST((ImageTextContrastive::needs({.alpha = 0, .queue_size = 8}) == both));
  BOOST_TEST((ImageTextContrastive({}, vlp::Machine{}, vlp::Facts{}).needs() == both));
  BOOST_TEST(ImageTextContrastive::smallest_batch(kPlain) == 2);
  BOOST_TEST(ImageTextContrastive::smallest_batch({.queue_size = 8}) == 1);
}

BOOST_AUTO_TEST_CASE(without_momentum_encoders_it_is_clips_loss) {
  Pairs pairs(5);
  const at::Tensor logits =
      vlp_test::unit_rows(pairs.image).matmul(vlp_test::unit_rows(pairs.text).t()) /
      pairs.temperature;
  const at::Tensor diagonal = at::arange(5, at::kLong);
  const double expected =
      ((at::cross_entropy_loss(logits, diagonal) + at::cross_entropy_loss(logits.t(), diagonal)) /
       2)
          .item<double>();
  BOOST_TEST(value_of(kPlain, pairs.training()).total.item<double>() == expected,
             boost::test_tools::tolerance(kRounding));
  pairs.with_momentum();  // of another loss
  BOOST_TEST(value_of(kPlain, pairs.training()).total.item<double>() == expected,
             boost::test_tools::tolerance(kRounding));
}

BOOST_AUTO_TEST_CASE(targets_match_a_hand_computation) {
  const at::Tensor together = at::tensor({1, 0, 1, 0, 1, 0}, at::kLong).view({2, 3}).to(at::kBool);
  const at::Tensor of_momentum =
      at::tensor({1.0, 2.0, 1.0, 1.0, 1.0, 2.0}, at::kDouble).view({2, 3}).log();
  const at::Tensor expected =
      at::tensor({0.1 + 0.3, 0.2, 0.1 + 0.3, 0.1, 0.1 + 0.6, 0.2}, at::kDouble).view({2, 3});
  BOOST_TEST(vlp_test::difference(vlp::contrastive_targets(together, of_momentum, 0.4, at::kDouble),
                                  expected) < kRounding);
}

BOOST_AUTO_TEST_CASE(alpha_grows_over_the_first_epochs_and_is_whole_in_evaluation) {
  const auto at_step = [](std::int64_t step) {
    return vlp::SchedulePosition{.step = step, .steps = 100, .steps_per_epoch = 10};
  };
  BOOST_TEST(vlp::ramped_alpha(0.4, 2, at_step(0)) == 0);
  BOOST_TEST(vlp::ramped_alpha(0.4, 2, at_step(5)) == 0.1, boost::test_tools::tolerance(kRounding));
  BOOST_TEST(vlp::ramped_alpha(0.4, 0.5, at_step(4)) == 0.32,
             boost::test_tools::tolerance(kRounding));
  BOOST_TEST(vlp::ramped_alpha(0.4, 2, at_step(20)) == 0.4);
  BOOST_TEST(vlp::ramped_alpha(0.4, 2, at_step(99)) == 0.4);
  BOOST_TEST(vlp::ramped_alpha(0.4, 0, at_step(0)) == 0.4);
  BOOST_TEST(vlp::ramped_alpha(0.4, 2, std::nullopt) == 0.4);

  Pairs pairs(4);
  pairs.with_momentum();
  const Options options{.alpha = 0.4, .alpha_warmup_epochs = 2, .queue_size = 0};
  BOOST_TEST(part(value_of(options, pairs.training(5)), "alpha") == 0.1,
             boost::test_tools::tolerance(kRounding));
  BOOST_TEST(part(value_of(options, pairs.evaluation()), "alpha") == 0.4);
  const Options hard{.alpha = 0, .queue_size = 4};
  BOOST_TEST(value_of({.alpha = 0.4, .queue_size = 4}, pairs.training(0)).total.item<double>() ==
             value_of(hard, pairs.training(0)).total.item<double>());
}

BOOST_AUTO_TEST_CASE(parts_are_what_the_total_is_made_of) {
  Pairs pairs(4);
  pairs.with_momentum();
  const vlp::LossValue value = value_of({.queue_size = 8}, pairs.training());
  BOOST_TEST((part(value, "i2t") + part(value, "t2i")) / 2 == value.total.item<double>(),
             boost::test_tools::tolerance(kRounding));
  BOOST_TEST(part(value, "temperature") == 0.2);
  for (const auto& [name, tensor] : value.parts) BOOST_TEST(!tensor.requires_grad(), name);
}

BOOST_AUTO_TEST_CASE(gradients_agree_with_differences) {
  Pairs pairs(3, 4);
  pairs.with_momentum();
  pairs.batch.image_index = at::tensor({7, 3, 7}, at::kLong);
  const std::vector<Options> hard{kPlain, {.alpha = 0, .queue_size = 5}};
  const std::vector<Options> soft{
      {.alpha = 0.4, .queue_size = 0},
      {.alpha = 0.4, .queue_size = 5, .positives = vlp::Positives::image}};
  for (const Options& options : hard)
    BOOST_TEST(vlp_test::gradient_difference(
                   [&] { return value_of(options, pairs.training()).total; },
                   {pairs.image, pairs.text, pairs.temperature}) < vlp_test::kGradientTolerance);
  for (const Options& options : soft)  // the targets follow the temperature, without gradient
    BOOST_TEST(
        vlp_test::gradient_difference([&] { return value_of(options, pairs.training()).total; },
                                      {pairs.image, pairs.text}) < vlp_test::kGradientTolerance);
}

BOOST_AUTO_TEST_CASE(the_order_of_pairs_does_not_matter) {
  Pairs pairs(6);
  pairs.with_momentum();
  pairs.batch.image_index = at::tensor({1, 2, 1, 3, 2, 1}, at::kLong);
  const Options options{.alpha = 0.3, .queue_size = 5, .positives = vlp::Positives::image};
  const double before = value_of(options, pairs.training()).total.item<double>();
  const at::Tensor order = at::tensor({3, 1, 5, 0, 2, 4}, at::kLong);
  for (at::Tensor* rows : {&pairs.image, &pairs.text, &pairs.image_m, &pairs.text_m,
                           &pairs.batch.image_index, &pairs.batch.texts.token_ids})
    *rows = rows->detach().index_select(0, order);
  BOOST_TEST(value_of(options, pairs.training()).total.item<double>() == before,
             boost::test_tools::tolerance(kRounding));
}

BOOST_AUTO_TEST_CASE(captions_of_one_image_are_positives_in_batch_and_queue) {
  // Both images of the batch are one; so is what the first pass left in the queue.
  Pairs pairs(2, 3);
  pairs.with_momentum();
  pairs.batch.image_index.fill_(9);
  ImageTextContrastive loss({.alpha = 0, .queue_size = 2, .positives = vlp::Positives::image},
                            vlp::Machine{}, vlp::Facts{});
  for (int pass = 0; pass < 2; ++pass) {
    vlp::Forward forward = pairs.training();
    const at::Tensor queue = pass == 0 ? at::Tensor() : loss.queue().texts().clone();
    const double i2t = part(loss(forward), "i2t");
    loss.end_update({});
    if (pass == 0) continue;  // the queue was random
    const at::Tensor log_p =
        (vlp_test::unit_rows(pairs.image).matmul(at::cat({pairs.text_m.t(), queue}, 1)) /
         pairs.temperature)
            .log_softmax(1);
    BOOST_TEST(i2t == -log_p.mean().item<double>(),
               boost::test_tools::tolerance(kRounding));  // all four columns, a quarter each
  }
  pairs.batch.image_index.reset();
  vlp::Forward unnumbered = pairs.training();
  BOOST_CHECK_THROW(loss(unnumbered), vlp::ShapeError);
}

BOOST_AUTO_TEST_CASE(evaluation_changes_nothing_and_takes_the_queue_for_negatives) {
  Pairs pairs(3);
  pairs.with_momentum();
  ImageTextContrastive loss({.alpha = 0, .queue_size = 4, .positives = vlp::Positives::image},
                            vlp::Machine{}, vlp::Facts{});
  vlp::Forward training = pairs.training();
  (void)loss(training);
  loss.end_update({});
  const vlp::State before = state_of(loss);
  vlp::Forward evaluation = pairs.evaluation(), again = pairs.evaluation();
  const double first = loss(evaluation).total.item<double>();
  BOOST_TEST(loss(again).total.item<double>() == first);
  BOOST_TEST(same_queues(state_of(loss), before));
  // Numbers of another split that happen to equal those in the queue are other images.
  pairs.batch.image_index = at::tensor({50, 51, 52}, at::kLong);
  vlp::Forward renumbered = pairs.evaluation();
  BOOST_TEST(loss(renumbered).total.item<double>() == first);
}

BOOST_AUTO_TEST_CASE(every_micro_batch_enters_the_queue_behind_the_update) {
  ImageTextContrastive loss({.queue_size = 7}, vlp::Machine{}, vlp::Facts{});
  std::vector<at::Tensor> images, texts;
  for (const std::int64_t rows : {3, 1, 2}) {
    Pairs pairs(rows);
    pairs.with_momentum();
    vlp::Forward pass = pairs.training();
    BOOST_TEST(std::isfinite(loss(pass).total.item<double>()));
    BOOST_TEST(loss.queue().pointer() == 0, "all micro-batches of an update see one queue");
    images.push_back(pairs.image_m);
    texts.push_back(pairs.text_m);
  }
  loss.end_update({});
  BOOST_TEST(loss.queue().pointer() == 6);
  BOOST_TEST(loss.queue().images().narrow(1, 0, 6).t().equal(at::cat(images)));
  BOOST_TEST(loss.queue().texts().narrow(1, 0, 6).t().equal(at::cat(texts)));
  loss.end_update({});
  BOOST_TEST(loss.queue().pointer() == 6, "nothing enters twice");
}

BOOST_AUTO_TEST_CASE(what_an_update_that_failed_has_collected_does_not_enter_the_queue) {
  ImageTextContrastive loss({.queue_size = 7}, vlp::Machine{}, vlp::Facts{}),
      other({.queue_size = 7}, vlp::Machine{}, vlp::Facts{});
  Pairs lost(3, 6, 1), kept(2, 6, 2);
  for (Pairs* pairs : {&lost, &kept}) pairs->with_momentum();
  vlp::Forward failed = lost.training();
  loss.begin_update();
  (void)loss(failed);  // and nothing ends this update
  for (ImageTextContrastive* itc : {&loss, &other}) {
    vlp::Forward pass = kept.training();
    itc->begin_update();
    (void)(*itc)(pass);
    itc->end_update({});
  }
  BOOST_TEST(loss.queue().pointer() == 2);
  BOOST_TEST(same_queues(state_of(loss), state_of(other)));
}

BOOST_AUTO_TEST_CASE(the_queues_of_two_processes_are_that_of_one_with_all_micro_batches) {
  /// Two processes whose rows follow each other; each is asked in turn.
  struct Two : vlp::PeerGroup {
    std::int64_t rank() const override { return 0; }
    std::int64_t size() const override { return 2; }
    void sum(at::Tensor&) override {}
    void max(at::Tensor&) override {}
    void gather(const at::Tensor& own, at::Tensor& all) override {
      all = at::cat({own, others.at(next++)});
    }
    std::vector<std::vector<std::byte>> gather(const std::vector<std::byte>& own) override {
      return {own, own};
    }
    void broadcast(at::Tensor&) override {}
    void barrier() override {}
    std::vector<at::Tensor> others;  // of rank 1, in the order of the calls
    std::size_t next = 0;
  };
  Pairs mine(2, 6, 1), theirs(2, 6, 2);
  for (Pairs* pairs : {&mine, &theirs}) pairs->with_momentum();
  ImageTextContrastive one({.queue_size = 9}, vlp::Machine{}, vlp::Facts{}),
      first_of_two({.queue_size = 9}, vlp::Machine{}, vlp::Facts{});
  for (const Pairs* pairs : {&mine, &theirs}) {
    vlp::Forward pass = pairs->training();
    (void)one(pass);
  }
  one.end_update({});
  vlp::Forward pass = mine.training();
  (void)first_of_two(pass);
  const auto two = std::make_shared<Two>();
  two->others = {theirs.image_m, theirs.text_m, theirs.batch.image_index};
  first_of_two.end_update(vlp::Peers(two));
  BOOST_TEST(same_queues(state_of(one), state_of(first_of_two)));
}

BOOST_AUTO_TEST_CASE(a_batch_of_one_is_evaluated) {
  Pairs pairs(1);
  pairs.with_momentum();
  BOOST_TEST(value_of(kPlain, pairs.evaluation()).total.item<double>() == 0);
  BOOST_TEST(value_of({.queue_size = 0}, pairs.evaluation()).total.item<double>() == 0);
  BOOST_TEST(value_of({.queue_size = 3}, pairs.evaluation()).total.item<double>() > 0);
}

BOOST_AUTO_TEST_CASE(embeddings_in_half_precision_are_compared_in_float32) {
  for (const vlp::Precision precision : {vlp::Precision::bf16, vlp::Precision::fp16}) {
    const at::ScalarType half = precision == vlp::Precision::bf16 ? at::kBFloat16 : at::kHalf;
    Pairs pairs(4, 8, 2, at::kFloat);
    pairs.with_momentum();
    const at::Tensor image = vlp_test::unit_rows(pairs.image).to(half),
                     text = vlp_test::unit_rows(pairs.text).to(half);
    const Options options{.queue_size = 6};
    pairs.parts.set<vlp::ImageEmbeddings>([&](const at::Tensor&) { return image; });
    pairs.parts.set<vlp::TextEmbeddings>(
        [&](const at::Tensor&, const at::Tensor&) { return text; });
    at::Tensor total, exact;
    {
      const vlp::Autocast autocast(precision, {});
      total = value_of(options, pairs.training()).total;
    }
    pairs.parts.set<vlp::ImageEmbeddings>([&](const at::Tensor&) { return image.to(at::kFloat); });
    pairs.parts.set<vlp::TextEmbeddings>(
        [&](const at::Tensor&, const at::Tensor&) { return text.to(at::kFloat); });
    exact = value_of(options, pairs.training()).total;
    BOOST_TEST(total.scalar_type() == at::kFloat);
    BOOST_TEST(vlp_test::float32_distance(total.item<double>(), exact.item<double>()) <
               kHalfPrecision);
  }
}

BOOST_AUTO_TEST_CASE(a_saved_loss_goes_on_bit_by_bit) {
  Pairs pairs(3, 6, 1, at::kFloat);
  pairs.with_momentum();
  const auto step = [&](ImageTextContrastive& loss) {
    vlp::Forward pass = pairs.training();
    const float value = loss(pass).total.item<float>();
    loss.end_update({});
    return value;
  };
  ImageTextContrastive loss({.queue_size = 5}, vlp::Machine{}, vlp::Facts{});
  vlp::Facts other_seed;
  other_seed.seeds = vlp::RandomStream(99);
  ImageTextContrastive fresh({.queue_size = 5}, vlp::Machine{}, other_seed);
  (void)step(loss);
  fresh.load(state_of(loss));
  for (int i = 0; i < 3; ++i) BOOST_TEST(step(fresh) == step(loss));
  BOOST_TEST(same_queues(state_of(fresh), state_of(loss)));
}

BOOST_AUTO_TEST_SUITE_END()
