#include "vlp/recipe/load.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"

namespace {

namespace fs = std::filesystem;

struct Folder : ScratchFolder {
  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path / name) << text;
    return path / name;
  }
};

std::string with_sets(const std::string& toml, const std::vector<std::string>& sets,
                      std::vector<std::string>* problems = nullptr) {
  vlp::Value root = vlp::parse_toml(toml, "r.toml");
  vlp::Diagnostics diagnostics;
  for (const auto& set : sets) vlp::apply_set(root, set, diagnostics);
  if (problems)
    for (const auto& problem : diagnostics.problems()) problems->push_back(problem.text());
  return vlp::write_toml(root);
}

std::string message_of(const std::string& toml) {
  return vlp_test::message_of<vlp::RecipeError>([&] { (void)vlp::parse_toml(toml, "r.toml"); });
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(load_recipe, Folder)

BOOST_AUTO_TEST_CASE(a_syntax_error_names_its_place) {
  BOOST_TEST(message_of("a = 1\nb = = 2\n").starts_with("r.toml:2:5: not TOML: "));
  BOOST_TEST(message_of("a = 1\na = 2\n").starts_with("r.toml:2:"));
}

BOOST_AUTO_TEST_CASE(a_list_entry_with_single_brackets_is_told_of_double_ones) {
  const std::string hint = " Each entry of a list begins with [[metric]].";
  BOOST_TEST(message_of("[metric]\nuse = 'a'\n[metric]\nuse = 'b'\n").ends_with(hint));
  BOOST_TEST(message_of("[[metric]]\nuse = 'a'\n[ metric ]\nuse = 'b'\n").find("[[ metric ]]") !=
             std::string::npos);
  BOOST_TEST(message_of("[metric]\nuse = 'a'\n[[metric]]\nuse = 'b'\n").ends_with(hint));
  BOOST_TEST(message_of("a = 1\na = 2\n").find("list") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(set_reads_numbers_strings_and_bare_words) {
  BOOST_TEST(with_sets("[train]\nlr = 1\n", {"train.lr=1e-4", "train.precision=fp32",
                                             "train.flag=true", "model.weights=runs/a b"}) ==
             "[train]\nlr = 1e-04\nprecision = \"fp32\"\nflag = true\n\n[model]\nweights = "
             "\"runs/a b\"\n");
}

BOOST_AUTO_TEST_CASE(set_reaches_into_arrays_by_index_and_by_unique_name) {
  const std::string toml = "[[loss]]\nuse = \"itc\"\n\n[[loss]]\nuse = \"lm\"\n";
  BOOST_TEST(with_sets(toml, {"loss.0.weight=2", "loss.lm.weight=0.5"}) ==
             "[[loss]]\nuse = \"itc\"\nweight = 2\n\n[[loss]]\nuse = \"lm\"\nweight = 0.5\n");
}

BOOST_AUTO_TEST_CASE(bad_sets_are_collected_with_what_was_expected) {
  std::vector<std::string> problems;
  with_sets("a = 1\n[[loss]]\nuse = \"lm\"\n[[loss]]\nuse = \"lm\"\n[[metric]]\nuse = \"cider\"\n",
            {"nonsense", "a.b=1", "loss.lm.weight=1", "loss.7.weight=1", "metric.cidre.n=1", "=3"},
            &problems);
  const std::vector<std::string> expected{
      "--set nonsense: got 'nonsense', expected KEY=VALUE, e.g. --set train.max_steps=100",
      "--set a.b=1: a.b: got an integer at this key, expected a table or an array",
      "--set loss.lm.weight=1: loss.lm.weight: 'lm' occurs 2 times, use an index",
      "--set loss.7.weight=1: loss.7.weight: index 7 is out of range, the array has 2 entries",
      "--set metric.cidre.n=1: metric.cidre.n: no entry named 'cidre' (did you mean 'cider'?); "
      "entries: cider",
      "--set =3: got '=3', expected KEY=VALUE, e.g. --set train.max_steps=100",
  };
  BOOST_TEST(problems == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(extends_merges_tables_and_replaces_arrays) {
  write("base.toml",
        "[train]\nepochs = 5\nbatch_size = 2\n[[loss]]\nuse = 'lm'\n[[loss]]\nuse = "
        "'itc'\n[schedule]\nuse = 'linear'\nunit = 'step'\n");
  const auto recipe =
      vlp::load_recipe(write("r.toml",
                             "extends = 'base.toml'\n[train]\nepochs = 1\n[[loss]]\nuse = "
                             "'itm'\n[schedule]\nuse = 'constant'\n"));
  BOOST_TEST(recipe.problems.empty());
  BOOST_TEST(vlp::write_toml(recipe.value) ==
             "[train]\nepochs = 1\nbatch_size = 2\n\n[[loss]]\nuse = \"itm\"\n\n[schedule]\nuse = "
             "\"constant\"\n");
}

BOOST_AUTO_TEST_CASE(false_takes_a_table_or_a_list_of_tables_of_the_base_away) {
  write("base.toml",
        "[model]\nuse = 'm'\ndecode = true\n[model.encoder]\nuse = 'e'\n[model.decoder]\nuse = "
        "'d'\n[[metric]]\nuse = 'bleu'\n");
  const fs::path derived =
      write("r.toml", "extends = 'base.toml'\nmetric = false\n[model]\ndecoder = false\n");
  const auto recipe = vlp::load_recipe(derived);
  BOOST_TEST(recipe.problems.empty());
  BOOST_TEST(vlp::write_toml(recipe.value) ==
             "[model]\nuse = \"m\"\ndecode = true\n\n[model.encoder]\nuse = \"e\"\n");
  BOOST_TEST(vlp::write_toml(
                 vlp::load_recipe(derived, {"model.encoder=false", "model.decode=false"}).value) ==
                 "[model]\nuse = \"m\"\ndecode = false\n",
             "of an option it is the value");
}

BOOST_AUTO_TEST_CASE(false_where_the_base_has_no_table_stays_to_be_refused) {
  write("base.toml", "[model]\nuse = 'm'\n");
  const auto recipe =
      vlp::load_recipe(write("r.toml", "extends = 'base.toml'\n[model]\ndekoder = false\n"));
  BOOST_TEST(vlp::write_toml(recipe.value) == "[model]\nuse = \"m\"\ndekoder = false\n");
}

BOOST_AUTO_TEST_CASE(what_overrides_what_is_kept_with_the_places) {
  write("base.toml", "[train]\nepochs = 5\nbatch_size = 2\nlog_every = 3\n");
  const auto recipe =
      vlp::load_recipe(write("r.toml", "extends = 'base.toml'\n[train]\nepochs = 1\n"),
                       {"train.log_every=1", "run={seed=1}"});
  BOOST_TEST((recipe.place_of("train.batch_size").layer == vlp::Layer::base));
  BOOST_TEST((recipe.place_of("train.epochs").layer == vlp::Layer::recipe));
  BOOST_TEST((recipe.place_of("train.log_every").layer == vlp::Layer::set));
  BOOST_TEST((recipe.place_of("run.seed").layer == vlp::Layer::set));
}

BOOST_AUTO_TEST_CASE(places_survive_a_merge) {
  write("base.toml", "[train]\nepochs = 5\nbatch_size = 2\n");
  const auto recipe =
      vlp::load_recipe(write("r.toml", "extends = 'base.toml'\n\n[train]\nepochs = 1\n"));
  BOOST_TEST(recipe.place_of("train.epochs").text() == (path / "r.toml").string() + ":4:10");
  BOOST_TEST(recipe.place_of("train.batch_size").text() == (path / "base.toml").string() + ":3:14");
}

BOOST_AUTO_TEST_CASE(a_bad_extends_is_a_problem_among_others) {
  write("base.toml", "extends = 'more.toml'\n");
  const auto two_levels = vlp::load_recipe(write("two.toml", "extends = 'base.toml'\n"));
  BOOST_TEST(two_levels.problems.problems().at(0).text().ends_with(
      "base.toml:1:1: extends: a base recipe must not extend another one; write out the common "
      "part"));
  const auto gone = vlp::load_recipe(write("gone.toml", "extends = 'nowhere.toml'\n"));
  BOOST_TEST(gone.problems.problems().at(0).text().find("extends: no recipe at ") !=
             std::string::npos);
  const auto number = vlp::load_recipe(write("number.toml", "extends = 3\n"));
  BOOST_TEST(number.problems.problems().at(0).message == "got 3, expected the path of one recipe");
  for (const vlp::Recipe& recipe : {two_levels, gone, number}) BOOST_TEST(recipe.incomplete);
}

BOOST_AUTO_TEST_CASE(without_its_base_a_recipe_is_told_nothing_else) {
  write("base.toml", "extends = 'more.toml'\n[[loss]]\nuse = 'lm'\n");
  const auto recipe =
      vlp::load_recipe(write("two.toml", "extends = 'base.toml'\n"), {"loss.lm.weight=2"});
  BOOST_TEST(recipe.problems.problems().size() == 1U);
  BOOST_TEST(recipe.incomplete);
  BOOST_TEST(!vlp::load_recipe(write("good.toml", "[[loss]]\nuse = 'lm'\n")).incomplete);
}

BOOST_AUTO_TEST_CASE(a_missing_recipe_is_named) {
  BOOST_CHECK_EXCEPTION(
      (void)vlp::load_recipe(path / "none.toml"), vlp::RecipeError, [](const vlp::RecipeError& e) {
        return std::string(e.what()).find("none.toml: recipe not found") != std::string::npos;
      });
  BOOST_CHECK_THROW((void)vlp::load_recipe(path), vlp::RecipeError);
}

BOOST_AUTO_TEST_SUITE_END()
