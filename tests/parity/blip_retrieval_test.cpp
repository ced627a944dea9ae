// BLIP retrieval models against the numbers of transformers' BlipForImageTextRetrieval, through the
// code that `vlp trace` and `vlp match` use: states, attention, projections, similarities, matching
// logits, both losses and their gradients.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "plugins/format/blip.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/stored_case.hpp"
#include "vlp/assemble/write_model.hpp"
#include "vlp/weights/read_weights.hpp"

BOOST_AUTO_TEST_SUITE(blip_retrieval_parity)

namespace {

namespace data = boost::unit_test::data;
using parity::parameters;
using parity::report_group;
using parity::Tally;
using parity::TracedCase;
using parity::unequal;

/// In float32, relative as parity::kFloat32. Temperature 0.07 magnifies rounding: the reference's
/// own float32 losses lie up to 2.5e-6 from its float64 ones.
constexpr double kLoss = 5e-6;

bool is_state(const std::string& name) {
  return name.starts_with("vision_") || name.find("question_embeds") != name.npos;
}
bool is_attention(const std::string& name) {
  return name.starts_with("self_attention.") || name.starts_with("cross_attention.");
}
bool is_logits(const std::string& name) { return name.starts_with("itm_logits"); }
bool is_embedding(const std::string& name) {
  return name.ends_with("_projected") || name.ends_with("_features") || name == "itc_similarity";
}
bool is_loss(const std::string& name) { return name == "itm_loss" || name == "itc_loss"; }
bool is_gradient(const std::string& name) {
  return name.starts_with("grad.") || name.starts_with("grad_itc.");
}

/// Of a sampled gradient, rows that the reference doesn't list are exactly 0; parameters that it
/// doesn't list have none.
void compare_absent_gradients(const TracedCase& c) {
  const std::set<std::int64_t> listed(c.stored.index.begin(), c.stored.index.end());
  for (const auto& [name, tensor] : c.traced.tensors) {
    if (!is_gradient(name)) continue;
    const auto stored = c.stored.tensors.find(name);
    BOOST_CHECK_MESSAGE(stored != c.stored.tensors.end(),
                        c.label << name << ": the reference has no such gradient");
    if (stored == c.stored.tensors.end() || !stored->second.single || !stored->second.single->rows)
      continue;
    const vlp::Numbers& numbers = *(tensor.full ? tensor.full : tensor.single)->whole;
    const auto width = numbers.size() / static_cast<std::size_t>(numbers.shape()[0]);
    bool zero = true;
    for (std::size_t i = 0; i < numbers.size(); ++i)
      zero = zero && (numbers[i] == 0 || listed.contains(static_cast<std::int64_t>(i / width)));
    BOOST_CHECK_MESSAGE(zero,
                        c.label << name << ": a row is not 0 that the reference doesn't list");
  }
}

void compare_trace(const TracedCase& c) {
  if (c.stored.tensors.empty())
    return parity::report_missing(c.label + "trace", "no expected.safetensors");
  const parity::Tolerances& within = parity::tolerances(c);
  report_group(c, "states", within.value, is_state);
  report_group(c, "attention", within.value, is_attention);
  report_group(c, "matching logits", within.value, is_logits);
  report_group(c, "embeddings and similarities", within.value, is_embedding);
  report_group(c, "losses", c.is_double() ? within.loss : kLoss, is_loss, kLoss);
  parity::compare_gradients(c, "grad.");
  parity::compare_gradients(c, "grad_itc.");
  compare_absent_gradients(c);
  for (const auto& [name, tensor] : c.stored.tensors) {
    const auto groups = {is_state(name),     is_attention(name), is_logits(name),
                         is_embedding(name), is_loss(name),      is_gradient(name)};
    BOOST_CHECK_MESSAGE(std::ranges::count(groups, true) == 1,
                        c.label << name << ": the reference has a tensor that no group compares");
  }
}

void compare_trace(const std::string& name, at::ScalarType dtype) {
  const TracedCase c(name, dtype);
  compare_trace(c);
  c.tally.check();
}

/// Compares the weights of original.pth, if it lies there.
void compare_original(const std::string& name, Tally& tally) {
  const auto dir = parity::root() / name;
  if (!std::filesystem::exists(dir / "original.pth"))
    return parity::report_missing(name + " original.pth", "no such file");
  // A file of the original repository says nothing of heads and epsilons: config.json beside it
  // does.
  const ScratchFolder scratch;
  std::filesystem::copy_file(dir / "original.pth", scratch.path / "original.pth");
  std::filesystem::copy_file(dir / "model" / "config.json", scratch.path / "config.json");
  auto expected = parameters(parity::open(dir / "model")),
       found = parameters(parity::open(scratch.path / "original.pth"));
  const auto file = vlp::read_weights(dir / "original.pth");
  if (const auto temp = file.find("temp"); temp != file.end()) {
    BOOST_TEST(found.at("temp").item<float>() == static_cast<float>(vlp::Numbers(temp->second)[0]));
    tally.add("temperature");
  }
  for (auto* named : {&expected, &found}) named->erase("temp");
  parity::report(name + " original.pth, unequal parameters", unequal(found, expected), 0);
  tally.add("original.pth");
}

const auto kModels = data::make(parity::retrieval_models());

}  // namespace

BOOST_AUTO_TEST_CASE(the_folder_holds_a_retrieval_model) {
  if (std::getenv("VLP_PARITY_DIR")) return;  // which need not hold models of each sort
  BOOST_TEST(!parity::retrieval_models().empty());
  Tally tally("retrieval models");
  for (const std::string& name : parity::retrieval_models()) tally.add(name);
  tally.check();
}

BOOST_DATA_TEST_CASE(trace_agrees_in_float32, kModels, name) { compare_trace(name, at::kFloat); }
BOOST_DATA_TEST_CASE(trace_agrees_in_float64, kModels, name) { compare_trace(name, at::kDouble); }

BOOST_DATA_TEST_CASE(the_original_file_gives_the_same_weights_and_its_temperature, kModels, name) {
  Tally tally(name + " formats");
  compare_original(name, tally);
  tally.check();
}

BOOST_DATA_TEST_CASE(written_and_opened_weights_are_the_same, kModels, name) {
  const auto dir = parity::root() / name;
  const vlp::OpenedModel first = parity::open(dir / "model");
  {
    const at::NoGradGuard no_grad;
    first.model.parts().call<vlp::Temperature>().fill_(0.0123456789);
  }
  const ScratchFolder scratch;
  std::filesystem::copy_file(dir / "model" / "config.json", scratch.path / "config.json");
  vlp::write_model_weights(*first.model.ptr(), scratch.path / "model.safetensors",
                           vlp::AnyFormat(vlp::BlipFormat{}));
  parity::report(name + " written and opened, unequal parameters",
                 unequal(parameters(parity::open(scratch.path)), parameters(first)), 0);
  const auto written = vlp::read_safetensors(scratch.path / "model.safetensors").tensors;
  for (const auto& [tensor, bytes] : vlp::read_weights(vlp::find_weights(dir / "model")))
    BOOST_TEST(written.contains(tensor), tensor);
  BOOST_TEST(!written.contains("temp"));
}

BOOST_AUTO_TEST_SUITE_END()
