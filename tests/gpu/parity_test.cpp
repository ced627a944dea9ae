// The stored numbers of the parity models on the test device: float32 within the bounds of the CPU,
// TF32 and half precision within what rounding to them explains, and the ids that are generated.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/stored_case.hpp"
#include "tests/support/stored_generation.hpp"
#include "tests/support/test_device.hpp"
#include "vlp/nn/autocast.hpp"
#include "vlp/nn/tf32.hpp"

BOOST_AUTO_TEST_SUITE(gpu_parity)

namespace {

namespace data = boost::unit_test::data;
using nlohmann::json;

/// A number format with its bounds: 2-norm of a tensor's difference over that of the tensor.
struct Format {
  const char* name;
  vlp::Precision precision;
  // bf16 keeps 8 bits, fp16 and what TF32 multiplies 11, so a number is off by 2e-3 or 2.4e-4, and
  // every layer adds as much. A gradient may be a sum of terms that almost cancel each other, as a
  // bias's or the temperature's 1 / 0.07 in a loss makes it: half of them say how exact they are,
  // the worst one only that it is no other's.
  double value, loss, half_of_gradients, gradient;
};
constexpr std::array kFormats{Format{"fp32", vlp::Precision::fp32, 5e-5, 5e-6, 1e-4, 1e-3},
                              Format{"tf32", vlp::Precision::tf32, 1e-2, 8e-3, 1.5e-2, 0.15},
                              Format{"bf16", vlp::Precision::bf16, 5e-2, 3e-2, 6e-2, 0.5},
                              Format{"fp16", vlp::Precision::fp16, 1e-2, 8e-3, 1.5e-2, 0.15}};

std::ostream& operator<<(std::ostream& out, const Format& format) { return out << format.name; }

vlp::OpenedModel opened_on_device(const std::string& name) {
  vlp::OpenModelArguments arguments;
  arguments.device = vlp_test::test_device().device;
  arguments.threads = 1;
  return vlp::open_model((parity::root() / name / "model").string(), parity::registry(), arguments);
}

bool is_loss(const std::string& name) {
  return name.starts_with("loss") || name == "itm_loss" || name == "itc_loss";
}
bool is_gradient(const std::string& name) { return name.starts_with("grad"); }
/// What Adam makes of gradients near zero is the sign of their rounding.
bool is_update(const std::string& name) {
  return name.starts_with("step") || name == "losses" || name.starts_with("loss_after_step");
}
/// Gradients that are zero in exact arithmetic hold rounding alone.
bool is_zero(const std::string& name) { return is_gradient(name) && name.ends_with("key.bias"); }

/// Relative differences of each group, smallest first, and of which tensor.
using Differences = std::map<std::string, std::vector<std::pair<double, std::string>>>;

Differences grouped(const std::vector<vlp::TensorDifference>& differences) {
  Differences groups;
  for (const vlp::TensorDifference& tensor : differences) {
    if (!tensor.problem.empty() || is_update(tensor.name) || is_zero(tensor.name)) continue;
    BOOST_TEST(std::isfinite(tensor.relative), tensor.name);
    groups[is_loss(tensor.name)       ? "losses"
           : is_gradient(tensor.name) ? "gradients"
                                      : "values"]
        .emplace_back(tensor.relative, tensor.name);
  }
  for (auto& [group, found] : groups) std::ranges::sort(found);
  return groups;
}

void compare_trace(const std::string& name, const Format& format) {
  const vlp::OpenedModel opened = opened_on_device(name);
  const vlp::TraceInputs inputs = vlp::read_trace_inputs(
      parity::root() / name / "inputs.safetensors", opened.ctx, at::kFloat, opened.model.serves());
  const ScratchFolder scratch;
  {
    const vlp::Autocast autocast(format.precision, opened.ctx.machine.device);
    vlp::choose_tf32(format.precision);
    vlp::Tracer tracer(opened.plan, opened.model, parity::registry(), opened.ctx);
    vlp::write_safetensors(scratch.path / "trace.safetensors", tracer.trace(inputs));
  }
  const Differences groups =
      grouped(vlp::compare_traces(vlp::read_trace(scratch.path / "trace.safetensors"),
                                  vlp::read_trace(parity::root() / name / "expected.safetensors")));
  BOOST_TEST(groups.size() == 3U, "values, losses and gradients are compared");
  const std::string label =
      vlp_test::test_device().device.text() + " " + format.name + " " + name + " ";
  for (const auto& [group, found] : groups) {
    const bool gradients = group == "gradients";
    const double bound = gradients           ? format.gradient
                         : group == "losses" ? format.loss
                                             : format.value;
    parity::report(label + group, found.back().first, bound, found.back().second);
    if (gradients)
      parity::report(label + "half of the gradients", found[found.size() / 2].first,
                     format.half_of_gradients);
  }
}

}  // namespace

