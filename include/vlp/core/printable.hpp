#pragma once
// Names out of files, fit for a message. Includes no torch.

#include <string>
#include <string_view>

namespace vlp {

/// @return  at most the first 100 bytes of `name`, with '?' in place of control characters
[[nodiscard]] inline std::string printable(std::string_view name) {
  std::string text(name.substr(0, 100));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return name.size() > text.size() ? text + "..." : text;
}

}  // namespace vlp
