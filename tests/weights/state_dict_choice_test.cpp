#include "vlp/weights/state_dict_choice.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/torch_bytes.hpp"
#include "vlp/weights/torch_file.hpp"

BOOST_AUTO_TEST_SUITE(state_dict_choice)

using namespace vlp;

namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;
using Notes = std::vector<std::string>;

/// A dict with these names, a tensor each.
std::string tensors(const std::vector<std::string>& names) {
  Entries entries;
  for (const std::string& name : names) entries.emplace_back(name, pickled::tensor({}));
  return pickled::dict(entries);
}

struct Saved : TorchFolder {
  /// The names of the tensors that a file of these entries gives.
  std::vector<std::string> names(const Entries& entries) const {
    std::vector<std::string> all;
    for (const auto& [name, tensor] : file(entries).state_dict()) all.push_back(name);
    return all;
  }
  Notes notes(const Entries& entries) const { return file(entries).notes(); }
  TorchFile file(const Entries& entries) const {
    return read_torch_file(torch(pickled::whole(pickled::dict(entries))));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_only_dict_with_tensors_is_taken_whatever_its_key, Saved) {
  for (const char* key : {"model", "state_dict", "model_state_dict", "module", "net", "weights",
                          "ema", "a key of its own"}) {
    const Entries entries{{"epoch", "K\x03"}, {key, tensors({"w"})}, {"best", "N"}};
    BOOST_TEST(names(entries) == Notes{"w"}, boost::test_tools::per_element());
    const bool usual = std::string(key) != "a key of its own";
    BOOST_TEST(
        notes(entries) ==
            (usual ? Notes{} : Notes{"the weights are those under 'a key of its own' (1 tensor)"}),
        boost::test_tools::per_element());
  }
}

BOOST_FIXTURE_TEST_CASE(of_several_the_usual_order_decides_and_the_others_are_named, Saved) {
  const Entries entries{{"ema", tensors({"e", "f"})},
                        {"state_dict", tensors({"s"})},
                        {"other", tensors({"o", "p", "q"})}};
  BOOST_TEST(names(entries) == Notes{"s"}, boost::test_tools::per_element());
  BOOST_TEST(notes(entries) == Notes{"the weights are those under 'state_dict' (1 tensor), not "
                                     "those under 'ema' (2 tensors), 'other' (3 tensors)"},
             boost::test_tools::per_element());
  // What is called a model and has no tensor is none.
  BOOST_TEST(names({{"model", pickled::dict({{"depth", "K\x02"}})}, {"net", tensors({"n"})}}) ==
                 Notes{"n"},
             boost::test_tools::per_element());
  BOOST_TEST(contains(
      message_of<WeightsError>(
          [&] { (void)names({{"a", tensors({"x"})}, {"b", tensors({"y", "z"})}}); }),
      "holds several dicts of tensors (got 'a' (1 tensor), 'b' (2 tensors), expected one, or one "
      "of them under 'model' or 'state_dict')"));
}

BOOST_FIXTURE_TEST_CASE(what_stands_beside_the_weights_is_counted_if_it_is_more_than_numbers,
                        Saved) {
  BOOST_TEST(notes({{"model", tensors({"w"})},
                    {"optimizer", pickled::dict({{"state", "}"}})},
                    {"epoch", "K\x03"},
                    {"args", pickled::global("argparse", "Namespace") + ")\x81"}}) ==
                 Notes{"left out what stands beside the weights (3 entries, such as 'optimizer', "
                       "'args')"},
             boost::test_tools::per_element());
  BOOST_TEST(
      notes({{"model", tensors({"w"})}, {"epoch", "K\x03"}, {"name", pickled::text("x")}}).empty());
}

BOOST_FIXTURE_TEST_CASE(a_state_dict_with_dicts_in_it_is_still_itself, Saved) {
  const Entries entries{
      {"w", pickled::tensor({})}, {"b", pickled::tensor({})}, {"_extra_state", tensors({"scale"})}};
  BOOST_TEST(names(entries) == (Notes{"b", "w"}), boost::test_tools::per_element());
  BOOST_TEST(notes(entries) ==
                 Notes{"left out what stands beside the weights (1 entry, such as '_extra_state')"},
             boost::test_tools::per_element());
  // A lone tensor beside a dict of them is no state dict.
  BOOST_TEST(
      names({{"loss", pickled::tensor({})}, {"mine", tensors({"x", "y"})}}) == (Notes{"x", "y"}),
      boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_dict_that_is_repeated_is_counted_once, Saved) {
  // 10,000 keys that all refer to one dict of 10,000 tensors: 10^8 looks for a careless reader.
  std::string body =
      "}(" + pickled::text("k") + "}q\x01(" + pickled::text("t") + pickled::tensor({}) + "q\x02";
  for (int i = 0; i < 10'000; ++i) body += pickled::text("t" + std::to_string(i)) + "h\x02";
  body += "u";
  for (int i = 0; i < 10'000; ++i) body += pickled::text("k" + std::to_string(i)) + "h\x01";
  const std::string text = message_of<WeightsError>(
      [&] { (void)read_torch_file(torch(pickled::whole(body + "u"))).notes(); });
  BOOST_TEST(contains(text, "'k' (10001 tensors)"), text);
  BOOST_TEST(contains(text, " and 9995 more"), text);
}

BOOST_AUTO_TEST_SUITE_END()
