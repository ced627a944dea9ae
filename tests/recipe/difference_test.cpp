#include "vlp/recipe/difference.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "vlp/recipe/load.hpp"

namespace {

std::string shown_differences(const std::string& before, const std::string& after) {
  std::string text;
  for (const vlp::ValueChange& change :
       vlp::differences(vlp::parse_toml(before, "a"), vlp::parse_toml(after, "b")))
    text += change.text() + "\n";
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(difference)

BOOST_AUTO_TEST_CASE(equal_recipes_differ_in_nothing_whatever_the_order_of_their_keys) {
  BOOST_TEST(shown_differences("[a]\nx = 1\ny = [1, 2]\n[b]\n", "[b]\n[a]\ny = [1, 2]\nx = 1\n") ==
             "");
}

BOOST_AUTO_TEST_CASE(each_changed_key_is_shown_with_both_values) {
  BOOST_TEST(shown_differences("[train]\nepochs = 3\nlr = 1.0\nname = 'a'\n",
                               "[train]\nepochs = 5\nlr = 1\nname = 'a'\n") ==
             "train.epochs: 3 -> 5\ntrain.lr: 1.0 -> 1\n");
  BOOST_TEST(shown_differences("x = [1, 2]\n", "x = [1, 3]\n") == "x: [1, 2] -> [1, 3]\n");
}

BOOST_AUTO_TEST_CASE(lists_of_tables_are_compared_entry_by_entry) {
  BOOST_TEST(shown_differences("[[loss]]\nuse = 'lm'\nweight = 1.0\n",
                               "[[loss]]\nuse = 'lm'\nweight = 0.5\n[[loss]]\nuse = 'itm'\n") ==
             "loss.0.weight: 1.0 -> 0.5\nloss.1.use: nothing -> \"itm\"\n");
}

BOOST_AUTO_TEST_CASE(keys_that_only_one_has_are_shown) {
  BOOST_TEST(shown_differences("[a]\nx = 1\n[b]\ny = 2\n", "[a]\nz = true\n") ==
             "a.x: 1 -> nothing\na.z: nothing -> true\nb.y: 2 -> nothing\n");
  BOOST_TEST(shown_differences("a = 1\n", "[a]\nx = 1\n") == "a: 1 -> { x = 1 }\n");
}

BOOST_AUTO_TEST_SUITE_END()
