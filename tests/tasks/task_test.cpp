#include "vlp/tasks/task.hpp"

#include <array>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vlp/recipe/load.hpp"

BOOST_AUTO_TEST_SUITE(task)

namespace {

vlp::Report nothing(const vlp::Recipe&, const vlp::Registry&, const vlp::RunArguments&) {
  return {};
}
std::vector<std::string> no_lines(const vlp::Recipe&, const vlp::Registry&,
                                  const vlp::CheckArguments&) {
  return {};
}

constexpr std::array kThree{vlp::Task{"train", "fits", &nothing, &no_lines},
                            vlp::Task{"evaluate", "scores", &nothing, &no_lines},
                            vlp::Task{"count", "counts", &nothing, &no_lines}};

vlp::TaskChoice choice_of(const std::string& toml) {
  return vlp::choose_task({vlp::parse_toml(toml, "r.toml"), "r.toml", {}}, kThree);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_recipe_names_its_task_and_the_first_is_the_default) {
  BOOST_TEST(choice_of("[run]\ntask = \"count\"\n").task.name == "count");
  BOOST_TEST(choice_of("[run]\nseed = 3\n").task.name == "train");
  BOOST_TEST(choice_of("").task.name == "train");
  BOOST_TEST(choice_of("[run]\ntask = \"count\"\n").recipe.problems.empty());
}

BOOST_AUTO_TEST_CASE(an_unknown_task_is_one_more_problem_of_the_recipe) {
  const vlp::TaskChoice choice = choice_of("[run]\ntask = \"evalute\"\n");
  BOOST_TEST(choice.task.name == "train");
  BOOST_TEST(choice.recipe.problems.problems().size() == 1U);
  BOOST_TEST(choice.recipe.problems.problems().front().text() ==
             "r.toml:2:8: run.task: got \"evalute\", expected one of \"train\", \"evaluate\", "
             "\"count\" (did you mean 'evaluate'?)");
  BOOST_TEST(choice_of("[run]\ntask = 3\n").recipe.problems.empty());  // told by its table
}

BOOST_AUTO_TEST_SUITE_END()
