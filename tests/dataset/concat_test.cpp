#include "plugins/dataset/concat.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "plugins/dataset/flickr30k.hpp"
#include "plugins/dataset/image_text_json.hpp"
#include "plugins/dataset/karpathy.hpp"
#include "tests/support/data_folder.hpp"
#include "vlp/data/sampler.hpp"
#include "vlp/recipe/load.hpp"

BOOST_AUTO_TEST_SUITE(concat)

using boost::test_tools::per_element;
using vlp::CaptionsPerImage;
using vlp::Concat;
using vlp::ImageTextJson;
using vlp::Split;
using Lines = std::vector<std::string>;

namespace {

using Part = vlp::Use<vlp::AnyDataset, vlp::PartExtras>;

vlp::Registry make_registry() {
  vlp::Registry registry;
  registry.add<vlp::AnyDataset, Concat>("1", "test");
  registry.add<vlp::AnyDataset, vlp::Flickr30k>("1", "test");
  registry.add<vlp::AnyDataset, ImageTextJson>("1", "test");
  registry.add<vlp::AnyDataset, vlp::Karpathy>("1", "test");
  return registry;
}

/// Two lists that share an image id for training and for test.
struct Lists : DataFolder {
  Lists() {
    write("a.json",
          R"([{"image": "1.jpg", "caption": ["a", "b"]}, {"image": "2.jpg", "caption": "c"}])");
    write("b.json", R"([{"image": "3.jpg", "caption": "d"}, {"image": "1.jpg", "caption": "e"}])");
  }
  static Part part(const std::string& list, CaptionsPerImage mode = CaptionsPerImage::all,
                   std::int64_t repeat = 1) {
    ImageTextJson::Options options;
    options.train = options.test = {list};
    options.check_images = false;
    options.captions_per_image = mode;
    Part part = Part::of<ImageTextJson>(options);
    part.extra.repeat = repeat;
    return part;
  }
};

/// [dataset] of a recipe, read and checked.
struct Dataset {
  vlp::Use<vlp::AnyDataset> dataset;
  static constexpr auto fields() { return std::tuple{vlp::field<&Dataset::dataset>("")}; }
};

struct Read {
  Dataset options;
  std::string problems, resolved;
};

Read read(const std::string& toml, const std::vector<std::string>& sets = {}) {
  Read result;
  const vlp::Registry registry = make_registry();
  vlp::Value root = vlp::parse_toml(toml, "r.toml");
  vlp::Diagnostics problems;
  for (const std::string& set : sets) vlp::apply_set(root, set, problems);
  vlp::ReadContext ctx{problems, &registry};
  vlp::read_options(root, "", result.options, ctx);
  try {
    problems.throw_if_any();
    result.resolved = vlp::write_toml(vlp::write_options(result.options));
  } catch (const vlp::RecipeError& error) {
    result.problems = error.what();
  }
  return result;
}

const std::string kRecipe =
    "[dataset]\nuse = \"concat\"\n"
    "[[dataset.part]]\nuse = \"image_text_json\"\ntrain = [\"a.json\"]\ncheck_images = false\n"
    "[[dataset.part]]\nuse = \"image_text_json\"\nrepeat = 2\ntrain = [\"b.json\"]\ncheck_images = "
    "false\n";

}  // namespace

BOOST_AUTO_TEST_CASE(parts_follow_one_another_and_ids_change_only_where_they_collide) {
  const Lists data;
  const Concat dataset({.part = {data.part("a.json"), data.part("b.json")}}, data.ctx);
  for (const Split split : {Split::train, Split::test})
    BOOST_TEST(shown_records(dataset, split) ==
                   (Lines{"1.jpg: a|b", "2.jpg: c", "3.jpg: d", "1.jpg#1: e"}),
               per_element());
  BOOST_TEST(dataset.records(Split::validation).empty());
  BOOST_TEST(dataset.records(Split::train)[3].file == dataset.records(Split::train)[0].file);
}

