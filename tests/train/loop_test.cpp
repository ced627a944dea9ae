// The loop over epochs: how many updates, which of them are logged, over what, and what comes
// between two.

#include "vlp/train/loop.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>
#include <boost/test/unit_test.hpp>

#include "plugins/optimizer/adamw.hpp"
#include "tests/support/messages.hpp"
#include "tests/support/peer_threads.hpp"
#include "tests/support/words.hpp"

namespace {

struct DotImpl : torch::nn::Module {
  DotImpl() { linear = register_module("linear", torch::nn::Linear(24, 1)); }
  [[nodiscard]] static constexpr vlp::Parts serves() { return vlp::Parts::of<vlp::ImageStates>(); }
  at::Tensor image_states(const at::Tensor& pixels) {
    return linear(pixels.flatten(1)).unsqueeze(1);
  }
  torch::nn::Linear linear{nullptr};
};
TORCH_MODULE(Dot);

/// The number of its call, so that means over updates are known; infinite if that is negative.
struct Counting {
  static constexpr vlp::Parts needs = vlp::Parts::of<vlp::ImageStates>();
  vlp::LossValue operator()(vlp::Forward& pass) {
    const double value =
        ++calls < 0 ? std::numeric_limits<double>::infinity() : static_cast<double>(calls);
    const at::Tensor total = pass.image_states().mean() * 0 + value;
    return {total, {{"calls", total.detach()}}};
  }
  std::int64_t calls = 0;
};

/// No number from the fourth update on.
struct Failing {
  static constexpr vlp::Parts needs = vlp::Parts::of<vlp::ImageStates>();
  vlp::LossValue operator()(vlp::Forward& pass) const {
    const at::Tensor mean = pass.image_states().mean();
    return {pass.training()->step >= 3 ? (mean - 1e6).log() : mean, {}};
  }
};

/// Ten images with one caption each, in batches of two: five micro-batches an epoch.
struct Loop {
  std::vector<vlp::ImageRecord> records;
  vlp::Pipeline transforms{
      .images = {vlp::AnyTransform(
          [](const at::Tensor& image, vlp::RandomStream&) { return image.to(at::kFloat); })},
      .texts = {}};
  vlp::AnyTokenizer tokenizer{vlp::test::Words{}};
  std::string prompt;
  vlp::TrainOptions options{.epochs = 2, .accumulation = 1, .log_every = 2};
  std::vector<vlp::LogLine> lines;
  std::vector<std::pair<std::int64_t, std::int64_t>> epochs;  // that are over, and the updates done
  std::vector<std::int64_t> between;                          // updates behind which calls came
  std::int64_t ends_behind = 0;                               // the update; 0 = none
  std::chrono::milliseconds rest{0};                          // that each call takes

  std::int64_t saved_behind = 0;  // the update
  vlp::State saved;

  Loop() {
    for (int i = 0; i < 10; ++i) records.push_back({std::to_string(i), std::to_string(i), {"w1"}});
  }
  std::vector<vlp::NonFiniteUpdate> explained;
  /// @param from   a state that an earlier run has saved
  /// @param calls  of the loss until then
  void run(const vlp::State* from = nullptr, std::int64_t calls = 0) {
    run_with(Counting{calls}, from);
  }
  template <class L>
  void run_with(L loss, const vlp::State* from = nullptr) {
    vlp::LoaderOptions loading{.batch_size = 2, .drop_last = true};
    loading.decode = [](const std::filesystem::path&) { return at::ones({3, 2, 4}, at::kByte); };
    vlp::Loader loader(records, vlp::CaptionsPerImage::one, {transforms, tokenizer, prompt},
                       loading, vlp::Context{});
    const vlp::LoopLength length = vlp::loop_length(loader.batches_per_epoch(), options);
    vlp::Trainer trainer(Dot(), std::move(loss), vlp::AdamW(vlp::AdamW::Options{}),
                         {.total_steps = length.total_steps, .skipped_limit = 1}, vlp::Context{});
    vlp::LoopPosition at;
    if (from) {
      trainer.load(*from);
      loader.load(from->prefixed("loader"));
      at.load(from->prefixed("loop"), trainer.device());
    }
    const auto save = [&](const vlp::LoopPosition& now) {
      if (trainer.steps_done() != saved_behind) return;
      trainer.save(saved);
      vlp::State of_loader = saved.prefixed("loader"), of_loop = saved.prefixed("loop");
      loader.save(of_loader);
      now.save(of_loop);
    };
    vlp::train_epochs(trainer, loader, options,
                      {.on_log = [&](const vlp::LogLine& line) { lines.push_back(line); },
                       .on_update = save,
                       .between_updates =
                           [&](const vlp::LoopPosition& now) {
                             between.push_back(trainer.steps_done());
                             if (now.epoch_done) epochs.emplace_back(now.epoch, between.back());
                             std::this_thread::sleep_for(rest);
                           },
                       .ends_early = [&] { return trainer.steps_done() == ends_behind; },
                       .on_non_finite =
                           [&](const vlp::NonFiniteUpdate& update) {
                             explained.push_back(update);
                             return std::string("somewhere");
                           }},
                      at);
  }

