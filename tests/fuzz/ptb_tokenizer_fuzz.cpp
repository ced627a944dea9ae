// Any bytes at all as captions, a line each: every caption gives one line of tokens, whatever its
// tokenizer has read before, and a caption that is isolated gives what it gives as a stream of its
// own.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/scoring/ptb_tokenizer.hpp"
#include "vlp/text/utf8.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

/// The tokens of one caption: UTF-8 without line feeds, separated by single blanks.
std::string tokens(vlp::PtbTokenizer& tokenizer, std::span<const std::string_view> captions,
                   std::size_t index, bool isolated, bool keep_punctuation) {
  std::string line;
  tokenizer.tokenize(captions, index, isolated, keep_punctuation, line);
  require(line.find('\n') == line.npos && line.find("  ") == line.npos && !line.starts_with(' ') &&
          !line.ends_with(' '));
  require(vlp::utf8_prefix(line) == line.size());
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static vlp::PtbTokenizer forwards, backwards;  // two threads would each have one

  std::vector<std::string_view> captions;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    captions.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  std::vector<std::string> lines(captions.size());
  for (std::size_t i = 0; i < captions.size(); ++i) {
    lines[i] = tokens(forwards, captions, i, false, true);
    tokens(forwards, captions, i, false, false);
    require(tokens(forwards, captions, i, true, true) ==
            tokens(backwards, std::span(&captions[i], 1), 0, false, true));
  }
  for (std::size_t i = captions.size(); i-- > 0;)
    require(tokens(backwards, captions, i, false, true) == lines[i]);
  return 0;
}
