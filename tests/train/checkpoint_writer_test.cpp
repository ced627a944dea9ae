// Checkpoints that are written while something else goes on. A latch holds the writing thread.

#include "vlp/train/checkpoint_writer.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <latch>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"
#include "vlp/concepts/tensor_state.hpp"

namespace checkpoint_writer_test {

namespace fs = std::filesystem;
using Steps = std::vector<std::int64_t>;

struct Writing : ScratchFolder {
  fs::path folder = path / "checkpoints";
  vlp::Checkpoints checkpoints{folder, {}};
  vlp::CheckpointWriter writer{checkpoints, 2};

  static vlp::NewCheckpoint of(std::int64_t step, std::function<void()> before = {}) {
    vlp::NewCheckpoint made{.step = step, .epoch = 1, .recipe = "[run]\n"};
    made.state.put("step", step);
    vlp::put_tensor(made.state, "model.w", at::full({2}, static_cast<double>(step)));
    made.before = std::move(before);
    return made;
  }
  void write(vlp::NewCheckpoint checkpoint) {
    writer.start(std::move(checkpoint));
    writer.wait();
  }
};

}  // namespace checkpoint_writer_test

BOOST_FIXTURE_TEST_SUITE(checkpoint_writer, checkpoint_writer_test::Writing)

BOOST_AUTO_TEST_CASE(it_writes_the_state_of_then_while_the_tensors_change) {
  using checkpoint_writer_test::Steps;
  at::Tensor w = at::ones({3});
  std::latch open(1);
  vlp::NewCheckpoint checkpoint = of(5, [&] { open.wait(); });
  vlp::put_tensor(checkpoint.state, "model.w", w);
  vlp::put_tensor(checkpoint.state, "optimizer.w", w);
  BOOST_TEST(!writer.step().has_value());
  writer.start(std::move(checkpoint));
  w.fill_(7);  // the next update
  BOOST_TEST(writer.step().value() == 5);
  BOOST_TEST(!writer.done());
  BOOST_TEST(checkpoints.steps().empty());
  BOOST_CHECK_THROW(writer.start(of(6)), vlp::ContractError);
  open.count_down();
  writer.wait();
  BOOST_TEST(writer.done());
  BOOST_TEST(!writer.step().has_value());
  BOOST_TEST(checkpoints.steps() == Steps{5}, boost::test_tools::per_element());
  BOOST_TEST(vlp::checkpoint_damage(folder / "step-00000005") == "");
  const vlp::State back = vlp::read_checkpoint(folder / "step-00000005");
  for (const char* name : {"model.w", "optimizer.w"})
    BOOST_TEST(vlp::get_tensor(back, name).equal(at::ones({3})), name);
}

BOOST_AUTO_TEST_CASE(what_the_state_counts_on_comes_first) {
  bool there = true;
  write(of(1, [&] { there = !checkpoints.steps().empty(); }));
  BOOST_TEST(!there);
  writer.start(of(2, [] { throw vlp::DiskError("log.jsonl: no room."); }));
  BOOST_CHECK_EXCEPTION(writer.wait(), vlp::DiskError, vlp_test::says("log.jsonl: no room."));
  BOOST_TEST(checkpoints.steps() == checkpoint_writer_test::Steps{1},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_failure_is_told_once_and_the_next_is_written) {
  using checkpoint_writer_test::Steps;
  write(of(1));
  write(of(2));
  vlp::NewCheckpoint broken = of(3);
  broken.state.put("text", std::string("\xff"));  // not UTF-8: fails behind model.safetensors
  writer.start(std::move(broken));
  BOOST_TEST(writer.step().value() == 3);
  BOOST_CHECK_THROW(writer.wait(), vlp::WeightsError);
  BOOST_TEST(!writer.step().has_value());
  writer.wait();
  BOOST_TEST(checkpoints.steps() == (Steps{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(std::distance(std::filesystem::directory_iterator(folder), {}) == 2);
  write(of(4));
  BOOST_TEST(checkpoints.steps() == (Steps{2, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_end_waits_for_what_is_being_written) {
  std::latch open(1);
  std::jthread opener;
  {
    vlp::CheckpointWriter short_lived(checkpoints, 2);
    short_lived.start(of(1, [&] { open.wait(); }));
    opener = std::jthread([&] { open.count_down(); });
  }
  BOOST_TEST(checkpoints.steps() == checkpoint_writer_test::Steps{1},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_makes_way_goes_once_the_newer_one_is_whole) {
  using checkpoint_writer_test::Steps;
  for (const std::int64_t step : {3, 6, 7, 9})  // 9: damaged and passed over
    checkpoints.write({{}, step, 1}, of(step).state, "");
  writer.go_on_from(7, /*regular=*/false);
  vlp::NewCheckpoint irregular = of(8);
  irregular.regular = false;
  write(std::move(irregular));
  BOOST_TEST(checkpoints.steps() == (Steps{3, 6, 7, 8, 9}), boost::test_tools::per_element());
  std::latch open(1);
  writer.start(of(12, [&] { open.wait(); }));
  BOOST_TEST(checkpoints.steps() == (Steps{3, 6, 7, 8, 9}), boost::test_tools::per_element());
  open.count_down();
  writer.wait();
  BOOST_TEST(checkpoints.steps() == (Steps{8, 12}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
