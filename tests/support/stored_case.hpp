#pragma once
// A model that another implementation has computed: a folder with model/, inputs.safetensors and,
// where they are stored, expected.safetensors, generate.json, model-bin/ and original.pth.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/scratch_folder.hpp"
#include "tests/support/tally.hpp"
#include "vlp/assemble/open_model.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/registry/builtin.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/trace/compare.hpp"
#include "vlp/trace/trace.hpp"

namespace parity {

namespace fs = std::filesystem;

/// VLP_PARITY_DIR, or what lies beside the tests.
inline fs::path root() {
  const char* other = std::getenv("VLP_PARITY_DIR");
  return other ? fs::path(other) : fs::path(VLP_TEST_DATA) / "parity";
}

inline nlohmann::json read_json(const fs::path& path) {
  std::ifstream file(path);
  BOOST_REQUIRE_MESSAGE(file.good(), "missing " + path.string());
  return nlohmann::json::parse(file);
}

/// Names of the folders that hold a model of this architecture, a class of transformers, sorted.
inline std::vector<std::string> cases(const std::string& architecture) {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(root(), none)) {
    if (!fs::exists(entry.path() / "inputs.safetensors") ||
        !fs::exists(entry.path() / "model" / "config.json"))
      continue;
    std::ifstream file(entry.path() / "model" / "config.json");
    const nlohmann::json config = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
    const nlohmann::json kinds = config.is_object()
                                     ? config.value("architectures", nlohmann::json::array())
                                     : nlohmann::json::array();
    if (std::find(kinds.begin(), kinds.end(), architecture) != kinds.end())
      names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}
inline std::vector<std::string> captioners() { return cases("BlipForConditionalGeneration"); }
inline std::vector<std::string> retrieval_models() { return cases("BlipForImageTextRetrieval"); }

/// One line on standard output: what was compared, the largest difference, what is allowed.
inline void report(const std::string& what, double difference, double tolerance,
                   const std::string& more = {}) {
  std::cout << "   " << what << ": " << difference << " (at most " << tolerance << ")"
            << (more.empty() ? "" : ", " + more) << std::endl;
  BOOST_CHECK_MESSAGE(difference <= tolerance, what << ": difference " << difference << " above "
                                                    << tolerance << " " << more);
}
inline void report_missing(const std::string& what, const std::string& why) {
  std::cout << "   " << what << ": not compared, " << why << std::endl;
}

/// All components of vlp.
inline const vlp::Registry& registry() {
  static const vlp::Registry all = [] {
    vlp::Registry builtin;
    vlp::add_builtin_plugins(builtin);
    return builtin;
  }();
  return all;
}

/// The model as a user opens it.
inline vlp::OpenedModel open(const fs::path& model, at::ScalarType dtype = at::kFloat) {
  vlp::OpenModelArguments arguments;
  arguments.threads = 1;
  arguments.share_dir = fs::path(VLP_SOURCE_ROOT) / "share";
  arguments.dtype = dtype;
  return vlp::open_model(model.string(), registry(), arguments);
}

/// Parameters by name, as they are.
inline std::map<std::string, at::Tensor> parameters(const vlp::OpenedModel& opened) {
  std::map<std::string, at::Tensor> named;
  for (const auto& item : opened.model.ptr()->named_parameters())
    named.emplace(item.key(), item.value().detach());
  return named;
}

/// @return  parameters that are not bit-equal, or stand in one of the two only
inline double unequal(const std::map<std::string, at::Tensor>& a,
                      const std::map<std::string, at::Tensor>& b) {
  std::set<std::string> names;
  for (const auto* named : {&a, &b})
    for (const auto& [name, tensor] : *named) names.insert(name);
  return static_cast<double>(std::ranges::count_if(names, [&](const std::string& name) {
    return !a.contains(name) || !b.contains(name) || !a.at(name).equal(b.at(name));
  }));
}

inline std::string precision(at::ScalarType type) {
  return type == at::kDouble ? "float64" : "float32";
}

constexpr double kLearningRate = 1e-3, kWeightDecay = 0.1;  // of the stored updates

/// What made the stored updates.
inline vlp::Table stored_optimizer() {
  vlp::Table table;
  table.set("use", vlp::Value("adamw"));
  table.set("lr", vlp::Value(kLearningRate));
  table.set("weight_decay", vlp::Value(kWeightDecay));
  table.set("decay_norms_and_biases", vlp::Value(true));
  return table;
}

/// A stored case, and what vlp traces for it in one number format.
struct TracedCase {
  TracedCase(const std::string& name, at::ScalarType type)
      : dir(root() / name),
        dtype(type),
        label(name + " " + precision(type) + " "),
        tally(name + " " + precision(type)) {
    const vlp::OpenedModel opened = open(dir / "model", dtype);
    const vlp::TraceInputs inputs = vlp::read_trace_inputs(dir / "inputs.safetensors", opened.ctx,
                                                           dtype, opened.model.serves());
    if (fs::exists(dir / "expected.safetensors"))
      stored = vlp::read_trace(dir / "expected.safetensors");
    vlp::Tracer tracer(opened.plan, opened.model, registry(), opened.ctx);
    vlp::write_safetensors(
        scratch.path / "trace.safetensors",
        tracer.trace(inputs, {.steps = stored_steps(), .optimizer = stored_optimizer()}));
    traced = vlp::read_trace(scratch.path / "trace.safetensors");
    differences = vlp::compare_traces(traced, stored);
  }

