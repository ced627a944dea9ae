#pragma once
// What reading captions complains about.

#include <string>
#include <string_view>

#include "tests/support/messages.hpp"
#include "vlp/captions/caption_file.hpp"
#include "vlp/core/error.hpp"

/// The message of the DataError that `work` ends with; empty if there is none.
template <class Work>
std::string problem_in(const Work& work) {
  return vlp_test::message_of<vlp::DataError>(work);
}

/// The message of reading `bytes` as the file "c.json"; empty if it is read.
inline std::string problem_of(std::string_view bytes, const vlp::CaptionFileOptions& options = {}) {
  return problem_in([&] { (void)vlp::parse_caption_file(bytes, "c.json", options); });
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}
