// The table of sizes: complete, without repetitions, and the same wherever it is walked.

#include "vlp/blip/fields.hpp"

#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include "vlp/blip/config.hpp"

BOOST_AUTO_TEST_SUITE(blip_fields)

namespace {

using vlp::BlipSide;

}  // namespace

BOOST_AUTO_TEST_CASE(no_key_option_or_member_stands_twice) {
  vlp::BlipConfig config;
  std::set<const void*> members;
  for (const BlipSide side : {BlipSide::vision, BlipSide::text, BlipSide::whole}) {
    std::set<std::string> keys, options;
    vlp::for_each_field_of(side, config, [&](const vlp::BlipField& field, auto& member) {
      BOOST_TEST(keys.insert(field.key).second, field.key);
      BOOST_TEST(options.insert(field.option).second, field.option);
      BOOST_TEST(members.insert(&member).second, field.key);
      BOOST_TEST(field.range.contains(static_cast<double>(member)), field.key);
    });
  }
  BOOST_TEST(members.size() == vlp::detail::kBlipFields.size());
}

BOOST_AUTO_TEST_CASE(members_are_found_in_the_config_and_changed_there) {
  vlp::BlipConfig config;
  vlp::for_each_field_of(BlipSide::text, config, [&](const vlp::BlipField& field, auto& member) {
    if (std::string(field.option) == "vocabulary_size") member = 77;
  });
  BOOST_TEST(config.text.options.vocabulary_size == 77);
  const vlp::BlipConfig same = config;
  vlp::for_each_field_of(BlipSide::text, same,
                         [&](const vlp::BlipField& field, const auto& member) {
                           if (std::string(field.key) == "vocab_size") BOOST_TEST(member == 77);
                         });
}

BOOST_AUTO_TEST_SUITE_END()