BOOST_AUTO_TEST_CASE(a_name_that_the_change_would_give_twice_changes_again) {
  const Lists data;
  data.write("c.json",
             R"([{"image": "1.jpg", "caption": "x"}, {"image": "1.jpg#1", "caption": "y"}])");
  const Concat dataset({.part = {data.part("c.json"), data.part("b.json")}}, data.ctx);
  BOOST_TEST(shown_records(dataset, Split::test) ==
                 (Lines{"1.jpg: x", "1.jpg#1: y", "3.jpg: d", "1.jpg#1#1: e"}),
             per_element());
}

BOOST_AUTO_TEST_CASE(a_repeated_part_has_its_rows_several_times_an_epoch) {
  const Lists data;
  for (const auto& [mode, rows] :
       {std::pair{CaptionsPerImage::all, 3 + 3 * 2}, std::pair{CaptionsPerImage::one, 2 + 3 * 2}}) {
    const Concat dataset({.part = {data.part("a.json", mode), data.part("b.json", mode, 3)}},
                         data.ctx);
    BOOST_TEST((dataset.captions_per_image() == mode));
    BOOST_TEST(dataset.records(Split::test).size() == 4);
    const auto epoch =
        vlp::epoch_rows(dataset.records(Split::train), mode, true, vlp::RandomStream(1), 0);
    BOOST_TEST(epoch.size() == static_cast<std::size_t>(rows));
    BOOST_TEST(vlp::rows_per_epoch(dataset.records(Split::train), mode) == rows);
    std::vector<std::int64_t> repetitions;
    for (const vlp::SampleRow& row : epoch)
      if (row.record == 2) repetitions.push_back(row.repetition);
    std::ranges::sort(repetitions);
    BOOST_TEST(repetitions == (std::vector<std::int64_t>{0, 1, 2}), per_element());
  }
}

BOOST_AUTO_TEST_CASE(parts_that_draw_captions_differently_are_refused) {
  const Lists data;
  BOOST_TEST(data.problem<Concat>(
                 {.part = {data.part("a.json"), data.part("b.json", CaptionsPerImage::one)}}) ==
             "dataset.part.1.captions_per_image: differs from the parts before (got one, expected "
             "all). Set all parts alike.");
}

BOOST_AUTO_TEST_CASE(what_is_missing_of_all_parts_is_reported_together) {
  const Lists data;
  const Concat::Options options{
      .part = {data.part("c.json"), data.part("a.json"), data.part("d.json")}};
  BOOST_TEST(data.not_found<Concat>(options));
  const std::string problem = data.problem<Concat>(options);
  BOOST_TEST(problem.find("train not found at " + (data.path / "c.json").string()) != problem.npos);
  BOOST_TEST(problem.find("\ndataset image_text_json: train not found at " +
                          (data.path / "d.json").string()) != problem.npos);
}

BOOST_AUTO_TEST_CASE(a_recipe_nests_parts_and_writes_them_as_they_are_used) {
  const Lists data;
  const Read recipe = read(kRecipe);
  BOOST_TEST(recipe.problems == "");
  BOOST_TEST(shown_records(recipe.options.dataset.build(data.ctx), Split::train) ==
                 (Lines{"1.jpg: a|b", "2.jpg: c", "3.jpg: d", "1.jpg#1: e"}),
             per_element());
  const Read again = read(recipe.resolved);
  BOOST_TEST(again.problems == "");
  BOOST_TEST(again.resolved == recipe.resolved);
  BOOST_TEST(
      recipe.resolved.find(
          "[[dataset.part]]\nuse = \"image_text_json\"\nrepeat = 2\ntrain = [\"b.json\"]\n") !=
      std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_command_line_reaches_into_a_part) {
  const Read recipe =
      read(kRecipe, {"dataset.part.0.repeat=5", "dataset.part.1.captions_per_image=one"});
  BOOST_TEST(recipe.problems == "");
  BOOST_TEST(recipe.resolved.find("repeat = 5") != std::string::npos);
  BOOST_TEST(recipe.resolved.find("captions_per_image = \"one\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(mistakes_in_parts_are_reported_with_their_places) {
  BOOST_TEST(read("[dataset]\nuse = \"concat\"\n")
                 .problems.find("no parts, expected at least one table [[dataset.part]]") !=
             std::string::npos);
  BOOST_TEST(read("[dataset]\nuse = \"concat\"\npart = []\n")
                 .problems.find("got 0 entries, expected at least 1") != std::string::npos);
  const std::string problems = read(
                                   "[dataset]\nuse = \"concat\"\n[[dataset.part]]\nuse = "
                                   "\"karpaty\"\n[[dataset.part]]\nuse = "
                                   "\"karpathy\"\nrepeat = 0\nrestvall = \"skip\"\n")
                                   .problems;
  BOOST_TEST(problems.find("r.toml:4:") != problems.npos);
  BOOST_TEST(problems.find("dataset.part.0.use: no dataset named 'karpaty'") != problems.npos);
  BOOST_TEST(problems.find("dataset.part.1.repeat: got 0, expected an integer, 1 to 1000") !=
             problems.npos);
  BOOST_TEST(problems.find("dataset.part.1.restvall: unknown key") != problems.npos);
}

BOOST_AUTO_TEST_SUITE_END()
