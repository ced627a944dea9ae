// The list of tasks, and one more in it.

#include "vlp/tasks/tasks.hpp"

#include <array>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/count_task.hpp"
#include "tests/support/tiny_run.hpp"

namespace {

constexpr std::array kWithCount{
    vlp::kTasks[0], vlp::kTasks[1],
    vlp::Task{"count", "counts captions", &vlp_test::count, &vlp_test::check_count}};

struct Counted : vlp_test::TinyRun {
  vlp::RunArguments arguments;

  Counted() { arguments.data_dir = root / "data"; }

  [[nodiscard]] vlp::Recipe recipe(const std::string& more) const {
    const std::string toml =
        "[run]\ntask = \"count\"\n[dataset]\nuse = \"flickr30k\"\nsplit = { train = 0.6, "
        "validation = 0.2, test = 0.2 }\n" +
        more;
    return {vlp::parse_toml(toml, "r.toml"), "r.toml", {}};
  }
  [[nodiscard]] std::string told(const std::string& more) const {
    try {
      (void)vlp::run(recipe(more), registry, arguments, kWithCount);
    } catch (const vlp::RecipeError& error) {
      return error.what();
    }
    return {};
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(tasks, Counted)

BOOST_AUTO_TEST_CASE(a_third_task_is_a_file_and_a_line) {
  BOOST_TEST(vlp::run(recipe(""), registry, arguments, kWithCount).measured.images == 24 * 5);
  BOOST_TEST(
      vlp::run(recipe("[count]\nat_most = 7\n"), registry, arguments, kWithCount).measured.images ==
      7);
  BOOST_TEST(kWithCount[2].check(recipe(""), registry, {}).front() == "counts up to 1000");
}

BOOST_AUTO_TEST_CASE(it_has_its_own_tables_and_checks_and_no_others) {
  BOOST_TEST(told("[count]\nat_most = 13\n").find("count.at_most: 13 is not counted to") !=
             std::string::npos);
  BOOST_TEST(told("[model]\nuse = \"blip\"\n").find("model: unknown key") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_tasks_of_vlp_do_not_know_it) {
  BOOST_CHECK_EXCEPTION((void)vlp::run(recipe(""), registry, arguments), vlp::RecipeError,
                        [](const vlp::RecipeError& error) {
                          return std::string(error.what())
                                     .find(
                                         "run.task: got \"count\", expected one of \"train\", "
                                         "\"evaluate\"") != std::string::npos;
                        });
}

BOOST_AUTO_TEST_SUITE_END()
