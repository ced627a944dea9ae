#pragma once
// What reading captions complains about.

#include <string>
#include <string_view>

#include "vlp/data/caption_file.hpp"

/// The message of the DataError that `work` ends with; empty if there is none.
template <class Work>
std::string problem_in(const Work& work) {
  try {
    work();
  } catch (const vlp::DataError& error) {
    return error.what();
  }
  return {};
}

/// The message of reading `bytes` as the file "c.json"; empty if it is read.
inline std::string problem_of(std::string_view bytes, const vlp::CaptionFileOptions& options = {}) {
  return problem_in([&] { (void)vlp::parse_caption_file(bytes, "c.json", options); });
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }
