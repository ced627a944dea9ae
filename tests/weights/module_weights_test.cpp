#include "vlp/weights/module_weights.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"
#include "vlp/weights/state_file.hpp"

#include <ATen/ATen.h>

BOOST_AUTO_TEST_SUITE(module_weights)

using namespace vlp;
using vlp_test::contains;
using vlp_test::message_of;

namespace {

struct LayerImpl : torch::nn::Module {
  explicit LayerImpl(at::ScalarType dtype = at::kFloat) {
    weight = register_parameter("weight", at::zeros({2, 3}, dtype));
    bias = register_parameter("bias", at::zeros({3}, dtype));
  }
  at::Tensor weight, bias;
};

/// Two layers, one buffer, and a head whose weight is the first layer's.
struct Net : torch::nn::Module {
  explicit Net(at::ScalarType dtype = at::kFloat) {
    first = register_module("first", std::make_shared<LayerImpl>(dtype));
    second = register_module("second", std::make_shared<LayerImpl>(dtype));
    head = register_parameter("head", first->weight);
    absent = register_parameter("absent", at::Tensor(), false);
    count = register_buffer("count", at::zeros({1}, at::kLong));
  }
  std::shared_ptr<LayerImpl> first, second;
  at::Tensor head, absent, count;
};

void fill(Net& net) {
  const at::NoGradGuard no_grad;
  double next = 0.5;
  for (auto& [name, tensor] : vlp::detail::distinct_tensors(net))
    tensor.copy_(at::arange(tensor.numel()).reshape(tensor.sizes()).add(next++));
}

bool same(Net& a, Net& b) {
  const auto left = vlp::detail::all_tensors(a), right = vlp::detail::all_tensors(b);
  for (std::size_t i = 0; i < left.size(); ++i)
    if (!left[i].second.equal(right[i].second)) return false;
  return left.size() == right.size();
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_module_comes_back_into_its_own_memory, ScratchFolder) {
  Net saved, loaded;
  fill(saved);
  save_module(saved, path / "m.safetensors", {{"format", "pt"}});
  const void* memory = loaded.first->weight.const_data_ptr();
  const LoadReport report = load_module(loaded, path / "m.safetensors");
  BOOST_TEST(same(saved, loaded));
  BOOST_TEST((loaded.first->weight.const_data_ptr() == memory));
  BOOST_TEST(loaded.first->weight.requires_grad());
  BOOST_TEST(report.loaded == 5);
  BOOST_TEST((report.converted.empty() && report.ignored.empty()));
}

BOOST_FIXTURE_TEST_CASE(a_tied_parameter_is_stored_once_and_loads_under_either_name,
                        ScratchFolder) {
  Net saved, loaded;
  fill(saved);
  save_module(saved, path / "m");
  SafetensorsFile file = read_safetensors(path / "m");
  BOOST_TEST(file.tensors.size() == 5u);
  BOOST_TEST(file.tensors.contains("first.weight") != file.tensors.contains("head"));
  TensorMap renamed = file.tensors;
  auto node = renamed.extract(renamed.contains("head") ? "head" : "first.weight");
  node.key() = node.key() == "head" ? "first.weight" : "head";
  renamed.insert(std::move(node));
  load_module(loaded, renamed, "renamed");
  BOOST_TEST(same(saved, loaded));
}

BOOST_FIXTURE_TEST_CASE(tied_names_may_both_be_there_if_they_agree, ScratchFolder) {
  Net saved, loaded;
  fill(saved);
  save_module(saved, path / "m");
  TensorMap both = read_safetensors(path / "m").tensors;
  both["head"] = both["first.weight"] = tensor_bytes(saved.head);
  BOOST_TEST(load_module(loaded, both, "both").loaded == 6);
  BOOST_TEST(same(saved, loaded));
  both["head"] = tensor_bytes(at::ones({2, 3}));
  const std::string text = message_of<WeightsError>([&] { load_module(loaded, both, "both"); });
  BOOST_TEST((contains(text, "different: ") && contains(text, "are one parameter in the model")),
             text);
}

BOOST_FIXTURE_TEST_CASE(floating_dtypes_are_converted_and_reported, ScratchFolder) {
  Net saved(at::kHalf), loaded;
  fill(saved);
  save_module(saved, path / "m");
  const LoadReport report = load_module(loaded, path / "m");
  BOOST_TEST(report.converted.size() == 4u);
  BOOST_TEST((loaded.second->bias.scalar_type() == at::kFloat));
  BOOST_TEST(loaded.second->bias.detach().equal(saved.second->bias.detach().to(at::kFloat)));
}

BOOST_FIXTURE_TEST_CASE(all_mismatches_are_listed_at_once_and_nothing_is_copied, ScratchFolder) {
  Net saved, loaded, untouched;
  fill(saved);
  save_module(saved, path / "m");
  TensorMap tensors = read_safetensors(path / "m").tensors;
  tensors.erase("first.bias");
  tensors["second.bias"] = tensor_bytes(at::zeros({4}));
  tensors["count"] = tensor_bytes(at::zeros({1}, at::kInt));
  tensors["extra.weight"] = tensor_bytes(at::zeros({1, 2}));
  tensors["text.position_ids"] = tensor_bytes(at::arange(4));
  const std::string text =
      message_of<WeightsError>([&] { load_module(loaded, tensors, "weights.bin"); });
  BOOST_TEST(text.starts_with("weights.bin: the weights don't fit the model."), text);
  for (const char* part :
       {"missing: first.bias (F32 [3])", "mis-shaped: second.bias (got F32 [4], expected F32 [3])",
        "mis-shaped: count (got I32 [1], expected I64 [1])",
        "unexpected: extra.weight (F32 [1, 2])"})
    BOOST_TEST(contains(text, part), text);
  BOOST_TEST(!contains(text, "position_ids"));
  BOOST_TEST(same(loaded, untouched));
}

BOOST_FIXTURE_TEST_CASE(extra_position_ids_are_ignored_and_reported, ScratchFolder) {
  Net saved, loaded;
  fill(saved);
  save_module(saved, path / "m");
  TensorMap tensors = read_safetensors(path / "m").tensors;
  tensors["text.position_ids"] = tensor_bytes(at::arange(4));
  const LoadReport report = load_module(loaded, tensors, "m");
  BOOST_TEST(report.ignored == std::vector<std::string>{"text.position_ids"},
             boost::test_tools::per_element());
  BOOST_TEST(report.loaded == 5);
  tensors["xposition_ids"] = tensor_bytes(at::arange(4));
  BOOST_TEST(contains(message_of<WeightsError>([&] { load_module(loaded, tensors, "m"); }),
                      "unexpected: xposition_ids (I64 [4])"));
}

BOOST_FIXTURE_TEST_CASE(a_module_passes_through_a_checkpoint, ScratchFolder) {
  Net saved, loaded;
  fill(saved);
  State state, part = state.prefixed("model");
  save_module(saved, part);
  save_state(state, path / "s");
  load_module(loaded, load_state(path / "s").prefixed("model"));
  BOOST_TEST(same(saved, loaded));
  BOOST_TEST(
      contains(message_of<WeightsError>([&] { load_module(loaded, State()); }), "is missing"));
}

BOOST_AUTO_TEST_CASE(casting_changes_floating_numbers_and_leaves_counters_and_masks) {
  Net net;
  fill(net);
  const at::Tensor first = at::arange(2).eq(0), mask = net.register_buffer("mask", first.clone()),
                   mean = net.register_buffer("mean", at::full({2}, 0.1));
  net.count.fill_((std::int64_t{1} << 53) + 1);  // no float64 holds it
  const at::Tensor weight = net.first->weight.detach().clone();
  cast_floating(net, at::kDouble);
  BOOST_TEST((net.first->weight.scalar_type() == at::kDouble));
  BOOST_TEST(net.first->weight.equal(weight.to(at::kDouble)));
  BOOST_TEST(net.first->weight.requires_grad());
  BOOST_TEST((net.head.unsafeGetTensorImpl() == net.first->weight.unsafeGetTensorImpl()));
  BOOST_TEST((mean.scalar_type() == at::kDouble));
  BOOST_TEST((net.count.scalar_type() == at::kLong));
  BOOST_TEST(net.count.item<std::int64_t>() == (std::int64_t{1} << 53) + 1);
  BOOST_TEST((mask.scalar_type() == at::kBool));
  BOOST_TEST(mask.equal(first));
  cast_floating(net, at::kFloat);
  BOOST_TEST(net.first->weight.equal(weight));
}

BOOST_AUTO_TEST_SUITE_END()
