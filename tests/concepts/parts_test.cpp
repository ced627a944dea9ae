#include "vlp/concepts/parts.hpp"

#include <cstddef>
#include <iterator>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"

BOOST_AUTO_TEST_SUITE(parts)

namespace {

using vlp::Parts;
using vlp_test::says;

struct Red {
  static constexpr std::string_view name = "red", words = "colours";
};
struct Green {
  static constexpr std::string_view name = "green", words = Red::words;
};
struct Sound {
  static constexpr std::string_view name = "sound", words = "a sound";
};
/// Somebody else's part of the same name.
struct OtherRed {
  static constexpr std::string_view name = "red", words = "another red";
};

/// Sets are computed while compiling.
static_assert(Parts::of<Red, Sound>().contains("sound"));
static_assert((Parts::of<Red>() | Parts::of<Sound>()) == Parts::of<Sound, Red>());
static_assert(Parts().empty());

std::vector<std::string_view> names(const Parts& parts) {
  std::vector<std::string_view> names;
  for (const vlp::PartName& part : parts) names.push_back(part.name);
  return names;
}

using Names = std::vector<std::string_view>;

/// `count` names that live as long as the program.
Parts many(std::size_t count) {
  static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP";
  Parts parts;
  for (std::size_t i = 0; i < count; ++i) parts.add({letters.substr(i, 1), "a letter"});
  return parts;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_set_holds_each_part_once_in_the_order_of_coming) {
  BOOST_TEST((names(Parts::of<Sound, Red, Sound, Green, Red>()) == Names{"sound", "red", "green"}));
  BOOST_TEST(names(Parts()).empty());
}

BOOST_AUTO_TEST_CASE(the_union_is_what_is_in_either) {
  const Parts both = Parts::of<Red, Sound>() | Parts::of<Green, Sound>();
  BOOST_TEST((names(both) == Names{"red", "sound", "green"}));
  BOOST_TEST(((both | Parts()) == both));
  BOOST_TEST(((Parts() | both) == both));
}

BOOST_AUTO_TEST_CASE(the_difference_is_what_the_other_lacks) {
  const Parts all = Parts::of<Red, Sound, Green>();
  BOOST_TEST((names(all.without(Parts::of<Sound>())) == Names{"red", "green"}));
  BOOST_TEST(all.without(all).empty());
  BOOST_TEST((all.without(Parts()) == all));
  BOOST_TEST((names(Parts::of<Sound>().without(Parts::of<Red>())) == Names{"sound"}));
}

BOOST_AUTO_TEST_CASE(a_set_covers_its_subsets_and_nothing_more) {
  const Parts two = Parts::of<Red, Sound>();
  BOOST_TEST(two.covers(two));
  BOOST_TEST(two.covers(Parts::of<Sound>()));
  BOOST_TEST(two.covers(Parts()));
  BOOST_TEST(!two.covers(Parts::of<Green>()));
  BOOST_TEST(!two.covers(Parts::of<Red, Green>()));
  BOOST_TEST(!Parts().covers(Parts::of<Red>()));
}

BOOST_AUTO_TEST_CASE(equal_sets_hold_the_same_in_any_order) {
  BOOST_TEST((Parts::of<Red, Sound>() == Parts::of<Sound, Red>()));
  BOOST_TEST(!(Parts::of<Red, Sound>() == Parts::of<Red>()));
  BOOST_TEST(!(Parts::of<Red>() == Parts::of<Red, Sound>()));
  BOOST_TEST((Parts() == Parts()));
}

BOOST_AUTO_TEST_CASE(parts_are_told_apart_by_name_and_not_by_words) {
  BOOST_TEST(!(Parts::of<Red>() == Parts::of<Green>()));
  BOOST_TEST((Parts::of<Red>() == Parts::of<OtherRed>()));
  BOOST_TEST((names(Parts::of<Red, Green>()) == Names{"red", "green"}));
}

BOOST_AUTO_TEST_CASE(words_are_joined_and_equal_words_said_once) {
  BOOST_TEST(vlp::in_words(Parts::of<Sound, Red>()) == "a sound and colours");
  BOOST_TEST(vlp::in_words(Parts::of<Red, Sound, Green>()) == "colours and a sound");
  BOOST_TEST(vlp::in_words(Parts::of<Red, Green>()) == "colours");
  BOOST_TEST(vlp::in_words(Parts()) == "nothing");
  BOOST_TEST(vlp::in_words(vlp::parts::similarities) ==
             "image states and a text encoder and image and text embeddings and a temperature");
  BOOST_TEST(vlp::in_words(vlp::parts::decoder) == "image states and a decoder");
}

BOOST_AUTO_TEST_CASE(more_than_fit_are_refused_and_those_that_are_there_are_not) {
  Parts full = many(32);
  BOOST_TEST(std::distance(full.begin(), full.end()) == 32);
  full.add({"a", "a letter"});
  BOOST_TEST(((full | many(32)) == full));
  BOOST_CHECK_EXCEPTION(full.add({"one", "one more"}), vlp::ContractError,
                        says("parts: too many in one set (got more than 32)"));
  BOOST_CHECK_EXCEPTION((void)many(33), vlp::ContractError, says("Ask for fewer."));
}

BOOST_AUTO_TEST_CASE(the_cores_parts_have_the_names_of_a_models_functions) {
  const auto all = []<class... P>(vlp::PartList<P...>) { return Parts::of<P...>(); };
  BOOST_TEST(
      (names(all(vlp::CoreParts{})) ==
       Names{"image_states", "text_states", "image_embeddings", "text_embeddings", "temperature",
             "momentum_image_embeddings", "momentum_text_embeddings", "grounded_states",
             "match_logits", "decoder_states", "decoder_logits", "generate"}));
}

BOOST_AUTO_TEST_CASE(what_is_needed_together_is_named_together) {
  const auto is = [](const Parts& parts, const Names& expected) {
    Parts wanted;
    for (const std::string_view name : expected) wanted.add({name, ""});
    return parts == wanted;
  };
  BOOST_TEST(is(vlp::parts::embeddings,
                {"image_states", "text_states", "image_embeddings", "text_embeddings"}));
  BOOST_TEST(is(vlp::parts::similarities, {"image_states", "text_states", "image_embeddings",
                                           "text_embeddings", "temperature"}));
  BOOST_TEST(is(vlp::parts::momentum_embeddings,
                {"momentum_image_embeddings", "momentum_text_embeddings"}));
  BOOST_TEST(is(vlp::parts::matching, {"image_states", "grounded_states", "match_logits"}));
  BOOST_TEST(is(vlp::parts::decoder, {"image_states", "decoder_states", "decoder_logits"}));
  BOOST_TEST(is(vlp::parts::captions, {"image_states", "generate"}));
}

BOOST_AUTO_TEST_SUITE_END()