BOOST_DATA_TEST_CASE(captioners_have_the_stored_numbers, data::make(kFormats), format) {
  BOOST_REQUIRE(!parity::captioners().empty());
  for (const std::string& name : parity::captioners()) compare_trace(name, format);
}

BOOST_DATA_TEST_CASE(retrieval_models_have_the_stored_numbers, data::make(kFormats), format) {
  BOOST_REQUIRE(!parity::retrieval_models().empty());
  for (const std::string& name : parity::retrieval_models()) compare_trace(name, format);
}

BOOST_AUTO_TEST_CASE(greedy_and_beam_search_write_the_stored_ids) {
  int compared = 0;
  for (const std::string& name : parity::captioners()) {
    const at::NoGradGuard no_grad;
    const vlp::OpenedModel opened = opened_on_device(name);
    const vlp::ModelParts& parts = opened.model.parts();
    const at::Tensor states = parts.call<vlp::ImageStates>(
        vlp::read_trace_inputs(parity::root() / name / "inputs.safetensors", opened.ctx, at::kFloat,
                               opened.model.serves())
            .pixel_values);
    const json file = parity::read_json(parity::root() / name / "generate.json");
    for (const json& stored : file["cases"]) {
      const json& given = stored["options"];
      const auto known = [](const std::string& key) {
        return key == "max_length" || key == "num_beams" || key == "min_length";
      };
      if (!stored["prompt"].is_null() ||
          !std::ranges::all_of(given.items(), [&](const auto& item) { return known(item.key()); }))
        continue;
      const auto results =
          parts.get<vlp::Generate>()(states, {}, parity::generate_options(given), {});
      for (std::size_t image = 0; image < results.size(); ++image) {
        BOOST_TEST(
            results[image].front().ids == stored["ids"][image].get<std::vector<std::int64_t>>(),
            name << " " << given.dump() << ", image " << image << ": got "
                 << json(results[image].front().ids));
        ++compared;
      }
    }
  }
  BOOST_TEST(compared >= 8);
}

BOOST_AUTO_TEST_CASE(rules_of_generation_give_the_stored_ids) {
  int compared = 0;
  for (const std::string& name : parity::captioners()) {
    if (!std::filesystem::exists(parity::root() / name / "generate_rules.json")) continue;
    const at::NoGradGuard no_grad;
    const vlp::OpenedModel opened = opened_on_device(name);
    const vlp::ModelParts& parts = opened.model.parts();
    const at::Tensor states = parts.call<vlp::ImageStates>(
        vlp::read_trace_inputs(parity::root() / name / "inputs.safetensors", opened.ctx, at::kFloat,
                               opened.model.serves())
            .pixel_values);
    const json file = parity::read_json(parity::root() / name / "generate_rules.json");
    for (const json& stored : file["cases"]) {
      if (stored["options"].contains("num_return_sequences")) continue;
      std::vector<std::int64_t> prompt;
      if (!stored["prompt"].is_null())
        prompt.assign(stored["prompt"].begin() + 1, stored["prompt"].end());
      const auto results = parts.get<vlp::Generate>()(
          states, prompt, parity::generate_options(stored["options"]), {});
      for (std::size_t image = 0; image < results.size(); ++image) {
        BOOST_TEST(
            results[image].front().ids == stored["ids"][image].get<std::vector<std::int64_t>>(),
            name << " " << stored["options"].dump() << ", image " << image << ": got "
                 << json(results[image].front().ids));
        ++compared;
      }
    }
  }
  if (!std::getenv("VLP_PARITY_DIR")) BOOST_TEST(compared == 3 * (38 + 37));
}

BOOST_AUTO_TEST_SUITE_END()
