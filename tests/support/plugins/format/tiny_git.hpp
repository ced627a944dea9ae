#pragma once
// The format of a stranger's family: its files have other names for tensors and sizes. It knows the
// model, the encoder and the decoder by the tables of a recipe alone, and includes none of them.

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/format.hpp"
#include "vlp/core/error.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/weights/config_file.hpp"
#include "vlp/weights/tensor_parts.hpp"
#include "vlp/weights/wordpiece_files.hpp"

namespace tiny_git {

/// Beginnings of names in files and in the module.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kNames{
    {{"git.image_encoder.", "vision."},
     {"git.visual_projection.", "projection."},
     {"git.textual.", "text."}}};

/// A name with its beginning replaced, in either direction.
inline std::string renamed(const std::string& name, bool to_file) {
  for (const auto& [file, module] : kNames) {
    const auto& [from, to] = to_file ? std::pair(module, file) : std::pair(file, module);
    if (name.starts_with(from)) return std::string(to) + name.substr(from.size());
  }
  return name;
}

/// A size in config.json and in a recipe.
struct Size {
  const char* key;
  const char* table;  ///< of the part in [model]; empty = [model] itself
  const char* option;
  std::int64_t otherwise;
};
inline constexpr std::array<Size, 8> kSizes{{{"image_size", "encoder", "image_size", 16},
                                             {"patch_size", "encoder", "patch", 8},
                                             {"vision_width", "encoder", "width", 12},
                                             {"hidden_size", "", "width", 12},
                                             {"num_hidden_layers", "decoder", "depth", 1},
                                             {"num_attention_heads", "decoder", "heads", 2},
                                             {"max_positions", "decoder", "max_positions", 16},
                                             {"vocab_size", "decoder", "vocabulary_size", 0}}};

class Format {
 public:
  static constexpr std::string_view name = "tiny_git";

  [[nodiscard]] std::string title() const { return "a tiny GIT"; }

  [[nodiscard]] vlp::Kinship kinship(const vlp::ForeignModel& foreign) const {
    return vlp::has_beginning(foreign.file.tensors, "git.") ? vlp::Kinship::whole
                                                            : vlp::Kinship::none;
  }
  [[nodiscard]] vlp::OwnWeights translate(vlp::WeightFile file, const vlp::Console&) const {
    vlp::OwnWeights weights{.source = file.source, .tensors = {}};
    for (auto& [name, tensor] : file.tensors)
      weights.tensors.emplace(renamed(name, /*to_file=*/false), std::move(tensor));
    return weights;
  }
  [[nodiscard]] vlp::Value settings(const vlp::ForeignModel& foreign, const vlp::Console&) const {
    if (foreign.config.empty()) return {};
    vlp::Table root;
    root.set("model", vlp::Value(model_table(vlp::read_config_file(foreign.config))));
    return vlp::Value(std::move(root));
  }
  [[nodiscard]] std::optional<vlp::Table> tokenizer(const std::filesystem::path& folder) const {
    const auto vocabulary = vlp::wordpiece_vocabulary(folder);
    if (!vocabulary) return std::nullopt;
    vlp::Table table = used("wordpiece");
    table.set("vocabulary", vlp::Value(vocabulary->string()));
    return table;
  }
  [[nodiscard]] vlp::ImportedModel import_model(vlp::ForeignModel foreign,
                                                const vlp::ImportArguments& arguments) const {
    if (kinship(foreign) == vlp::Kinship::none)
      throw vlp::WeightsError(foreign.file.source + ": no tiny GIT. Choose another model.");
    const vlp::ConfigObject config = vlp::read_config_file(foreign.config);
    vlp::Table model = model_table(config), resize = used("resize"), generate, root;
    const auto id = [&](const char* key) { return config.integer(key, 0, vlp::at_least(0)); };
    const vlp::ModelTokens tokens{.vocabulary_size = id("vocab_size"),
                                  .decode = id("bos"),
                                  .encode = id("bos"),
                                  .sep = id("sep"),
                                  .pad = id("pad")};
    config.throw_if_wrong("Correct the file.");
    resize.set("size", vlp::Value(config.integer("image_size", 16, vlp::at_least(1))));
    generate.set("max_length", vlp::Value(config.integer("max_positions", 16, vlp::at_least(2))));
    if (auto tokenizer = this->tokenizer(foreign.folder))
      root.set("tokenizer", vlp::Value(std::move(*tokenizer)));
    root.set("transform",
             vlp::Value(vlp::Array{vlp::Value(std::move(resize)), vlp::Value(used("normalize"))}));
    root.set("model", vlp::Value(std::move(model)));
    root.set("loss", vlp::Value(vlp::Array{vlp::Value(used("lm"))}));
    root.set("generate", vlp::Value(std::move(generate)));
    return {.recipe = vlp::Value(std::move(root)),
            .tokens = tokens,
            .weights = translate(std::move(foreign.file), arguments.console)};
  }

