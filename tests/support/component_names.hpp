#pragma once
// Finds the names of components in the literals of other files: those of the plugins, as the
// plugins themselves say them.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <istream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace vlp_test {

/// Kinds whose components the core may not know by name.
inline const std::vector<std::string> kUnnamedKinds{"model",        "encoder",   "decoder",
                                                    "text_encoder", "tokenizer", "dataset",
                                                    "loss",         "optimizer", "format"};

/// Names that are ordinary words, too: in a literal they count only by themselves or in quotes, as
/// a recipe or a registry has them.
inline const std::set<std::string> kOrdinaryWords{"folder"};

/// The literals of a line of C++, without their quotes; none of a comment or an #include. A literal
/// over several lines has its own literal in each.
inline std::vector<std::string> literals_of(const std::string& line) {
  std::vector<std::string> found;
  const std::size_t first = line.find_first_not_of(" \t");
  if (first == line.npos || line[first] == '#') return found;
  bool inside = false;
  for (std::size_t i = first; i < line.size(); ++i) {
    const char c = line[i];
    if (!inside && c == '/' && i + 1 < line.size() && line[i + 1] == '/') break;
    if (!inside && c == '\'' && i + 2 < line.size()) {  // a character, or a digit's separator
      const std::size_t end = line[i + 1] == '\\' ? i + 3 : i + 2;
      if (end < line.size() && line[end] == '\'') i = end;
    } else if (c == '"') {
      if (!inside) found.emplace_back();
      inside = !inside;
    } else if (inside) {
      if (c == '\\' && i + 1 < line.size()) found.back() += line[i++];
      found.back() += line[i];
    }
  }
  return found;
}

/// The values of `name = "..."` in a plugin's header: the components that it holds.
inline std::set<std::string> names_in_plugin(std::istream& text) {
  static constexpr std::string_view mark = "std::string_view name = \"";
  std::set<std::string> names;
  for (std::string line; std::getline(text, line);)
    if (const std::size_t at = line.find(mark); at != line.npos) {
      const std::size_t begin = at + mark.size();
      names.insert(line.substr(begin, line.find('"', begin) - begin));
    }
  return names;
}

/// The words of a literal. What is joined by - or / is one word: names of files, and of models on
/// the hub.
inline std::vector<std::string> words_of(const std::string& literal) {
  std::vector<std::string> words(1);
  for (const char c : literal)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '/')
      words.back() += c;
    else if (!words.back().empty())
      words.emplace_back();
  return words;
}

/// Whether a literal is a word, or has it in quotes; not where things are counted, so that the
/// plural stands beside it.
/// @param line  the literal's
inline bool is_named(const std::string& line, const std::string& literal, const std::string& word) {
  const bool counted = line.find("\"" + word + "s\"") != line.npos;
  return (literal == word && !counted) || literal.find("'" + word + "'") != literal.npos ||
         literal.find("\"" + word) != literal.npos;
}

/// @param file   from the root of the project, for messages
/// @param text   of the file
/// @param names  of components
/// @return       what is wrong, one line a violation
inline std::vector<std::string> named_components(const std::string& file, std::istream& text,
                                                 const std::set<std::string>& names) {
  std::vector<std::string> found;
  std::size_t number = 0;
  for (std::string line; std::getline(text, line);) {
    ++number;
    for (const std::string& literal : literals_of(line))
      for (const std::string& word : words_of(literal))
        if (names.contains(word) &&
            (!kOrdinaryWords.contains(word) || is_named(line, literal, word)))
          found.push_back(file + ":" + std::to_string(number) + ": names the component '" + word +
                          "'; what knows components by name is a plugin, or a recipe");
  }
  return found;
}

}  // namespace vlp_test
