#pragma once
// Small models begun from sources of weights, and a console that remembers what it was told.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "plugins/format/blip.hpp"
#include "tests/support/messages.hpp"
#include "tests/support/model_tensors.hpp"
#include "tests/support/scratch_folder.hpp"
#include "vlp/assemble/model_tables.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/assemble/write_model.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/registry/builtin.hpp"
#include "vlp/weights/read_weights.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp_test {

namespace fs = std::filesystem;

/// The tables of a recipe that matter here.
struct ModelTables {
  vlp::Use<vlp::AnyModel, vlp::ModelExtras> model;
  std::vector<vlp::Use<vlp::AnyLoss, vlp::LossExtras>> loss;

  static constexpr auto fields() {
    return std::tuple{vlp::field<&ModelTables::model>("What is built."),
                      vlp::field<&ModelTables::loss>("What it must serve.")};
  }
};

inline constexpr const char* kEncoder = R"(
[model.encoder]
use = "vit"
image_size = 32
patch = 8
width = 24
depth = 2
heads = 3
mlp = 40
layer_norm_eps = 1e-6
)";
inline constexpr const char* kTextEncoder = R"(
[model.text_encoder]
use = "bert"
width = 24
depth = 2
heads = 3
mlp = 40
max_positions = 16
)";
inline constexpr const char* kDecoder = R"(
[model.decoder]
use = "bert_cross_attention"
width = 24
depth = 2
heads = 3
mlp = 40
max_positions = 16
)";
inline constexpr const char* kMomentumLoss = "\n[[loss]]\nuse = \"itc\"\nqueue_size = 0\n";

/// A recipe's [model] of these parts.
inline std::string recipe_of(const std::string& parts) {
  return "[model]\nuse = \"blip\"\nembedding_width = 12\n" + parts;
}
/// All three parts, whose texts share all but self-attention.
inline std::string mixture() { return recipe_of(std::string(kEncoder) + kTextEncoder + kDecoder); }
/// Image encoder and decoder.
inline std::string captioner() { return recipe_of(std::string(kEncoder) + kDecoder); }
/// Image encoder and text encoder.
inline std::string retriever() { return recipe_of(std::string(kEncoder) + kTextEncoder); }

inline fs::path data(const std::string& name) {
  return fs::path(VLP_TEST_DATA) / "warm_start" / name;
}

inline std::string weights(const std::string& key, const fs::path& source) {
  return "model.weights" + (key.empty() ? "" : "." + key) + "=" + source.string();
}

/// Builds models and keeps what the console heard.
struct Builder {
  vlp::Registry registry;
  ScratchFolder scratch;
  std::vector<std::string> notes, warnings;
  std::int64_t vocabulary = 52;  ///< of the model: BERT's 50 words, [DEC] and [ENC]
  bool complete = false;         ///< see vlp::build_model

  Builder() { vlp::add_builtin_plugins(registry); }

  [[nodiscard]] vlp::Plan plan(const std::string& recipe,
                               const std::vector<std::string>& sets) const {
    vlp::Diagnostics problems;
    vlp::Value root = vlp::parse_toml(recipe, "test");
    for (const std::string& set : sets) vlp::apply_set(root, set, problems);
    vlp::ReadContext read{problems, &registry};
    ModelTables tables;
    vlp::read_fields(*root.as<vlp::Table>(), root.place, "", tables, read);
    problems.throw_if_any();
    vlp::Plan plan;
    plan.resolved = vlp::write_options(tables);
    plan.formats = vlp::Formats(registry);
    plan.model = std::move(tables.model);
    plan.loss = std::move(tables.loss);
    return plan;
  }
  [[nodiscard]] vlp::Context context() {
    vlp::Context ctx;
    ctx.facts.dimensions.vocabulary_size = vocabulary;
    ctx.facts.tokens.decode = 50;
    ctx.facts.tokens.encode = 51;
    ctx.machine.console.on_note = [this](std::string_view text) { notes.emplace_back(text); };
    ctx.machine.console.on_warning = [this](std::string_view text) { warnings.emplace_back(text); };
    return ctx;
  }
  [[nodiscard]] vlp::AnyModel opened(const vlp::Plan& plan, const vlp::Context& ctx) const {
    return vlp::build_model(plan, ctx, vlp::open_initial_weights(plan, ctx), complete);
  }
  /// A model in evaluation mode.
  [[nodiscard]] vlp::AnyModel build(const std::string& recipe,
                                    const std::vector<std::string>& sets = {}) {
    notes.clear();
    warnings.clear();
    at::manual_seed(11);
    vlp::AnyModel model = opened(plan(recipe, sets), context());
    model.ptr()->eval();
    return model;
  }
  /// A model with random weights, none of them 0 or 1, as a run folder's model/.
  [[nodiscard]] fs::path written(const std::string& name, const std::string& recipe,
                                 std::vector<std::string> sets = {}) {
    const vlp::AnyModel model = build(recipe, sets);
    const at::NoGradGuard no_grad;
    for (at::Tensor& parameter : model.ptr()->parameters())
      parameter.normal_(0.0, 0.3).abs_();  // a temperature is above 0
    const fs::path folder = scratch.path / name;
    fs::create_directories(folder);
    vlp::write_model_weights(*model.ptr(), folder / "model.safetensors",
                             vlp::AnyFormat(vlp::BlipFormat{}));
    std::ofstream(folder / "recipe.toml") << vlp::write_toml(plan(recipe, sets).resolved);
    return folder;
  }
  /// The message of the WeightsError that building ends with.
  [[nodiscard]] std::string refusal(const std::string& recipe,
                                    const std::vector<std::string>& sets) {
    return message_of<vlp::WeightsError>([&] { (void)build(recipe, sets); });
  }
  /// Whether a note says so; if not, the notes are shown.
  [[nodiscard]] bool noted(const std::string& part) const {
    if (contains(notes, part)) return true;
    for (const std::string& note : notes) BOOST_TEST_MESSAGE("note: " << note);
    return false;
  }
};

/// Changes the tensors of a file and writes them elsewhere as safetensors.
inline void rewrite(const fs::path& from, const fs::path& to,
                    const std::function<void(vlp::TensorMap&)>& change) {
  vlp::TensorMap tensors = vlp::read_weights(from);
  change(tensors);
  fs::create_directories(to.parent_path());
  vlp::write_safetensors(to, {tensors.begin(), tensors.end()});
}

}  // namespace vlp_test