  /// The largest N for which there are weights after N updates; 0 = none.
  std::int64_t stored_steps() const {
    constexpr std::string_view prefix = "loss_after_step";
    std::int64_t steps = 0;
    for (const auto& [name, tensor] : stored.tensors)
      if (name.starts_with(prefix))
        steps = std::max<std::int64_t>(steps, std::stoll(name.substr(prefix.size())));
    return steps;
  }
  bool is_double() const { return dtype == at::kDouble; }
  /// Whether the reference has this tensor at the precision of the case.
  bool has_precision(const std::string& name) const {
    const auto found = stored.tensors.find(name);
    return found != stored.tensors.end() &&
           (is_double() ? found->second.full : found->second.single).has_value();
  }

  /// A tensor of the trace and one of the reference, as float64, the rows that the reference holds
  /// of it.
  std::pair<at::Tensor, at::Tensor> both(const std::string& name) const {
    const vlp::StoredParts& parts = reference(name);
    const vlp::StoredTensor& mine = traced.tensors.at(name);
    at::Tensor actual = tensor(*(mine.full ? *mine.full : *mine.single).whole);
    if (parts.whole) return {actual, tensor(*parts.whole)};
    BOOST_REQUIRE_MESSAGE(parts.rows,
                          label + name + ": the reference holds neither the whole nor rows");
    return {actual.index_select(0, at::tensor(stored.index)), tensor(*parts.rows)};
  }

  /// The size of the largest number that the reference holds of a tensor, at least 1.
  double size(const std::string& name) const {
    double largest = 1;
    const vlp::StoredParts& parts = reference(name);
    for (const auto* numbers : {&parts.whole, &parts.rows, &parts.columns})
      for (std::size_t i = 0; *numbers && i < (*numbers)->size(); ++i)
        if (const double number = (**numbers)[i]; std::isfinite(number))
          largest = std::max(largest, std::abs(number));
    return largest;
  }

  fs::path dir;
  at::ScalarType dtype;
  std::string label;    ///< how lines begin
  mutable Tally tally;  ///< of what is compared
  vlp::TraceFile stored, traced;
  std::vector<vlp::TensorDifference> differences;

 private:
  /// What the reference holds of a tensor, at the precision of the case if it can.
  const vlp::StoredParts& reference(const std::string& name) const {
    const vlp::StoredTensor& entry = stored.tensors.at(name);
    return is_double() && entry.full ? *entry.full : entry.single ? *entry.single : *entry.full;
  }

  static at::Tensor tensor(const vlp::Numbers& numbers) {
    at::Tensor values = at::empty({static_cast<std::int64_t>(numbers.size())}, at::kDouble);
    for (std::size_t i = 0; i < numbers.size(); ++i) values.data_ptr<double>()[i] = numbers[i];
    return values.view(numbers.shape());
  }

  ScratchFolder scratch;
};

}  // namespace parity
