// BLIP captioners against the numbers of transformers, through the code that `vlp trace` and `vlp
// caption` use: states, attention, logits, losses, gradients, weights after updates, weight
// formats, and generated ids, scores and texts.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/comparison.hpp"
#include "tests/support/stored_case.hpp"
#include "tests/support/stored_generation.hpp"
#include "vlp/weights/module_weights.hpp"

BOOST_AUTO_TEST_SUITE(blip_caption_parity)

namespace {

namespace data = boost::unit_test::data;
using nlohmann::json;
using parity::is_joint_bias;
using parity::is_key_bias;
using parity::keys_and_rest;
using parity::kFloat32;
using parity::parameters;
using parity::report_group;
using parity::Tally;
using parity::TracedCase;
using parity::unequal;

constexpr double kScore = 1e-4;  // generate.json holds float32 scores

// Adam divides a gradient by its own size: where it is almost zero, rounding decides the sign of a
// full step.
constexpr double kUpdated = 1e-4;         // of all but a few weights after updates
constexpr double kFarFromUpdated = 0.02;  // share of a tensor's weights that may be further away
constexpr double kFarthestPerUpdate = 2.2e-3;    // 2 * lr and the change of decay
constexpr double kUndeterminedPerUpdate = 1e-3;  // lr: a weight whose gradient is rounding noise

bool is_state(const std::string& name) {
  return name.starts_with("vision_") || name.starts_with("interp_vision") ||
         name == "image_embeds" || name.starts_with("decoder_hidden.");
}
bool is_attention(const std::string& name) {
  return name.starts_with("self_attention.") || name.starts_with("cross_attention.");
}
bool is_logits(const std::string& name) { return name.starts_with("logits"); }
bool is_updated_loss(const std::string& name) {
  return name == "losses" || name.starts_with("loss_after_step");
}
bool is_sum(const std::string& name) { return name == "loss_per_sequence_sum"; }
bool is_mean(const std::string& name) {
  return name.starts_with("loss") && !is_updated_loss(name) && !is_sum(name);
}
bool is_step(const std::string& name) { return name.starts_with("step"); }
bool is_gradient(const std::string& name) { return name.starts_with("grad"); }

void compare_all_gradients(const TracedCase& c) {
  parity::compare_gradients(c);
  if (!c.stored.tensors.contains("grad_norm")) return;
  const auto [actual, expected] = c.both("grad_norm");
  parity::report(c.label + "grad_norm, relative",
                 ((actual - expected).abs() / expected).item<double>(),
                 parity::tolerances(c).gradient);
  c.tally.add("grad_norm");
}

/// Weights after updates, all compared by Adam's rule.
void compare_updates(const TracedCase& c) {
  std::map<std::int64_t, double> far, farthest;
  std::map<std::int64_t, int> count;
  for (const auto& [name, tensor] : c.stored.tensors) {
    if (!is_step(name)) continue;
    BOOST_REQUIRE_MESSAGE(c.traced.tensors.contains(name),
                          c.label << name << " is missing in the trace");
    const std::int64_t steps = std::stoll(name.substr(std::string("step").size()));
    auto [actual, expected] = c.both(name);
    at::Tensor difference = (actual - expected).abs();
    at::Tensor undetermined = at::zeros({1}, at::kDouble);
    if (is_key_bias(name)) std::swap(undetermined, difference);
    if (is_joint_bias(name)) std::tie(undetermined, difference) = keys_and_rest(difference);
    const double most = kFarthestPerUpdate * static_cast<double>(steps);
    // Two runs that step in opposite directions are twice the bound of one apart.
    BOOST_CHECK_MESSAGE(undetermined.max().item<double>() <=
                            std::max(2 * kUndeterminedPerUpdate * static_cast<double>(steps), most),
                        c.label << name << ", keys: " << undetermined.max().item<double>());
    far[steps] =
        std::max(far[steps], difference.gt(kUpdated).to(at::kDouble).mean().item<double>());
    farthest[steps] = std::max(farthest[steps], difference.max().item<double>());
    ++count[steps];
  }
  for (const auto& [steps, number] : count) {
    const std::string weights =
        "weights after " + std::to_string(steps) + (steps == 1 ? " update" : " updates");
    const std::string what = c.label + weights;
    parity::report(what + ", share beyond 1e-4", far[steps], kFarFromUpdated,
                   std::to_string(number) + " tensors");
    parity::report(what, farthest[steps], kFarthestPerUpdate * static_cast<double>(steps));
    c.tally.add(weights, number);
  }
  if (count.empty()) parity::report_missing(c.label + "weights after updates", "none stored");
}

void compare_trace(const TracedCase& c) {
  if (c.stored.tensors.empty())
    return parity::report_missing(c.label + "trace", "no expected.safetensors");
  const parity::Tolerances& within = parity::tolerances(c);
  report_group(c, "states", within.value, is_state);
  report_group(c, "attention", within.value, is_attention);
  report_group(c, "logits", within.value, is_logits);
  report_group(c, "losses", within.loss, is_mean, kFloat32.loss);
  report_group(c, "losses of sequences", within.loss, is_sum, kFloat32.loss);
  compare_all_gradients(c);
  compare_updates(c);
  report_group(c, "losses after updates", within.losses_updated, is_updated_loss,
               kFloat32.losses_updated);
  for (const auto& [name, tensor] : c.stored.tensors) {
    const auto groups = {is_state(name), is_attention(name),   is_logits(name),
                         is_mean(name),  is_sum(name),         is_gradient(name),
                         is_step(name),  is_updated_loss(name)};
    BOOST_CHECK_MESSAGE(std::ranges::count(groups, true) == 1,
                        c.label << name << ": the reference has a tensor that no group compares");
  }
}

/// The stored score of a caption: sequences_scores of beams, the mean of processed_token_logprobs
/// of greedy decoding.
double stored_score(const json& scores) {
  if (scores.is_number()) return scores;
  double sum = 0;
  for (const double value : scores) sum += value;
  return sum / static_cast<double>(scores.size());
}

void compare_generation(const std::string& label, const vlp::OpenedModel& opened,
                        const at::Tensor& pixels, const json& stored, Tally& tally) {
  const bool greedy = stored["mode"] == "greedy",
             several = stored["options"].contains("num_return_sequences");
  std::vector<std::int64_t> prompt;
  if (!stored["prompt"].is_null())
    prompt.assign(stored["prompt"].begin() + 1, stored["prompt"].end());
  const vlp::ModelParts& parts = opened.model.parts();
  const auto results = parts.get<vlp::Generate>()(parts.call<vlp::ImageStates>(pixels), prompt,
                                                  parity::generate_options(stored["options"]), {});
  const auto of_image = [&](const json& list, std::size_t image) {
    return several ? list[image] : json::array({list[image]});
  };
  const json& scores = stored[greedy ? "processed_token_logprobs" : "sequences_scores"];
  const bool texts = opened.tokenizer && stored.contains("text");
  double worst = 0;
  BOOST_REQUIRE(results.size() == stored["ids"].size());
  for (std::size_t image = 0; image < results.size(); ++image) {
    const json ids = of_image(stored["ids"], image), values = of_image(scores, image);
    BOOST_REQUIRE(results[image].size() >= ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const vlp::Candidate& found = results[image][i];
      BOOST_CHECK_MESSAGE(found.ids == ids[i].get<std::vector<std::int64_t>>(),
                          label << stored["options"].dump() << ": got " << json(found.ids)
                                << ", expected " << ids[i]);
      if (texts)
        BOOST_TEST(opened.tokenizer->decode(found.ids) ==
                   of_image(stored["text"], image)[i].get<std::string>());
      tally.add("captions");
      tally.add("texts", texts ? 1 : 0);
      worst = std::max(worst, std::abs(found.score - stored_score(values[i])));
    }
  }
  parity::report(label + "generate " + stored["mode"].get<std::string>() + " " +
                     stored["options"].dump() + (prompt.empty() ? "" : " with prompt") + ", scores",
                 worst, kScore, texts ? "ids and texts equal" : "ids equal");
}

/// @param stem  the file of stored cases, without .json
void compare_all_generation(const std::string& name, const std::string& stem, at::ScalarType dtype,
                            Tally& tally) {
  const auto dir = parity::root() / name;
  const std::string label = name + " " + parity::precision(dtype) + " ";
  if (!std::filesystem::exists(dir / (stem + ".json")))
    return parity::report_missing(label + "generation", "no " + stem + ".json");
  const at::NoGradGuard no_grad;
  const vlp::OpenedModel opened = parity::open(dir / "model", dtype);
  const at::Tensor pixels =
      vlp::read_trace_inputs(dir / "inputs.safetensors", opened.ctx, dtype, opened.model.serves())
          .pixel_values;
  const json file = parity::read_json(dir / (stem + ".json"));
  BOOST_REQUIRE_MESSAGE(!file["cases"].empty(), label << stem << ".json holds no case");
  for (const json& stored : file["cases"]) {
    compare_generation(label, opened, pixels, stored, tally);
    tally.add(stored["mode"].get<std::string>() + " cases");
  }
}

void compare_trace(const std::string& name, at::ScalarType dtype) {
  const TracedCase c(name, dtype);
  compare_trace(c);
  c.tally.check();
}

void compare_all_generation(const std::string& name, const std::string& stem,
                            at::ScalarType dtype) {
  Tally tally(name + " " + parity::precision(dtype) + " " + stem);
  compare_all_generation(name, stem, dtype, tally);
  tally.check();
}

/// Compares the weights in the other formats that lie there.
void compare_formats(const std::string& name, Tally& tally) {
  const auto dir = parity::root() / name;
  const auto expected = parameters(parity::open(dir / "model"));
  if (std::filesystem::exists(dir / "model-bin")) {
    parity::report(name + " model-bin, unequal parameters",
                   unequal(parameters(parity::open(dir / "model-bin")), expected), 0);
    tally.add("model-bin");
  } else {
    parity::report_missing(name + " model-bin", "no such folder");
  }
  if (!std::filesystem::exists(dir / "original.pth"))
    return parity::report_missing(name + " original.pth", "no such file");
  // A file of the original repository says nothing of heads and epsilons: config.json beside it
  // does.
  const ScratchFolder scratch;
  std::filesystem::copy_file(dir / "original.pth", scratch.path / "original.pth");
  std::filesystem::copy_file(dir / "model" / "config.json", scratch.path / "config.json");
  parity::report(name + " original.pth, unequal parameters",
                 unequal(parameters(parity::open(scratch.path / "original.pth")), expected), 0);
  tally.add("original.pth");
}

const auto kCaptioners = data::make(parity::captioners());

}  // namespace

