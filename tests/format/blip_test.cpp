// What the format of BLIP recognises, and how it names tensors.

#include "plugins/format/blip.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch_folder.hpp"

namespace {

/// A tensor of which only the name matters.
vlp::TensorBytes empty() { return {"F32", {0}, {}, nullptr}; }

struct Files {
  ScratchFolder scratch;
  vlp::BlipFormat format;

  /// @param names   of tensors
  /// @param config  content of config.json; empty = there is none
  [[nodiscard]] vlp::Kinship kinship(const std::vector<std::string>& names,
                                     const std::string& config = "") const {
    vlp::ForeignModel foreign;
    for (const std::string& name : names) foreign.file.tensors.emplace(name, empty());
    if (!config.empty()) {
      foreign.config = scratch.path / "config.json";
      std::ofstream(foreign.config) << config;
    }
    return format.kinship(foreign);
  }
};

vlp::Value recipe(const std::string& model, const std::string& encoder) {
  vlp::Table inner, table, root;
  inner.set("use", vlp::Value(encoder));
  table.set("use", vlp::Value(model));
  table.set("encoder", vlp::Value(std::move(inner)));
  root.set("model", vlp::Value(std::move(table)));
  return vlp::Value(std::move(root));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(blip_format, Files)

BOOST_AUTO_TEST_CASE(its_own_files_are_wholly_its_and_parts_and_look_alikes_in_part) {
  using enum vlp::Kinship;
  BOOST_TEST((kinship({"visual_encoder.cls_token"}) == whole));
  BOOST_TEST((kinship({"vision_model.a", "text_decoder.b"}) == whole));
  BOOST_TEST((kinship({"anything"}, R"({"model_type": "blip"})") == whole));
  BOOST_TEST((kinship({"vision_model.a", "text_model.b"}) == parts));
  BOOST_TEST((kinship({"vision_model.a", "text_decoder.b"}, R"({"model_type": "git"})") == parts));
  BOOST_TEST((kinship({"blocks.0.norm1.weight", "patch_embed.proj.weight"}) == parts));
  BOOST_TEST((kinship({"bert.embeddings.word_embeddings.weight"}) == parts));
  BOOST_TEST((kinship({"conv.weight"}) == none));
  for (const char* broken : {"{", "[]", R"({"model_type": 3})", "\xff"})
    BOOST_TEST((kinship({"conv.weight"}, broken) == none), broken);
}

BOOST_AUTO_TEST_CASE(a_recipes_model_is_wholly_its_or_made_of_its_parts) {
  using enum vlp::Kinship;
  BOOST_TEST((format.kinship(recipe("blip", "other")) == whole));
  BOOST_TEST((format.kinship(recipe("other", "vit")) == parts));
  BOOST_TEST((format.kinship(recipe("other", "other")) == none));
}

BOOST_AUTO_TEST_CASE(momentum_encoders_follow_the_part_without_the_ending) {
  const vlp::ModelLayout layout = format.layout({});
  BOOST_TEST(layout.is_momentum("text_proj_m.bias"));
  BOOST_TEST(!layout.is_momentum("text_proj.bias"));
  BOOST_TEST(layout.followed("vision_model_m.encoder.x") == "vision_model.encoder.x");
  BOOST_TEST(layout.group("text_encoder.encoder.layer.0.crossattention.self.key.weight")->name ==
             "crossattention");
  BOOST_TEST(layout.group("text_decoder.cls.predictions.bias")->name == "cls");
  BOOST_TEST(!layout.group("text_encoder.encoder.layer.0.output.dense.bias"));
  BOOST_TEST(!layout.part("itm_head"));
}

BOOST_AUTO_TEST_CASE(packed_tensors_stand_under_both_names_without_training_state) {
  vlp::NamedTensors tensors{{"text_proj_m.bias", empty()},
                            {vlp::detail::kWords, empty()},
                            {"temp", vlp::scalar_bytes(0.05)}};
  vlp::Metadata metadata;
  format.pack(tensors, metadata);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  std::ranges::sort(names);
  const std::vector<std::string> expected{vlp::detail::kWords, vlp::detail::kHead};
  BOOST_TEST(names == expected, boost::test_tools::per_element());
  BOOST_TEST(metadata.at("temp") == "0.05");
}

BOOST_AUTO_TEST_SUITE_END()
