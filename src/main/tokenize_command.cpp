// `vlp tokenize`: texts to ids and back, line by line from stdin to stdout.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "src/main/commands.hpp"
#include "src/main/output.hpp"
#include "vlp/blip/hugging_face.hpp"
#include "vlp/core/error.hpp"
#include "vlp/start/model_source.hpp"
#include "vlp/text/utf8.hpp"
#include "vlp/text/wordpiece.hpp"

namespace vlp {

namespace {

namespace fs = std::filesystem;

/// The vocabulary of a model: of its folder, of the model in a run's folder, or beside a file with
/// weights.
/// @throws WeightsError if there is no such model, no vocabulary with it, or its tokenizer is
/// another one than WordPiece
fs::path vocabulary_of(const std::string& model) {
  const fs::path folder = fs::is_directory(model) ? fs::path(model) : find_model(model).folder();
  for (const fs::path& place : {folder / "model", folder})
    if (const std::optional<Table> tokenizer = read_tokenizer(place))
      return *tokenizer->find("vocabulary")->value.as<std::string>();
  throw WeightsError(folder.string() +
                     ": no vocabulary here (expected vocab.txt or tokenizer.json). Name one with "
                     "--vocabulary FILE.");
}

/// Turns one line into another.
class LineTokenizer {
 public:
  LineTokenizer(const WordPiece& pieces, const TokenizeCommand& command)
      : pieces_(pieces), command_(command) {}

  /// @throws DataError without the place, for a line that isn't what was announced
  [[nodiscard]] std::string convert(const std::string& line) const {
    return command_.decode ? text_of(line) : ids_of(line);
  }

 private:
  static nlohmann::json parse(const std::string& line, const std::string& expected) {
    nlohmann::json value = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (value.is_discarded())
      throw DataError("not JSON (got " + brief(line) + ", expected " + expected + ").");
    return value;
  }

  static std::string brief(const std::string& line) {
    constexpr std::size_t longest = 60;
    if (line.empty()) return "an empty line";
    return nlohmann::json(line.substr(0, longest))
               .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) +
           (line.size() > longest ? "..." : "");
  }

  [[nodiscard]] std::string ids_of(const std::string& line) const {
    std::string text = line;
    if (command_.json_lines) {
      const nlohmann::json value = parse(line, "a JSON string");
      if (!value.is_string())
        throw DataError("not a text (got " + brief(line) + ", expected a JSON string).");
      text = value.get<std::string>();
    } else if (const std::size_t good = utf8_prefix(line); good < line.size()) {
      throw DataError("byte " + std::to_string(good + 1) +
                      " of the line is not UTF-8. Convert the text to UTF-8.");
    }
    return nlohmann::json(pieces_.encode(text)).dump();
  }

  [[nodiscard]] std::string text_of(const std::string& line) const {
    const nlohmann::json list = parse(line, "a JSON list of ids");
    if (!list.is_array())
      throw DataError("not a list (got " + brief(line) + ", expected a JSON list of ids).");
    std::vector<std::int64_t> ids;
    const auto size = static_cast<std::uint64_t>(pieces_.vocabulary_size());
    for (const nlohmann::json& id : list) {
      if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= size)
        throw DataError("not an id of this vocabulary (got " + brief(id.dump(-1, ' ', true)) +
                        ", expected an integer from 0 to " + std::to_string(size - 1) + ").");
      ids.push_back(id.get<std::int64_t>());
    }
    const std::string text = pieces_.decode(ids);
    return command_.json_lines ? nlohmann::json(text).dump(-1, ' ', /*ensure_ascii=*/true,
                                                           nlohmann::json::error_handler_t::replace)
                               : text;
  }

  const WordPiece& pieces_;
  const TokenizeCommand& command_;
};

}  // namespace

int tokenize_command(const TokenizeCommand& command) {
  const WordPiece pieces(command.vocabulary.empty() ? vocabulary_of(command.model)
                                                    : command.vocabulary);
  const LineTokenizer tokenizer(pieces, command);
  std::ios::sync_with_stdio(false);
  std::string line;
  for (std::int64_t number = 1; std::getline(std::cin, line); ++number) {
    std::string answer;
    try {
      answer = tokenizer.convert(line);
    } catch (const DataError& error) {
      flush_results();
      throw DataError("stdin:" + std::to_string(number) + ": " + error.what());
    }
    print_results(answer + "\n");
    // A program at the other end of a pipe may wait for its answer before it asks again.
    if (std::cin.rdbuf()->in_avail() <= 0) flush_results();
  }
  if (std::cin.bad()) throw DataError("stdin: reading stopped. Check where it comes from.");
  flush_results();
  return 0;
}

}  // namespace vlp
