#include "vlp/start/weight_sources.hpp"

#include <string>
#include <tuple>

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
  BOOST_TEST(read.model.weights.model == "runs/a");
  BOOST_TEST(read.model.weights.in_words() == "runs/a");
  BOOST_TEST(written(read.model) == "weights = \"runs/a\"\n");
}

BOOST_AUTO_TEST_CASE(a_table_names_the_sources_of_parts) {
  const Read read(
      "weights = { text = \"bert\", encoder = \"vit\", model = \"blip\", text_encoder = \"a\", "
      "decoder = \"b\" }");
  BOOST_TEST(read.problems == "");
  BOOST_TEST(read.model.weights.in_words() ==
             "model = blip, encoder = vit, text = bert, text_encoder = a, decoder = b");
  const std::string text = written(read.model);
  BOOST_TEST(text ==
             "[weights]\nmodel = \"blip\"\nencoder = \"vit\"\ntext = \"bert\"\ntext_encoder = "
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
  BOOST_TEST(Read("", {"weights=X"}).model.weights.model == "X");
  BOOST_TEST(Read("weights = { encoder = \"a\" }", {"weights=X"}).model.weights.in_words() == "X");
  BOOST_TEST(Read("", {"weights.encoder=X", "weights.text=Y"}).model.weights.in_words() ==
             "encoder = X, text = Y");
  BOOST_TEST(Read("weights = { encoder = \"a\" }", {"weights.encoder=X"}).model.weights.encoder ==
             "X");
  BOOST_TEST(Read("weights = { encoder = \"a\" }", {"weights="}).problems == "");
}

BOOST_AUTO_TEST_CASE(mistakes_are_reported_with_their_place) {
  BOOST_TEST(Read("weights = { encodr = \"a\" }")
                 .problems.find("weights.encodr: unknown key (did you mean 'encoder'?)") !=
             std::string::npos);
  BOOST_TEST(Read("weights = { encoder = 3 }")
                 .problems.find("weights.encoder: got 3, expected a string") != std::string::npos);
  BOOST_TEST(Read("weights = 3")
                 .problems.find("weights: got 3, expected a string, or a table with strings for "
                                "some of: model, encoder, text, text_encoder, decoder") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
