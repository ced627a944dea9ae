// Whole runs with a loss that has parameters of its own: they are written beside the model's and
// taken back with them.

#include "vlp/tasks/train.hpp"

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/sigmoid_loss.hpp"
#include "tests/support/tiny_run.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/weights/safetensors.hpp"

namespace {

namespace fs = std::filesystem;

constexpr double kRounding = 1e-6;  // float32: the same sums on other threads

/// The tiny recipe with a text encoder and the sigmoid loss.
struct SigmoidRun : vlp_test::TinyRun {
  SigmoidRun() {
    registry.add<vlp::AnyLoss, vlp_test::SigmoidLoss>("1", "a test");
    std::string toml = vlp_test::read_file(root / "recipe.toml");
    const auto replace = [&](const std::string& from, const std::string& to,
                             const std::string& by) {
      const std::size_t begin = toml.find(from);
      toml.replace(begin, toml.find(to) - begin, by);
    };
    replace("[model.decoder]", "[optimizer]",
            "[model.text_encoder]\nuse = 'bert'\nwidth = 16\ndepth = 1\nheads = 2\n"
            "[[loss]]\nuse = 'sigmoid'\nscale = 2.0\nbias = -1.0\n");
    toml.insert(toml.find("[model.encoder]"), "embedding_width = 8\n");
    toml.replace(toml.find("\"CIDEr\""), 7, "\"loss\"");
    toml.replace(toml.find("lr = 3e-3"), 9, "lr = 2e-2");  // so that they move
    write("recipe.toml", toml);
  }
  [[nodiscard]] vlp::Report scored(const std::string& out) const {
    return run(out, {"run.task=evaluate", "model.weights=" + (root / "trained").string()});
  }
};

/// Gives 1 in evaluation if its own module knows of it.
class ModeLoss {
 public:
  static constexpr std::string_view name = "mode";
  static constexpr vlp::Parts needs = vlp::parts::decoder;

  ModeLoss() : scale_(own_->register_parameter("scale", at::ones({}))) {}
  [[nodiscard]] std::shared_ptr<torch::nn::Module> module() const { return own_; }
  vlp::LossValue operator()(vlp::Forward& pass) const {
    if (!pass.training()) return {at::full({}, own_->is_training() ? 2.0 : 1.0), {}};
    BOOST_TEST(own_->is_training());
    return {pass.target_logits().square().mean() * scale_, {}};
  }

 private:
  std::shared_ptr<torch::nn::Module> own_ = std::make_shared<torch::nn::Module>("mode");
  at::Tensor scale_;
};
static_assert(vlp::Loss<ModeLoss>);

double distance(double a, double b) { return std::abs(a - b) / std::abs(b); }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(run_with_loss_parameters, SigmoidRun)

BOOST_AUTO_TEST_CASE(they_are_written_beside_the_models_and_scored_with_them) {
  const vlp::Report trained = run("trained");
  const fs::path file = root / "trained" / "model" / "losses.safetensors";
  BOOST_TEST_REQUIRE(fs::is_regular_file(file));
  const auto stored = vlp::read_safetensors(file);
  BOOST_TEST(stored.tensors.size() == 2U);
  BOOST_TEST(std::abs(vlp::tensor_view(stored.tensor("sigmoid.scale")).item<double>() - 2) > 0.01);
  BOOST_TEST(std::abs(vlp::tensor_view(stored.tensor("sigmoid.bias")).item<double>() + 1) > 0.01);
  BOOST_TEST(!vlp::read_safetensors(root / "trained" / "model" / "model.safetensors")
                  .tensors.contains("sigmoid.scale"));

  BOOST_TEST(distance(*scored("scored").measured.loss, *trained.measured.loss) < kRounding);
  fs::remove(file);
  BOOST_TEST(distance(*scored("without").measured.loss, *trained.measured.loss) > 1e-3);
}

BOOST_AUTO_TEST_CASE(those_of_the_best_epoch_come_back_when_a_later_one_was_worse) {
  // At this rate the first epoch stays the best.
  const vlp::Report trained = run("trained", {"optimizer.lr=1.0"});
  BOOST_TEST_REQUIRE(trained.history.best_epoch < 3);
  BOOST_TEST(distance(*scored("scored").measured.loss, *trained.measured.loss) < kRounding);
}

BOOST_AUTO_TEST_CASE(a_run_without_them_writes_no_such_file) {
  std::string toml = vlp_test::read_file(root / "recipe.toml");
  const std::string loss = "use = 'sigmoid'\nscale = 2.0\nbias = -1.0\n";
  toml.replace(toml.find(loss), loss.size(),
               "use = 'itc'\nqueue_size = 0\nalpha = 0.0\npositives = 'image'\n");
  write("recipe.toml", toml);
  (void)run("plain", {"train.max_steps=2"});
  BOOST_TEST(!fs::exists(root / "plain" / "model" / "losses.safetensors"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(run_with_mode_of_loss, vlp_test::TinyRun)

BOOST_AUTO_TEST_CASE(a_losses_own_module_is_in_evaluation_mode_while_a_run_validates) {
  registry.add<vlp::AnyLoss, ModeLoss>("1", "a test");
  std::string toml = vlp_test::read_file(root / "recipe.toml");
  toml.replace(toml.find("use = \"lm\""), 10, "use = 'mode'");
  write("recipe.toml", toml);
  const vlp::Report report = run("out", {"train.epochs=2"});
  for (const vlp::HistoryRecord& epoch : report.history.records)
    BOOST_TEST(*epoch.measured.loss == 1);
  BOOST_TEST(*report.measured.loss == 1);
}

BOOST_AUTO_TEST_SUITE_END()