BOOST_AUTO_TEST_CASE(the_folder_holds_a_model) {
  BOOST_TEST(parity::captioners().size() + parity::retrieval_models().size() > 0,
             parity::root().string() +
                 ": no folder with inputs.safetensors and model/config.json of a "
                 "BlipForConditionalGeneration or a "
                 "BlipForImageTextRetrieval. Set VLP_PARITY_DIR to one that has them.");
  Tally tally("captioners");
  for (const std::string& name : parity::captioners()) tally.add(name);
  tally.check();
}

BOOST_DATA_TEST_CASE(trace_agrees_in_float32, kCaptioners, name) {
  compare_trace(name, at::kFloat);
}
BOOST_DATA_TEST_CASE(trace_agrees_in_float64, kCaptioners, name) {
  compare_trace(name, at::kDouble);
}

BOOST_DATA_TEST_CASE(generation_agrees_in_float32, kCaptioners, name) {
  compare_all_generation(name, "generate", at::kFloat);
}
BOOST_DATA_TEST_CASE(generation_agrees_in_float64, kCaptioners, name) {
  compare_all_generation(name, "generate", at::kDouble);
}
BOOST_DATA_TEST_CASE(rules_of_generation_agree_in_float32, kCaptioners, name) {
  compare_all_generation(name, "generate_rules", at::kFloat);
}
BOOST_DATA_TEST_CASE(rules_of_generation_agree_in_float64, kCaptioners, name) {
  compare_all_generation(name, "generate_rules", at::kDouble);
}

BOOST_DATA_TEST_CASE(every_format_gives_the_same_weights, kCaptioners, name) {
  Tally tally(name + " formats");
  compare_formats(name, tally);
  tally.check();
}

BOOST_DATA_TEST_CASE(saved_and_loaded_weights_are_the_same, kCaptioners, name) {
  const auto dir = parity::root() / name;
  const vlp::OpenedModel first = parity::open(dir / "model");
  const ScratchFolder scratch;
  std::filesystem::copy_file(dir / "model" / "config.json", scratch.path / "config.json");
  vlp::save_module(*first.model.ptr(), scratch.path / "model.safetensors");
  parity::report(name + " saved and loaded, unequal parameters",
                 unequal(parameters(parity::open(scratch.path)), parameters(first)), 0);
}

BOOST_AUTO_TEST_SUITE_END()
