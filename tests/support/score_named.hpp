#pragma once
// One of several scores.

#include <string>

#include <boost/test/unit_test.hpp>

#include "vlp/concepts/metric.hpp"

namespace vlp_test {

/// The score of that name; fails without one.
inline double score(const vlp::Scores& scores, const std::string& name) {
  for (const auto& [key, value] : scores)
    if (key == name) return value;
  BOOST_FAIL("no score " + name);
  return 0;
}

}  // namespace vlp_test
