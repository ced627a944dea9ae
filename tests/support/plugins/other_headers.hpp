#pragma once
// A plugin whose fingerprint says that it was built against other headers of vlp.

#include "vlp_fingerprint.hpp"

#undef VLP_HEADERS_HASH
#define VLP_HEADERS_HASH "0123456789abcdef"

#include <string_view>

#include "vlp/concepts/schedule.hpp"
#include "vlp/registry/plugin.hpp"

namespace outside {

struct OtherHeaders {
  static constexpr std::string_view name = "other_headers";
  double operator()(const vlp::SchedulePosition&) const { return 1; }
};

}  // namespace outside

VLP_PLUGIN(other_headers, "1.0", outside::OtherHeaders);
