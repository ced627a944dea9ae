// Options of training in whole runs: frozen parts, groups, averages, and a run that meets a number
// that isn't finite.

#include "vlp/tasks/train.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/tiny_run.hpp"
#include "vlp/assemble/open_model.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/trace/inputs.hpp"
#include "vlp/weights/safetensors.hpp"

namespace {

using vlp_test::contains;

/// The logarithm of a negative number for a batch that holds one image, from some update on.
class PoisonedLoss {
 public:
  static constexpr std::string_view name = "poisoned";
  static constexpr auto needs = vlp::parts::decoder;

  vlp::LossValue operator()(vlp::Forward& pass) const {
    const at::Tensor loss = pass.target_logits().square().mean();
    const bool due = pass.training() && pass.training()->step >= 4;
    return {due ? (loss - 1e6).log() : loss, {}};
  }
};

struct TrainOptionsRun : vlp_test::TinyRun {
  TrainOptionsRun() { registry.add<vlp::AnyLoss, PoisonedLoss>("1", "a test"); }

  [[nodiscard]] vlp::TensorMap weights(const std::string& out) const {
    return vlp::read_safetensors(root / out / "model" / "model.safetensors").tensors;
  }
  static bool same(const vlp::TensorBytes& a, const vlp::TensorBytes& b) {
    return std::ranges::equal(a.bytes, b.bytes);
  }
  [[nodiscard]] std::vector<std::string> checked(const std::vector<std::string>& sets) const {
    vlp::CheckArguments arguments;
    arguments.data_dir = root / "data";
    arguments.share_dir = root;
    return vlp::check_train_recipe(vlp::load_recipe(root / "recipe.toml", sets), registry,
                                   arguments);
  }
};

const std::vector<std::string> kShortRun{"train.epochs=1", "train.max_steps=6", "train.log_every=2",
                                         "evaluate.max_images=2"};
std::vector<std::string> short_run(std::vector<std::string> more) {
  more.insert(more.begin(), kShortRun.begin(), kShortRun.end());
  return more;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(train_options, TrainOptionsRun)

BOOST_AUTO_TEST_CASE(a_run_that_meets_no_number_says_why_and_keeps_what_a_trace_opens) {
  const std::string message = vlp_test::message_of<vlp::NonFiniteError>(
      [&] { (void)run("out", short_run({"loss=[{use='poisoned'}]"})); });
  BOOST_TEST(contains(message,
                      "step 5: the loss or its gradient is not finite. Done again, the "
                      "first tensor of the forward pass that isn't finite comes from "),
             message);
  BOOST_TEST(contains(message, "aten::log): [] Float, 1 of 1 not finite (nan 1); its inputs: [] "),
             message);
  BOOST_TEST(contains(message, "; images of the batch: 10"), message);
  const vlp_test::fs::path folder = root / "out" / "non_finite" / "step-5";
  BOOST_TEST(contains(message, "Batch and weights are in " + folder.string() + "."), message);

  const vlp::OpenedModel opened = vlp::open_model(folder.string(), registry, {});
  const vlp::TraceInputs inputs = vlp::read_trace_inputs(folder / "inputs.safetensors", opened.ctx,
                                                         at::kFloat, opened.model.serves());
  BOOST_TEST(inputs.pixel_values.size(0) == 8);
  BOOST_TEST(inputs.labels.defined());
  BOOST_TEST(inputs.unused.empty());
}

BOOST_AUTO_TEST_CASE(frozen_parameters_are_those_of_the_beginning) {
  (void)run("first", short_run({"train.max_steps=1", "optimizer.lr=1e-9"}));
  (void)run("frozen", short_run({"train.freeze=['vision_model.*']"}));
  const vlp::TensorMap first = weights("first"), frozen = weights("frozen");
  bool others_moved = false;
  for (const auto& [name, tensor] : first) {
    const vlp::TensorBytes& other = frozen.at(name);
    const at::Tensor moved = vlp::tensor_view(tensor).sub(vlp::tensor_view(other)).abs().max();
    if (name.starts_with("vision_model."))
      BOOST_TEST(moved.item<double>() < 1e-6, name);  // one update of 1e-9
    else
      others_moved = others_moved || moved.item<double>() > 1e-3;
  }
  BOOST_TEST(others_moved);
}

BOOST_AUTO_TEST_CASE(a_check_tells_what_patterns_meet_and_what_accumulation_does_not_enlarge) {
  const std::vector<std::string> lines =
      checked({"train.freeze=['vision_model.*']",
               "optimizer.group=[{match='text_decoder.*', lr_factor=0.5, weight_decay=0.0}]"});
  BOOST_TEST(contains(lines, "freeze     vision_model.*: "));
  BOOST_TEST(contains(lines, "group      text_decoder.*: "));
  BOOST_TEST(contains(lines, " parameters, lr x 0.5, weight decay 0"));
  BOOST_CHECK_EXCEPTION(
      (void)checked({"train.freeze=['vision_modl.*']"}), vlp::RecipeError,
      vlp_test::says("train.freeze: 'vision_modl.*' fits no parameter (did you mean "
                     "'vision_model'?)"));
  BOOST_CHECK_EXCEPTION((void)checked({"evaluate.weights=ema"}), vlp::RecipeError,
                        vlp_test::says("evaluate.weights: there is no average of the weights"));
}

BOOST_AUTO_TEST_CASE(the_average_is_what_is_written_and_training_goes_on_with_the_weights) {
  (void)run("plain", short_run({}));
  (void)run("beside", short_run({"train.ema=0.5"}));
  (void)run("average", short_run({"train.ema=0.5", "evaluate.weights=ema"}));
  const vlp::TensorMap plain = weights("plain"), beside = weights("beside"),
                       average = weights("average");
  bool all_same = true, any_other = false;
  for (const auto& [name, tensor] : plain) {
    all_same = all_same && same(tensor, beside.at(name));
    any_other = any_other || !same(tensor, average.at(name));
  }
  BOOST_TEST(all_same);
  BOOST_TEST(any_other);
  const auto model_of = [&](const std::string& out) {
    return vlp::read_safetensors(root / out / "checkpoints" / "step-00000006" / "model.safetensors")
        .tensors;
  };
  const vlp::TensorMap one = model_of("beside"), other = model_of("average");
  BOOST_TEST(!one.empty());
  for (const auto& [name, tensor] : one) BOOST_TEST(same(tensor, other.at(name)), name);
}

BOOST_AUTO_TEST_CASE(recomputed_layers_give_the_same_run) {
  (void)run("plain", short_run({}));
  (void)run("again", short_run({"train.gradient_checkpointing=true"}));
  const vlp::TensorMap plain = weights("plain"), again = weights("again");
  for (const auto& [name, tensor] : plain) BOOST_TEST(same(tensor, again.at(name)), name);
}

BOOST_AUTO_TEST_CASE(without_a_better_score_training_ends_early) {
  const std::vector<std::string> still{"optimizer.lr=1e-30", "train.epochs=6"};
  std::vector<std::string> patient = still;
  patient.emplace_back("evaluate.patience=2");
  BOOST_TEST(run("all", still).history.records.size() == 6U);
  const vlp::Report report = run("early", patient);
  BOOST_TEST(report.history.records.size() == 3U);  // the first is the best, two are no better
  BOOST_TEST(report.history.best_epoch == 1);
  BOOST_TEST(report.history.steps == 3 * 15);
}

BOOST_AUTO_TEST_CASE(patience_without_evaluations_is_refused) {
  const std::string message = vlp_test::message_of<vlp::RecipeError>(
      [&] { (void)run("out", {"evaluate.patience=2", "evaluate.every='never'"}); });
  BOOST_TEST(contains(message, "without evaluations nothing becomes better"), message);
}

BOOST_AUTO_TEST_SUITE_END()
