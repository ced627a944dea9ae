#include "vlp/registry/builtin.hpp"

#include <algorithm>
#include <filesystem>
#include <string>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(builtin)

BOOST_AUTO_TEST_CASE(every_header_of_a_kind_brings_a_component) {
  namespace fs = std::filesystem;
  vlp::Registry registry;
  vlp::add_builtin_plugins(registry);
  BOOST_TEST(registry.plugins().empty());
  const auto all = registry.components();
  int headers = 0;
  for (const auto& kind : fs::directory_iterator(fs::path(VLP_SOURCE_ROOT) / "plugins"))
    for (const auto& header : fs::directory_iterator(kind.path())) {
      ++headers;
      const std::string file = fs::relative(header.path(), VLP_SOURCE_ROOT).string();
      BOOST_TEST(std::ranges::any_of(all,
                                     [&](const auto& info) {
                                       return info->origin == file &&
                                              info->kind == kind.path().filename();
                                     }),
                 file);
    }
  BOOST_TEST(headers > 20);
}

BOOST_AUTO_TEST_SUITE_END()
