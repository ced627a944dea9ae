// What must never wait for the GPU: a training step, the copy of a batch from pinned memory, and
// the beginning of copies for a checkpoint. The GPU is given work that takes it long; what returns
// while that work goes on hasn't waited for it.

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>

#include <boost/test/unit_test.hpp>

#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "plugins/loss/lm.hpp"
#include "plugins/optimizer/adamw.hpp"
#include "tests/support/stored_case.hpp"
#include "tests/support/test_device.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/data/to_device.hpp"
#include "vlp/train/trainer.hpp"

BOOST_AUTO_TEST_SUITE(gpu_waiting, *boost::unit_test::precondition(vlp_test::needs_gpu))

namespace {

/// Work in the device's queue, and whether it is still going on.
class LongWork {
 public:
  LongWork() : done_(device().type()) {
    const at::Tensor matrix = at::randn({8192, 8192}, at::TensorOptions().device(device()));
    at::Tensor product = at::empty_like(matrix);
    for (int i = 0; i < 60; ++i)  // a second of a GPU of 2023 in float32
      at::mm_out(product, matrix, matrix);
    const c10::impl::VirtualGuardImpl guard(device().type());
    done_.record(guard.getStream(device()));
  }
  ~LongWork() { done_.synchronize(); }
  LongWork(const LongWork&) = delete;
  LongWork& operator=(const LongWork&) = delete;

  [[nodiscard]] bool going_on() const { return !done_.query(); }

 private:
  static at::Device device() { return vlp_test::test_torch_device(); }

  c10::Event done_;
};

struct Training {
  vlp::OpenedModel opened;
  vlp::TraceInputs inputs;
  vlp::Batch batch;

  Training() : opened(open()) {
    inputs = vlp::read_trace_inputs(parity::root() / kCase / "inputs.safetensors", opened.ctx,
                                    at::kFloat, opened.model.serves());
    batch = inputs.batch(inputs.labels, 0, inputs.labels.size(0));
  }

  [[nodiscard]] auto trainer(vlp::Precision precision) const {
    vlp::Context ctx = opened.ctx;
    ctx.machine.precision = precision;
    return vlp::Trainer(opened.model, vlp::LanguageModelLoss(vlp::LanguageModelLoss::Options{}),
                        vlp::AdamW(vlp::AdamW::Options{.lr = 1e-4}), {.clip_norm = 1.0}, ctx);
  }

 private:
  static constexpr const char* kCase = "caption_untied";

  static vlp::OpenedModel open() {
    vlp::OpenModelArguments arguments;
    arguments.device = vlp_test::test_device().device;
    return vlp::open_model((parity::root() / kCase / "model").string(), parity::registry(),
                           arguments);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_training_step_does_not_wait) {
  const Training training;
  for (const auto precision :
       {vlp::Precision::fp32, vlp::Precision::tf32, vlp::Precision::bf16, vlp::Precision::fp16}) {
    auto trainer = training.trainer(precision);
    for (int i = 0; i < 3; ++i)  // libraries are loaded, memory is reserved
      (void)trainer.step(training.batch).loss.item<double>();
    vlp::StepRecord record;
    {
      const LongWork work;
      record = trainer.step(training.batch);
      BOOST_TEST(work.going_on(), "precision " << static_cast<int>(precision));
    }
    BOOST_TEST(std::isfinite(record.loss.item<double>()));
  }
}

BOOST_AUTO_TEST_CASE(a_copy_from_pinned_memory_does_not_wait) {
  vlp::Batch batch;
  batch.pixels = at::rand({32, 3, 384, 384}).pin_memory();
  (void)vlp::to_device(batch, vlp_test::test_torch_device()).pixels.sum().item<double>();
  vlp::Batch there;
  {
    const LongWork work;
    there = vlp::to_device(batch, vlp_test::test_torch_device());
    BOOST_TEST(work.going_on());
  }
  BOOST_TEST(there.pixels.cpu().equal(batch.pixels));
}

BOOST_AUTO_TEST_CASE(copies_for_a_checkpoint_are_waited_for_together) {
  const auto options = at::TensorOptions().device(vlp_test::test_torch_device());
  const at::Tensor numbers = at::rand({16, 16}, options), transposed = numbers.t(),
                   count = at::full({}, 7, options.dtype(at::kLong));
  const auto copies = std::make_shared<vlp::HostCopies>();
  vlp::State first(copies), state(copies);
  vlp::put_tensor(first, "numbers", numbers);  // memory is page-locked
  copies->wait();
  const at::Tensor expected = numbers.cpu();
  {
    const LongWork work;
    vlp::put_tensor(state, "numbers", numbers);
    vlp::put_tensor(state, "transposed", transposed);
    vlp::put_tensor(state, "count", count);
    BOOST_TEST(work.going_on());
    copies->wait();
    BOOST_TEST(!work.going_on());
  }
  numbers.zero_();
  BOOST_TEST(vlp::get_tensor(state, "numbers").equal(expected));
  BOOST_TEST(vlp::get_tensor(state, "transposed").equal(expected.t()));
  BOOST_TEST(vlp::get_tensor(state, "count").item<std::int64_t>() == 7);
}

/// Without this those above could not fail.
BOOST_AUTO_TEST_CASE(reading_a_number_waits) {
  const at::Tensor one = at::ones({1}, at::TensorOptions().device(vlp_test::test_torch_device()));
  const LongWork work;
  BOOST_TEST(work.going_on());
  (void)(one + 1).item<float>();
  BOOST_TEST(!work.going_on());
}

BOOST_AUTO_TEST_SUITE_END()
