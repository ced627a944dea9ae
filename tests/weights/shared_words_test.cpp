#include "vlp/weights/shared_words.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(shared_words)

namespace {

using Beginnings = std::vector<std::string>;

vlp::TensorMap named(const Beginnings& names) {
  vlp::TensorMap tensors;
  for (const std::string& name : names) tensors.emplace(name, vlp::TensorBytes{});
  return tensors;
}

}  // namespace

BOOST_AUTO_TEST_CASE(whole_words_before_all_names_are_found_shortest_first) {
  BOOST_TEST(vlp::shared_beginnings(named({"_orig_mod.module.a.x", "_orig_mod.module.b"})) ==
                 (Beginnings{"_orig_mod.", "_orig_mod.module."}),
             boost::test_tools::per_element());
  BOOST_TEST(vlp::shared_beginnings(named({"module.layer1.w", "module.layer2.w"})) ==
                 Beginnings{"module."},
             boost::test_tools::per_element());
  BOOST_TEST(vlp::shared_beginnings(named({"a.b.w"})) == (Beginnings{"a.", "a.b."}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_some_names_lack_is_not_shared) {
  for (const Beginnings& names : {Beginnings{},
                                  {"w"},
                                  {"module.a", "b"},
                                  {"module.a", "module_2.b"},
                                  {"a.x", "b.x"},
                                  {"module", "module.a"},
                                  {"module.", "module.a"},
                                  {"w."}})
    BOOST_TEST(vlp::shared_beginnings(named(names)).empty(), names.size());
}

BOOST_AUTO_TEST_CASE(taken_off_names_keep_their_tensors) {
  vlp::TensorMap tensors = named({"m.a", "m.b.c"});
  tensors["m.a"].dtype = "F16";
  const vlp::TensorMap shorter = vlp::without_beginning(tensors, "m.");
  BOOST_TEST(shorter.size() == 2u);
  BOOST_TEST(shorter.at("a").dtype == "F16");
  BOOST_TEST(shorter.contains("b.c"));
  BOOST_TEST(vlp::taken_off_text("x.pth", 2, "m.") ==
             "x.pth: all 2 names begin with 'm.', which is taken off");
}

BOOST_AUTO_TEST_SUITE_END()