  /// One of several processes: four updates of its batches, in order.
  void train(Dot model, Counting loss, const vlp::Context& ctx, std::vector<vlp::LogLine>& seen,
             bool full_disk = false) const {
    vlp::LoaderOptions loading{.batch_size = 2, .drop_last = true};
    loading.share = {ctx.machine.peers.rank(), ctx.machine.peers.size(), 1};
    loading.decode = [this](const std::filesystem::path& file) {
      if (!broken.empty() && file == broken) throw vlp::DataError("broken");
      return at::ones({3, 2, 4}, at::kByte);
    };
    vlp::Loader loader(records, vlp::CaptionsPerImage::one, {transforms, tokenizer, prompt},
                       loading, ctx);
    vlp::Trainer trainer(model, std::move(loss), vlp::AdamW(vlp::AdamW::Options{}),
                         {.total_steps = 4, .skipped_limit = 1}, ctx);
    vlp::train_epochs(trainer, loader, options, {.on_log = [&](const vlp::LogLine& line) {
                        if (full_disk) throw vlp::DataError("log.jsonl: can't be written");
                        seen.push_back(line);
                      }});
  }
  /// One of several processes, which keeps its lines.
  /// @param from   a state that an earlier run has saved; null = it saves one itself, behind the
  ///               second update, which is the first process's
  /// @param calls  of the loss until then
  void train_or_go_on(const vlp::Context& ctx, const vlp::State* from, std::int64_t calls,
                      std::vector<vlp::LogLine>& seen) {
    const vlp::Peers& peers = ctx.machine.peers;
    vlp::LoaderOptions loading{.batch_size = 2, .drop_last = true};
    loading.share = {peers.rank(), peers.size(), 1};
    loading.decode = [](const std::filesystem::path&) { return at::ones({3, 2, 4}, at::kByte); };
    vlp::Loader loader(records, vlp::CaptionsPerImage::one, {transforms, tokenizer, prompt},
                       loading, ctx);
    vlp::Trainer trainer(Dot(), Counting{calls}, vlp::AdamW(vlp::AdamW::Options{}),
                         {.total_steps = 4}, ctx);
    vlp::LoopPosition at;
    if (from) {
      trainer.load(*from);
      loader.load(from->prefixed("loader"));
      at.load(from->prefixed("loop"), trainer.device(), peers.rank());
    }
    const auto save = [&](const vlp::LoopPosition& now) {
      if (from || trainer.steps_done() != 2) return;
      const vlp::LoopPosition all = now.with_others(peers);
      if (!peers.first()) return;
      trainer.save(saved);
      vlp::State of_loader = saved.prefixed("loader"), of_loop = saved.prefixed("loop");
      loader.save(of_loader);
      all.save(of_loop);
    };
    vlp::train_epochs(
        trainer, loader, options,
        {.on_log = [&](const vlp::LogLine& line) { seen.push_back(line); }, .on_update = save}, at);
  }
  /// Two processes, each with a model of its own.
  static void for_two(const std::function<void(std::size_t, Dot, const vlp::Context&)>& work) {
    std::vector<Dot> models{Dot(), Dot()};
    vlp_test::run_together(2, [&](const vlp::Peers& peers) {
      vlp::Context ctx;
      ctx.machine.peers = peers;
      const auto rank = static_cast<std::size_t>(peers.rank());
      work(rank, models[rank], ctx);
    });
  }
  std::filesystem::path broken;  // a file that can't be read
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(loop, Loop)

BOOST_AUTO_TEST_CASE(lines_come_after_the_first_the_last_and_every_few_updates_over_their_window) {
  run();
  std::vector<std::int64_t> steps;
  for (const vlp::LogLine& line : lines) steps.push_back(line.step);
  BOOST_TEST(steps == (std::vector<std::int64_t>{1, 3, 5, 7, 9, 10}),
             boost::test_tools::per_element());
  BOOST_TEST(lines[0].loss == 1.0);
  BOOST_TEST(lines[1].loss == 2.5);  // updates 2 and 3
  BOOST_TEST(lines[1].losses.at(0).second == 2.5);
  BOOST_TEST(lines[4].loss == 8.5);
  BOOST_TEST(lines[5].loss == 10.0);
  BOOST_TEST(lines[3].epoch == 2);
  BOOST_TEST(lines[3].epochs == 2);
  BOOST_TEST(lines[3].steps == 10);
  BOOST_TEST(lines[5].seconds_left == 0.0);
  for (const vlp::LogLine& line : lines) BOOST_TEST(line.samples_per_s > 0);
}

BOOST_AUTO_TEST_CASE(epochs_end_with_their_updates_and_the_last_one_may_be_cut) {
  run();
  BOOST_TEST((epochs == std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 5}, {2, 10}}));
  epochs.clear();
  options.max_steps = 7;
  run();
  BOOST_TEST((epochs == std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 5}, {2, 7}}));
}

