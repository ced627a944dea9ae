// Updates that change nothing because a gradient isn't finite.

#include "vlp/train/skips.hpp"

#include <cstdint>
#include <limits>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>
#include <boost/test/unit_test.hpp>

#include "plugins/optimizer/adamw.hpp"
#include "vlp/train/trainer.hpp"

BOOST_AUTO_TEST_SUITE(skips)

namespace {

/// A line through four numbers.
class SlopeImpl : public torch::nn::Module {
 public:
  SlopeImpl() {
    at::manual_seed(3);
    linear = register_module("linear", torch::nn::Linear(4, 2));
  }
  at::Tensor image_states(const at::Tensor& pixels) {
    return linear(pixels.flatten(1)).unsqueeze(1);
  }
  torch::nn::Linear linear{nullptr};
};
TORCH_MODULE(Slope);

struct Height {
  static constexpr vlp::Parts needs = vlp::Parts::of<vlp::ImageStates>();
  vlp::LossValue operator()(vlp::Forward& pass) const {
    return {pass.image_states().to(at::kFloat).mean(), {}};
  }
};

vlp::Batch batch_of(float value) {
  vlp::Batch batch;
  batch.pixels = at::full({2, 1, 2, 2}, value);
  return batch;
}
const float kHuge = std::numeric_limits<float>::infinity();

struct Run {
  std::vector<std::int64_t> positions;
  Slope model;
  vlp::Trainer<Slope, Height> trainer;

  explicit Run(std::int64_t limit)
      : trainer(model, Height{}, vlp::AdamW(vlp::AdamW::Options{.lr = 0.1}),
                {.schedule = vlp::AnySchedule([this](const vlp::SchedulePosition& at) {
                   positions.push_back(at.step);
                   return 1.0;
                 }),
                 .total_steps = 100,
                 .skipped_limit = limit},
                half()) {}
  static vlp::Context half() {
    vlp::Context ctx;
    ctx.machine.precision = vlp::Precision::fp16;
    return ctx;
  }
  void steps(const std::vector<float>& values) {
    for (const float value : values) (void)trainer.step(batch_of(value));
  }
  [[nodiscard]] at::Tensor weights() const { return model->linear->weight.detach().clone(); }
};

using Positions = std::vector<std::int64_t>;

}  // namespace

BOOST_AUTO_TEST_CASE(skipped_updates_are_counted_and_those_in_a_row) {
  vlp::SkipCounter counter(0, at::kCPU);
  for (const bool bad : {true, false, true, true})
    BOOST_TEST(counter.add(at::scalar_tensor(bad, at::kBool), 0).item<float>() == (bad ? 1 : 0));
  const vlp::Skips found = counter.read();
  BOOST_TEST(found.skipped == 3);
  BOOST_TEST(found.in_row == 2);
  BOOST_TEST(found.stopped_at == -1);
}

BOOST_AUTO_TEST_CASE(with_too_many_in_a_row_everything_stops_and_the_count_stays) {
  vlp::SkipCounter counter(2, at::kCPU);
  std::vector<float> skipped;
  std::int64_t step = 10;
  for (const bool bad : {true, false, true, true, false, true})
    skipped.push_back(counter.add(at::scalar_tensor(bad, at::kBool), step++).item<float>());
  BOOST_TEST(skipped == (std::vector<float>{1, 0, 1, 1, 1, 1}), boost::test_tools::per_element());
  const vlp::Skips found = counter.read();
  BOOST_TEST(found.skipped == 3);
  BOOST_TEST(found.stopped_at == 13);
}

BOOST_AUTO_TEST_CASE(the_schedule_goes_back_by_what_was_skipped_once_that_is_known) {
  Run run(0);
  run.steps({1, kHuge, kHuge, 1});
  BOOST_TEST(run.positions == (Positions{0, 1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(run.trainer.read_skips().skipped == 2);
  run.positions.clear();
  run.steps({1, 1});
  BOOST_TEST(run.positions == (Positions{2, 3}), boost::test_tools::per_element());
  BOOST_TEST(run.trainer.steps_done() == 6);
  BOOST_TEST(*run.trainer.read_scale() == 65536.0 / 4);
}

BOOST_AUTO_TEST_CASE(behind_the_limit_nothing_changes_any_more) {
  Run run(2);
  run.steps({1, kHuge, kHuge});
  const at::Tensor before = run.weights();
  run.steps({1, 1});
  BOOST_TEST(run.weights().equal(before));
  BOOST_TEST(run.trainer.read_skips().stopped_at == 2);
}

BOOST_AUTO_TEST_CASE(a_restored_trainer_counts_on) {
  Run run(0), restored(0);
  run.steps({kHuge, 1, kHuge});
  (void)run.trainer.read_skips();
  run.steps({kHuge});  // not known to the schedule yet
  vlp::State state;
  run.trainer.save(state);
  restored.trainer.load(state);
  for (Run* each : {&run, &restored}) {
    each->positions.clear();
    each->steps({1});
    BOOST_TEST(each->positions == (Positions{2}), boost::test_tools::per_element());
    BOOST_TEST(each->trainer.read_skips().skipped == 3);
  }
  BOOST_TEST(run.weights().equal(restored.weights()));
}

BOOST_AUTO_TEST_SUITE_END()
