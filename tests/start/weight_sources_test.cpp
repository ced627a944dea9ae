#include "vlp/start/weight_sources.hpp"

#include <string>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vlp/recipe/load.hpp"
#include "vlp/recipe/write.hpp"

BOOST_AUTO_TEST_SUITE(weight_sources)

using namespace vlp;

namespace {

struct Model {
  WeightSources weights;
  static constexpr auto fields() { return std::tuple{field<&Model::weights>("Sources.")}; }
};

/// What a recipe with these lines says, and the problems that it has.
struct Read {
  Model model;
  std::string problems;

  explicit Read(const std::string& toml, const std::vector<std::string>& sets = {}) {
    Diagnostics diagnostics;
    Value root = parse_toml(toml, "r.toml");
    for (const std::string& set : sets) apply_set(root, set, diagnostics);
    ReadContext ctx{diagnostics, nullptr};
    read_options(root, "model", model, ctx);
    for (const auto& problem : diagnostics.problems()) problems += problem.text() + "\n";
  }
};

std::string written(const Model& model) { return write_toml(write_options(model)); }

}  // namespace

BOOST_AUTO_TEST_CASE(a_string_is_the_source_of_the_whole) {
  const Read read("weights = \"runs/a\"");
  BOOST_TEST(read.problems == "");
  BOOST_TEST(read.model.weights.of("model") == "runs/a");
  BOOST_TEST(read.model.weights.in_words() == "runs/a");
  BOOST_TEST(written(read.model) == "weights = \"runs/a\"\n");
}

BOOST_AUTO_TEST_CASE(a_table_names_the_sources_of_parts) {
  const Read read(
      "weights = { text = \"bert\", encoder = \"vit\", model = \"blip\", text_encoder = \"a\", "
      "decoder = \"b\" }");
  BOOST_TEST(read.problems == "");
  BOOST_TEST(read.model.weights.in_words() ==
             "model = blip, text = bert, encoder = vit, text_encoder = a, decoder = b");
  const std::string text = written(read.model);
  BOOST_TEST(text ==
             "[weights]\nmodel = \"blip\"\ntext = \"bert\"\nencoder = \"vit\"\ntext_encoder = "
             "\"a\"\ndecoder = \"b\"\n");
  BOOST_TEST((Read(text).model.weights == read.model.weights));
}

BOOST_AUTO_TEST_CASE(nothing_and_empty_strings_are_no_source) {
  for (const char* toml : {"", "weights = \"\"", "weights = {}", "weights = { encoder = \"\" }"}) {
    const Read read(toml);
    BOOST_TEST(read.problems == "");
    BOOST_TEST(read.model.weights.empty());
    BOOST_TEST(written(read.model) == "");
  }
}

BOOST_AUTO_TEST_CASE(sets_make_and_change_both_forms) {
  BOOST_TEST(Read("", {"weights=X"}).model.weights.of("model") == "X");
  BOOST_TEST(Read("weights = { encoder = \"a\" }", {"weights=X"}).model.weights.in_words() == "X");
  BOOST_TEST(Read("", {"weights.encoder=X", "weights.text=Y"}).model.weights.in_words() ==
             "encoder = X, text = Y");
  BOOST_TEST(
      Read("weights = { encoder = \"a\" }", {"weights.encoder=X"}).model.weights.of("encoder") ==
      "X");
  BOOST_TEST(Read("weights = { encoder = \"a\" }", {"weights="}).problems == "");
}

BOOST_AUTO_TEST_CASE(mistakes_are_reported_with_their_place) {
  BOOST_TEST(Read("weights = { encoder = 3 }")
                 .problems.find("weights.encoder: got 3, expected a string") != std::string::npos);
  BOOST_TEST(Read("weights = 3")
                 .problems.find("weights: got 3, expected a string, or a table with a string for "
                                "each part") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(keys_are_those_of_the_parts_that_the_recipe_chooses) {
  ModelLayout layout;
  layout.parts = {
      {.name = "a", .table = "model.a", .sources = {"first"}, .substitutes = {}},
      {.name = "b", .table = "model.b", .sources = {"second", "both"}, .substitutes = {}},
      {.name = "c", .table = "model.c", .sources = {"third", "both"}, .substitutes = {}},
      {.name = "d", .table = "", .sources = {"always"}, .substitutes = {}}};
  const auto keys = [&](const char* recipe) {
    return weight_keys(layout, parse_toml(recipe, "r.toml"));
  };
  using Keys = std::vector<std::string>;
  BOOST_TEST((keys("[model.a]\n[model.b]\n[model.c]\n") ==
              Keys{"model", "first", "second", "both", "third", "always"}));
  BOOST_TEST((keys("[model.c]\n") == Keys{"model", "third", "both", "always"}));
  BOOST_TEST((weight_keys({}, parse_toml("[model.a]\n", "r.toml")) == Keys{"model"}));
}

BOOST_AUTO_TEST_SUITE_END()