BOOST_AUTO_TEST_CASE(a_call_comes_between_any_two_updates_and_first_where_a_loop_goes_on) {
  run();
  BOOST_TEST(between == (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}),
             boost::test_tools::per_element());
  for (const std::int64_t update : {3, 5, 10}) {
    saved_behind = update;
    run();
    const vlp::State from = std::exchange(saved, {});
    saved_behind = 0;
    between.clear();
    run(&from, update);
    std::vector<std::int64_t> expected;
    for (std::int64_t step = update; step <= 10; ++step) expected.push_back(step);
    BOOST_TEST(between == expected, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(training_can_end_between_any_two_updates) {
  for (const std::int64_t update : {3, 5, 7}) {
    lines.clear();
    between.clear();
    ends_behind = update;
    run();
    BOOST_TEST(between.back() == update);
    BOOST_TEST(lines.back().step == update);
  }
}

BOOST_AUTO_TEST_CASE(no_line_counts_the_time_between_updates) {
  rest = std::chrono::milliseconds(400);
  options.max_steps = 3;
  run();
  BOOST_TEST_REQUIRE(lines.size() == 2U);
  BOOST_TEST(lines[1].samples_per_s > 4 / 0.4);  // four pairs, and a call between them
}

BOOST_AUTO_TEST_CASE(a_loop_that_goes_on_writes_the_lines_and_ends_the_epochs_that_are_left) {
  for (const std::int64_t update : {2, 4, 5, 10}) {  // within a window; at the end of an epoch
    lines.clear();
    epochs.clear();
    saved_behind = update;
    run();
    const auto all_lines = std::exchange(lines, {});
    const auto all_epochs = std::exchange(epochs, {});
    const vlp::State from = std::exchange(saved, {});
    saved_behind = 0;
    run(&from, update);
    BOOST_TEST_CONTEXT("from update " << update) {
      std::vector<double> losses, expected;
      for (const vlp::LogLine& line : lines) losses.push_back(line.loss);
      for (const vlp::LogLine& line : all_lines)
        if (line.step > update) expected.push_back(line.loss);
      BOOST_TEST(losses == expected, boost::test_tools::per_element());
      BOOST_TEST(epochs.size() == (update <= 5 ? 2U : 1U));
      BOOST_TEST((epochs.back() == all_epochs.back()));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_last_update_of_an_epoch_may_have_fewer_micro_batches) {
  options.accumulation = 2;
  options.epochs = 1;
  options.log_every = 1;
  run();
  BOOST_TEST(lines.size() == 3U);
  BOOST_TEST(lines[0].loss == 1.5);
  BOOST_TEST(lines[2].loss == 5.0);  // alone
}

BOOST_AUTO_TEST_CASE(an_update_without_a_number_is_done_again_and_ends_the_run) {
  options.log_every = 4;  // the fourth update is seen at the fifth
  const std::string message =
      vlp_test::message_of<vlp::NonFiniteError>([&] { run_with(Failing{}); });
  BOOST_TEST(
      vlp_test::contains(message,
                         "step 4: the loss or its gradient is not finite. Done again, the first "
                         "tensor of the forward pass that isn't finite comes from linear ("),
      message);
  BOOST_TEST(
      vlp_test::contains(message, "log): [] Float, 1 of 1 not finite (nan 1); its inputs: []"),
      message);
  BOOST_TEST(vlp_test::contains(message, "Batch and weights are in somewhere."), message);
  BOOST_TEST_REQUIRE(explained.size() == 1U);
  BOOST_TEST(explained[0].step == 3);
  BOOST_TEST(explained[0].batch.image_ids.size() == 2U);
  BOOST_TEST_REQUIRE(lines.size() == 1U);
  BOOST_TEST(lines[0].skipped == 0);
  BOOST_TEST(!lines[0].scale.has_value());
}

BOOST_AUTO_TEST_CASE(lines_of_two_processes_tell_of_both) {
  std::vector<std::vector<vlp::LogLine>> all(2);
  for_two([&](std::size_t rank, Dot model, const vlp::Context& ctx) {
    train(model, Counting{static_cast<std::int64_t>(rank) * 10}, ctx, all[rank]);
  });
  BOOST_TEST_REQUIRE(all[0].size() == 3U);  // four updates: after 1, 3 and 4
  for (const auto& of_one : all) {
    BOOST_TEST(of_one.size() == 3U);
    BOOST_TEST(of_one[0].loss == (1 + 11) / 2.0);
    BOOST_TEST(of_one[1].loss == (2.5 + 12.5) / 2);
    BOOST_TEST(of_one[1].losses.at(0).second == (2.5 + 12.5) / 2);
    BOOST_TEST(of_one[2].loss == (4 + 14) / 2.0);
  }
  for (std::size_t i = 0; i < 3; ++i)
    BOOST_TEST(all[0][i].samples_per_s == all[1][i].samples_per_s);
}

BOOST_AUTO_TEST_CASE(two_processes_that_go_on_within_a_window_each_have_their_part_of_it) {
  const auto trained = [&](const vlp::State* from, std::int64_t calls) {
    std::vector<std::vector<vlp::LogLine>> all(2);
    for_two([&](std::size_t rank, const Dot&, const vlp::Context& ctx) {
      train_or_go_on(ctx, from, static_cast<std::int64_t>(rank) * 10 + calls, all[rank]);
    });
    return all;
  };
  const auto whole = trained(nullptr, 0);
  const auto later = trained(&saved, 2);
  BOOST_TEST_REQUIRE(whole[0].size() == 3U);  // four updates: after 1, 3 and 4
  BOOST_TEST(whole[0][1].loss == (2.5 + 12.5) / 2);
  for (std::size_t rank = 0; rank < 2; ++rank) {
    BOOST_TEST_REQUIRE(later[rank].size() == 2U);
    for (std::size_t i = 0; i < 2; ++i) {
      BOOST_TEST(later[rank][i].step == whole[rank][i + 1].step);
      BOOST_TEST(later[rank][i].loss == whole[rank][i + 1].loss);
      BOOST_TEST((later[rank][i].losses == whole[rank][i + 1].losses));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_window_without_that_of_a_process_gives_it_the_first_ones) {
  vlp::LoopPosition position;
  const auto add = [](vlp::LogWindow& window, float loss) {
    window.add(
        {.loss = at::scalar_tensor(loss), .parts = {}, .grad_norm = at::scalar_tensor(1.0F)});
  };
  add(position.window, 3);
  vlp::LogWindow second;
  add(second, 5);
  vlp::State of_second, state;
  second.save(of_second);
  position.others.push_back(of_second);
  position.save(state);
  const auto loss_of = [&](std::int64_t rank) {
    vlp::LoopPosition back;
    back.load(state, at::kCPU, rank);
    return back.window.close({}).loss;
  };
  BOOST_TEST(loss_of(0) == 3.0);
  BOOST_TEST(loss_of(1) == 5.0);
  BOOST_TEST(loss_of(2) == 3.0);
}

BOOST_AUTO_TEST_CASE(a_loss_that_is_not_finite_in_one_process_ends_both) {
  std::vector<std::string> told(2);
  for_two([&](std::size_t rank, Dot model, const vlp::Context& ctx) {
    std::vector<vlp::LogLine> seen;
    try {
      train(model, Counting{rank == 1 ? std::numeric_limits<std::int64_t>::min() : 0}, ctx, seen);
    } catch (const vlp::NonFiniteError& error) {
      told[rank] = error.what();
    } catch (const vlp::PeerError& error) {
      told[rank] = error.what();
    }
    BOOST_TEST(seen.empty());
  });
  BOOST_TEST(told[1].starts_with("step 1: the loss or its gradient is not finite. Done again, "));
  BOOST_TEST(told[0] == "process 1 (of 0 to 1): " + told[1]);
}

BOOST_AUTO_TEST_CASE(a_broken_image_or_a_full_disk_of_one_process_ends_both) {
  broken = "6";  // the second process's second batch
  const auto messages = [&](bool full_disk) {
    std::vector<std::string> told(2);
    for_two([&](std::size_t rank, Dot model, const vlp::Context& ctx) {
      std::vector<vlp::LogLine> seen;
      try {
        train(model, Counting{}, ctx, seen, full_disk && rank == 0);
      } catch (const vlp::Error& error) {
        told[rank] = error.what();
      }
    });
    return told;
  };
  const std::vector<std::string> of_image = messages(false);
  BOOST_TEST(of_image[1].starts_with("image '6': "));
  BOOST_TEST(of_image[0] == "process 1 (of 0 to 1): " + of_image[1]);
  broken.clear();
  const std::vector<std::string> of_disk = messages(true);
  BOOST_TEST(of_disk[0] == "log.jsonl: can't be written");
  BOOST_TEST(of_disk[1] == "process 0 (of 0 to 1): log.jsonl: can't be written");
}

BOOST_AUTO_TEST_SUITE_END()
