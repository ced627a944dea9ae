#pragma once
// Texts line by line, as any editor on any system may have left them. Includes no torch.

#include <istream>
#include <optional>
#include <string>
#include <string_view>

namespace vlp {

/// The lines of a text in UTF-8: without the byte order mark before the first, and without their
/// ends, LF or CRLF. The last line needs no end.
class TextLines {
 public:
  /// @param in  must outlive this; `in.bad()` tells whether reading stopped before its end
  explicit TextLines(std::istream& in) : in_(in) {}

  /// The next line, which may be empty. Nothing behind the last.
  [[nodiscard]] std::optional<std::string> next() {
    std::string line;
    if (!std::getline(in_, line)) return std::nullopt;
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (is_first_ && line.starts_with(kByteOrderMark)) {
      line.erase(0, kByteOrderMark.size());
      if (line.empty() && in_.eof()) return std::nullopt;  // there is nothing but the mark
    }
    is_first_ = false;
    if (line.ends_with('\r')) line.pop_back();
    return line;
  }

 private:
  std::istream& in_;
  bool is_first_ = true;
};

/// Whether a line has nothing but white space (of ASCII).
[[nodiscard]] inline bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n\v\f") == line.npos;
}

}  // namespace vlp
