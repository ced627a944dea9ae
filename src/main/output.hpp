#pragma once
// Results to stdout; a full disk or a closed pipe is an error, not a silence.

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>

#include "vlp/core/error.hpp"

namespace vlp {

/// @throws DataError if what was printed can't be written
inline void flush_results() {
  if (std::fflush(stdout) != 0)
    throw DataError("stdout: can't be written (" + std::generic_category().message(errno) + ").");
}

/// @throws DataError if it can't be written
inline void print_results(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
    throw DataError("stdout: can't be written (" + std::generic_category().message(errno) + ").");
}

}  // namespace vlp