  [[nodiscard]] vlp::Kinship kinship(const vlp::Value& resolved) const {
    return uses(resolved, "", "tiny_git") ? vlp::Kinship::whole : vlp::Kinship::none;
  }
  [[nodiscard]] vlp::ModelLayout layout(const vlp::Value&) const {
    vlp::ModelLayout layout;
    layout.parts = {
        {.name = "vision", .table = "model.encoder", .sources = {"encoder"}, .substitutes = {}},
        {.name = "projection", .table = "", .sources = {"projection"}, .substitutes = {}},
        {.name = "text", .table = "model.decoder", .sources = {"decoder"}, .substitutes = {}}};
    layout.grids = {{.name = "vision.positions", .leading = 0}};
    return layout;
  }

  [[nodiscard]] std::string obstacle(const vlp::ExportedModel& model) const {
    if (!uses(model.resolved, "", "tiny_git")) return "another model";
    if (!uses(model.resolved, "encoder", "tiny_patches")) return "another encoder";
    return uses(model.resolved, "decoder", "tiny_prefix") ? "" : "another decoder";
  }
  [[nodiscard]] std::vector<vlp::FolderFile> files(const vlp::ExportedModel& model) const {
    vlp::Json config{{"model_type", "tiny_git"}};
    for (const Size& size : kSizes)
      config[size.key] =
          *part(model.resolved, size.table)->find(size.option)->value.as<std::int64_t>();
    if (config["vocab_size"] == 0)
      config["vocab_size"] = model.ctx.facts.dimensions.vocabulary_size;
    config["bos"] = model.ctx.facts.tokens.decode;
    config["sep"] = model.ctx.facts.tokens.sep;
    config["pad"] = model.ctx.facts.tokens.pad;
    return {{"config.json", config}, {"README.md", std::string("# a tiny GIT\n")}};
  }
  void pack(vlp::NamedTensors& tensors, vlp::Metadata&) const {
    for (auto& [name, tensor] : tensors) name = renamed(name, /*to_file=*/true);
  }

 private:
  static vlp::Table used(const char* component) {
    vlp::Table table;
    table.set("use", vlp::Value(component));
    return table;
  }
  /// The table [model] of a config.json.
  static vlp::Table model_table(const vlp::ConfigObject& config) {
    vlp::Table model = used("tiny_git"), encoder = used("tiny_patches"),
               decoder = used("tiny_prefix");
    for (const Size& size : kSizes) {
      const std::string_view table = size.table;
      vlp::Table& of = table.empty() ? model : table == "encoder" ? encoder : decoder;
      of.set(size.option, vlp::Value(config.integer(size.key, size.otherwise, vlp::at_least(0))));
    }
    config.throw_if_wrong("Correct the file.");
    model.set("encoder", vlp::Value(std::move(encoder)));
    model.set("decoder", vlp::Value(std::move(decoder)));
    return model;
  }
  /// [model] of a recipe, or the table of one of its parts; null if there is none.
  static const vlp::Table* part(const vlp::Value& resolved, std::string_view table) {
    const vlp::Entry* model = resolved.as<vlp::Table>()->find("model");
    const vlp::Table* whole = model ? model->value.as<vlp::Table>() : nullptr;
    if (!whole || table.empty()) return whole;
    const vlp::Entry* found = whole->find(table);
    return found ? found->value.as<vlp::Table>() : nullptr;
  }
  static bool uses(const vlp::Value& resolved, std::string_view table, std::string_view component) {
    const vlp::Table* found = part(resolved, table);
    const vlp::Entry* use = found ? found->find("use") : nullptr;
    return use && *use->value.as<std::string>() == component;
  }
};
static_assert(vlp::Format<Format>);

}  // namespace tiny_git

VLP_PLUGIN(tiny_git, "1.0", tiny_git::Format);
