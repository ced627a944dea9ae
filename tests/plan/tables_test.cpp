#include "vlp/plan/tables.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "plugins/dataset/concat.hpp"
#include "vlp/registry/option_rules.hpp"

BOOST_AUTO_TEST_SUITE(tables)

namespace {

/// The keys that `kPlaceKeys` keeps for the places of a kind.
std::vector<std::string> kept(const std::string& kind) {
  std::vector<std::string> keys;
  for (const vlp::PlaceKey& key : vlp::kPlaceKeys)
    if (key.kind == kind) keys.emplace_back(key.key);
  return keys;
}

}  // namespace

BOOST_AUTO_TEST_CASE(components_are_refused_the_very_names_that_the_tables_keep) {
  using boost::test_tools::per_element;
  BOOST_TEST(kept("loss") == vlp::option_names<vlp::LossExtras>(), per_element());
  BOOST_TEST(kept("transform") == vlp::option_names<vlp::TransformExtras>(), per_element());
  BOOST_TEST(kept("model") == vlp::option_names<vlp::ModelExtras>(), per_element());
  std::vector<std::string> of_dataset = vlp::option_names<vlp::DatasetExtras>();
  for (const std::string& name : vlp::option_names<vlp::PartExtras>()) of_dataset.push_back(name);
  BOOST_TEST(kept("dataset") == of_dataset, per_element());
  BOOST_TEST(vlp::kPlaceKeys.size() == 4U + of_dataset.size());
}

BOOST_AUTO_TEST_SUITE_END()
