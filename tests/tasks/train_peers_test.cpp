// Training by several processes that end in the midst of it and go on.

#include "vlp/tasks/train.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/peer_threads.hpp"
#include "tests/support/same_run.hpp"
#include "tests/support/tiny_run.hpp"
#include "vlp/core/error.hpp"
#include "vlp/train/checkpoints.hpp"

namespace train_peers_test {

struct Killed : std::runtime_error {
  Killed() : std::runtime_error("killed") {}
};

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

/// From weights and without dropout: LibTorch's generator is one for all threads.
struct SharedTraining : vlp_test::TinyRun {
  /// @param killed_at   the update behind which both processes end as by kill -9
  /// @param stopped_at  the update behind which the second one is asked to end
  /// @return            how each ended: done, killed, or stopped
  std::vector<std::string> train(const std::string& out, std::int64_t killed_at = kNever,
                                 std::int64_t stopped_at = kNever) const {
    const vlp::Recipe recipe =
        vlp::load_recipe(root / "recipe.toml",
                         {"model.weights=" + (root / "first").string(), "model.decoder.dropout=0",
                          "train.epochs=2", "train.log_every=4", "checkpoint.every=3 steps",
                          "evaluate.every=4 steps", "report.contact_sheet=0"});
    std::vector<std::string> ended(2, "done");
    vlp_test::run_together(2, [&](const vlp::Peers& peers) {
      vlp::RunArguments arguments;
      arguments.out = root / out;
      arguments.data_dir = root / "data";
      arguments.threads = 1;
      arguments.peers = peers;
      arguments.quick = true;
      arguments.resume = true;
      arguments.stop = vlp::Stop([killed_at, stopped_at = peers.first() ? kNever : stopped_at,
                                  asked = std::int64_t{0}]() mutable {
        if (++asked == killed_at) throw Killed();
        return std::string(asked >= stopped_at ? "interrupted by a test" : "");
      });
      try {
        (void)vlp::train(recipe, registry, arguments);
      } catch (const Killed&) {
        ended[static_cast<std::size_t>(peers.rank())] = "killed";
      } catch (const vlp::InterruptedError&) {
        ended[static_cast<std::size_t>(peers.rank())] = "stopped";
      }
    });
    return ended;
  }
};

}  // namespace train_peers_test

BOOST_FIXTURE_TEST_SUITE(train_peers_task, train_peers_test::SharedTraining)

BOOST_AUTO_TEST_CASE(two_processes_go_on_to_the_same_bytes_within_a_window_of_the_log) {
  using namespace train_peers_test;
  using Ends = std::vector<std::string>;
  (void)run("first", {"train.max_steps=3", "evaluate.every=never"});
  BOOST_TEST((train("whole") == Ends{"done", "done"}));
  BOOST_TEST((train("killed", 7) == Ends{"killed", "killed"}));
  BOOST_TEST((train("stopped", kNever, 7) == Ends{"stopped", "stopped"}));
  for (const auto& [out, step] :
       {std::pair<std::string, std::int64_t>{"killed", 6}, {"stopped", 7}})
    BOOST_TEST(vlp::Checkpoints(root / out / "checkpoints", {}).steps().back() == step);
  for (const std::string out : {"killed", "stopped"}) {
    BOOST_TEST((train(out) == Ends{"done", "done"}));
    BOOST_TEST(vlp_test::run_differences(root / "whole", root / out) == "");
  }
}

BOOST_AUTO_TEST_SUITE_END()
