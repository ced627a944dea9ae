// `vlp score --tokens`: a text file's captions as the metrics see them, or before punctuation is left out.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "main_commands.hpp"
#include "main_output.hpp"
#include "vlp/core/error.hpp"
#include "vlp/data/text_file.hpp"
#include "vlp/text/ptb_tokens.hpp"
#include "vlp/text/utf8.hpp"

namespace vlp {

namespace {

/// What stands before and between line feeds; the last line may have none behind it.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace

int tokens_command(const Command& command) {
  const TextFile file = TextFile::read(command.subject);
  if (const std::size_t good = utf8_prefix(file.text()); good < file.text().size())
    throw DataError(fmt::format("{}: not UTF-8 (got byte 0x{:02X}, expected a character). Convert the file to UTF-8.", file.place(good),
                                static_cast<unsigned char>(file.text()[good])));
  const std::vector<std::string_view> captions = lines_of(file.text());
  std::string result;
  for (const std::string& tokens :
       ptb_tokens(captions, {.isolated = command.isolated, .keep_punctuation = command.tokens == "raw", .threads = command.threads}))
    result.append(tokens).append("\n");
  print_results(result);
  flush_results();
  return 0;
}

}  // namespace vlp
