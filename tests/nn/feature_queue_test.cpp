#include "vlp/nn/feature_queue.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <ATen/ATen.h>

#include "tests/support/messages.hpp"

BOOST_AUTO_TEST_SUITE(feature_queue)

namespace {

using vlp::FeatureQueue;
using vlp_test::message_of;

constexpr double kUnit = 1e-6;  // a float32 norm of some dozen numbers

FeatureQueue queue_of(std::int64_t size, std::uint64_t seed = 5) {
  return {size, at::kCPU, vlp::RandomStream(seed)};
}

/// Rows first, first + 1, ...: every number says which row it is.
at::Tensor rows(std::int64_t first, std::int64_t count, double scale = 1) {
  return at::arange(first, first + count, at::kFloat).unsqueeze(1).expand({count, 3}) * scale;
}
at::Tensor numbers(std::int64_t first, std::int64_t count) {
  return at::arange(first, first + count, at::kLong);
}

vlp::State state_of(const FeatureQueue& queue) {
  vlp::State state;
  queue.save(state);
  return state;
}

/// Notes that a call makes.
struct Notes {
  std::vector<std::string> texts;
  vlp::Console console{.on_note = [this](std::string_view text) { texts.emplace_back(text); },
                       .on_warning = {},
                       .on_progress = {}};
};

/// What a checkpoint of BLIP's own holds of queues.
vlp::State original_file(std::int64_t width, std::int64_t size, const char* pointer,
                         std::int64_t at, at::ScalarType dtype = at::kFloat) {
  vlp::State state;
  vlp::put_tensor(state, "image_queue", at::full({width, size}, 0.25, dtype));
  vlp::put_tensor(state, "text_queue", at::full({width, size}, -0.25, dtype));
  vlp::put_tensor(state, "idx_queue", at::zeros({1, size}, at::kLong));
  vlp::put_tensor(state, pointer, at::full({1}, at, at::kLong));
  return state;
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_starts_with_unit_columns_from_its_own_stream) {
  at::manual_seed(1);
  FeatureQueue queue = queue_of(40), same = queue_of(40), other = queue_of(40, 6);
  const at::Tensor before = at::rand({3});
  for (FeatureQueue* q : {&queue, &same, &other}) {
    at::manual_seed(1);
    q->open(at::zeros({2, 24}));
    BOOST_TEST(at::rand({3}).equal(before), "torch's own generator was used");
  }
  BOOST_TEST((queue.images().norm(2, {0}) - 1).abs().max().item<double>() < kUnit);
  BOOST_TEST((queue.texts().norm(2, {0}) - 1).abs().max().item<double>() < kUnit);
  BOOST_TEST(queue.images().equal(same.images()));
  BOOST_TEST(queue.texts().equal(same.texts()));
  BOOST_TEST(!queue.images().equal(queue.texts()));
  BOOST_TEST(!queue.images().equal(other.images()));
  BOOST_TEST(queue.image_index().eq(FeatureQueue::kNoImage).all().item<bool>());
  BOOST_TEST(queue.pointer() == 0);
}

BOOST_AUTO_TEST_CASE(batches_of_any_size_replace_the_oldest_entries) {
  constexpr std::int64_t kSize = 7;
  FeatureQueue queue = queue_of(kSize);
  std::vector<std::int64_t> expected(kSize, FeatureQueue::kNoImage);
  std::int64_t next = 0;
  for (const std::int64_t batch : {3, 3, 3, 7, 1, 0, 9, 20, 5, 14}) {
    queue.push(rows(next, batch), rows(next, batch, -1), numbers(next, batch));
    for (std::int64_t i = 0; i < batch; ++i)
      expected[static_cast<std::size_t>((next + i) % kSize)] = next + i;
    next += batch;
    BOOST_TEST(queue.pointer() == next % kSize);
    for (std::int64_t column = 0; column < kSize; ++column) {
      const std::int64_t row = expected[static_cast<std::size_t>(column)];
      BOOST_TEST(queue.image_index()[column].item<std::int64_t>() == row);
      if (row < 0) continue;
      BOOST_TEST(queue.images().select(1, column).eq(static_cast<double>(row)).all().item<bool>());
      BOOST_TEST(queue.texts().select(1, column).eq(static_cast<double>(-row)).all().item<bool>());
    }
  }
}

BOOST_AUTO_TEST_CASE(entries_hold_no_graph_and_take_the_precision_of_the_features) {
  FeatureQueue single = queue_of(4), wide = queue_of(4);
  single.push(at::ones({2, 3}, at::kHalf), at::ones({2, 3}, at::kHalf), {});
  wide.push(at::ones({2, 3}, at::kDouble).set_requires_grad(true), at::ones({2, 3}, at::kDouble),
            {});
  BOOST_TEST(single.images().scalar_type() == at::kFloat);
  BOOST_TEST(wide.images().scalar_type() == at::kDouble);
  BOOST_TEST(!wide.images().requires_grad());
}

BOOST_AUTO_TEST_CASE(images_without_numbers_equal_none) {
  FeatureQueue queue = queue_of(4);
  queue.push(rows(0, 4), rows(0, 4), numbers(0, 4));
  queue.push(rows(0, 2), rows(0, 2), {});
  BOOST_TEST(queue.image_index().equal(at::tensor({-100, -100, 2, 3}, at::kLong)));
}

BOOST_AUTO_TEST_CASE(a_queue_of_size_zero_holds_and_saves_nothing) {
  FeatureQueue queue = queue_of(0);
  queue.push(rows(0, 4), rows(0, 4), numbers(0, 4));
  queue.open(rows(0, 4));
  BOOST_TEST(!queue.images().defined());
  BOOST_TEST(state_of(queue).entries().empty());
  queue.load(vlp::State());
}

BOOST_AUTO_TEST_CASE(a_saved_queue_goes_on_where_it_was) {
  FeatureQueue queue = queue_of(7), fresh = queue_of(7, 99);
  queue.push(rows(0, 5), rows(0, 5), numbers(0, 5));
  const vlp::State state = state_of(queue);
  BOOST_TEST(state.tensor("idx_queue").shape == (std::vector<std::int64_t>{1, 7}),
             boost::test_tools::per_element());
  fresh.load(state);
  for (FeatureQueue* q : {&queue, &fresh}) q->push(rows(5, 5), rows(5, 5, -1), numbers(5, 5));
  BOOST_TEST(fresh.images().equal(queue.images()));
  BOOST_TEST(fresh.texts().equal(queue.texts()));
  BOOST_TEST(fresh.image_index().equal(queue.image_index()));
  BOOST_TEST(fresh.pointer() == queue.pointer());
}

BOOST_AUTO_TEST_CASE(a_state_saved_before_the_first_use_makes_a_new_queue) {
  FeatureQueue used = queue_of(4), fresh = queue_of(4);
  used.push(rows(0, 2), rows(0, 2), numbers(0, 2));
  used.load(state_of(fresh));
  for (FeatureQueue* queue : {&used, &fresh}) queue->open(rows(0, 1));
  BOOST_TEST(used.images().equal(fresh.images()));
  BOOST_TEST(used.pointer() == 0);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  FeatureQueue queue = queue_of(4);
  queue.open(rows(0, 1));
  BOOST_TEST(message_of<vlp::Error>([&] { queue.open(at::zeros({1, 5})); }) ==
             "feature queue: its entries don't fit the embeddings (got 3 numbers an entry, "
             "expected 5, the model's). Keep the model's "
             "embedding_width.");
  BOOST_TEST(message_of<vlp::Error>([&] { queue.push(rows(0, 2), rows(0, 3), {}); }) ==
             "feature queue: images, texts and their numbers must be one each (got 2, 3 and 2). "
             "Push the two embeddings of the same pairs.");
  FeatureQueue longer = queue_of(5);
  BOOST_TEST(message_of<vlp::Error>([&] { longer.load(state_of(queue)); }) ==
             "checkpoint: the feature queue doesn't fit (got 4 entries of 3 numbers, expected 5 "
             "entries). Resume with the recipe that wrote "
             "it.");
}

BOOST_AUTO_TEST_CASE(a_warm_start_takes_queues_and_pointer_and_forgets_image_numbers) {
  for (const char* pointer : {"queue_ptr", "ptr_queue"})
    for (const at::ScalarType dtype : {at::kFloat, at::kHalf}) {
      Notes notes;
      FeatureQueue queue = queue_of(6);
      queue.warm_start(original_file(3, 6, pointer, 4, dtype), notes.console);
      queue.open(rows(0, 1), notes.console);
      BOOST_TEST(queue.images().eq(0.25).all().item<bool>());
      BOOST_TEST(queue.texts().eq(-0.25).all().item<bool>());
      BOOST_TEST(queue.images().scalar_type() == at::kFloat);
      BOOST_TEST(queue.image_index().eq(FeatureQueue::kNoImage).all().item<bool>());
      BOOST_TEST(queue.pointer() == 4);
      BOOST_TEST(notes.texts.size() == 1U);
      BOOST_TEST(notes.texts.at(0) ==
                 "feature queue: starts with the weights' 6 entries of 3 numbers");
    }
}

BOOST_AUTO_TEST_CASE(queues_of_another_size_or_width_are_noted_and_not_taken) {
  Notes notes;
  FeatureQueue shorter = queue_of(5), other_width = queue_of(6), random_short = queue_of(5),
               random_wide = queue_of(6);
  shorter.warm_start(original_file(3, 6, "queue_ptr", 4), notes.console);
  BOOST_TEST(notes.texts.at(0) ==
             "feature queue: the weights' queues are not taken over (got 6 entries of 3 numbers, "
             "expected 5 entries); it starts with random "
             "entries");
  other_width.warm_start(original_file(8, 6, "queue_ptr", 4), notes.console);
  other_width.open(rows(0, 1), notes.console);
  BOOST_TEST(notes.texts.at(2) ==
             "feature queue: the weights' queues don't fit the embeddings (got 8 numbers an entry, "
             "expected 3, the model's); it starts with "
             "random entries");
  shorter.open(rows(0, 1));
  random_short.open(rows(0, 1));
  random_wide.open(rows(0, 1));
  BOOST_TEST(shorter.images().equal(random_short.images()));
  BOOST_TEST(other_width.images().equal(random_wide.images()));
  BOOST_TEST(other_width.pointer() == 0);
}

BOOST_AUTO_TEST_CASE(a_file_without_queues_or_with_a_pointer_beyond_them_changes_little) {
  Notes notes;
  FeatureQueue queue = queue_of(6);
  queue.warm_start(vlp::State(), notes.console);
  BOOST_TEST(notes.texts.empty());
  queue.warm_start(original_file(3, 6, "queue_ptr", 6), notes.console);
  BOOST_TEST(queue.pointer() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
