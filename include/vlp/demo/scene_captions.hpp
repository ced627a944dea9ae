#pragma once
// Demo captions in the manner of Flickr30k: five wordings of one scene, and the way back from a
// wording to what it says. Every caption names each object's colour and shape, in reading order.

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/core/random.hpp"
#include "vlp/demo/scene.hpp"

namespace vlp {

/// Where the first object stands, seen from the second. `right_of` and `below` are told as
/// `left_of` and `above` the other way round, so equal statements compare equal.
struct Relation {
  /// The two statements that are kept.
  enum class Position { left_of, above };
  ColourShape first;
  Position position{};
  ColourShape second;
  friend bool operator==(const Relation&, const Relation&) = default;
};

namespace detail {

inline std::string indefinite(const std::string& noun) {
  return (std::string_view("aeiou").find(noun.front()) != std::string_view::npos ? "an " : "a ") +
         noun;
}

/// "a small red circle", "two red circles"
inline std::string noun_phrase(const SceneGroup& group, bool sized) {
  using namespace scene_words;
  std::string noun = sized ? std::string(of(sizes, group.object.size)) + " " : "";
  noun += std::string(of(colours, group.object.colour)) + " ";
  noun += of(group.count == 1 ? shapes : plurals, group.object.shape);
  return group.count == 1 ? indefinite(noun) : std::string(numbers[group.count]) + " " + noun;
}

/// "X", "X and Y", "X , Y and Z"
inline std::string listed(std::span<const SceneGroup> groups, bool sized) {
  std::string text;
  for (std::size_t i = 0; i < groups.size(); ++i)
    text += (i == 0                   ? ""
             : i + 1 == groups.size() ? " and "
                                      : " , ") +
            noun_phrase(groups[i], sized);
  return text;
}

/// Sentences that say nothing about where the objects stand; without capital and full stop.
inline std::vector<std::string> plain_sentences(const Scene& scene,
                                                std::span<const SceneGroup> groups) {
  using namespace scene_words;
  const std::string list = listed(groups, false), sized = listed(groups, true);
  const std::string texture(of(textures, scene.texture)), tone(of(tones, scene.tone));
  const std::string number(numbers[scene.objects.size()]);
  const bool one = scene.objects.size() == 1;
  return {list + " on a " + texture + " background",
          sized + " on a " + tone + " background",
          (groups[0].count == 1 ? "there is " : "there are ") + list + " in the picture",
          "a " + texture + " background with " + list,
          "a picture of " + number + (one ? " shape , " : " shapes , ") + list,
          list + (one ? " is" : " are") + " in front of a " + tone + " background"};
}

/// Sentences that say where the objects stand; needs two groups or more.
inline std::vector<std::string> relation_sentences(const Scene& scene,
                                                   std::span<const SceneGroup> groups) {
  using namespace scene_words;
  const bool row = scene.layout == Layout::row, many = groups[0].count > 1;
  const std::string beside = row ? " to the left of " : " above ";
  const std::string first = noun_phrase(groups[0], false), rest = listed(groups.subspan(1), false);
  const std::string texture(of(textures, scene.texture));
  const std::string after =
      row ? (many ? " to their right" : " to its right") : (many ? " below them" : " below it");
  return {first + (many ? " are" : " is") + beside + rest,
          first + beside + rest + " on a " + texture + " background",
          first + " with " + rest + after,
          (row ? "from left to right , " : "from top to bottom , ") + listed(groups, true)};
}

}  // namespace detail

/// Five different captions of a scene, each with a capital letter and a full stop of its own word,
/// e.g. "A red circle is to the left of two blue bars ."
[[nodiscard]] inline std::array<std::string, 5> five_captions(const Scene& scene,
                                                              RandomStream& random) {
  const auto groups = groups_of(scene);
  std::vector<std::string> chosen = detail::plain_sentences(scene, groups);
  random.shuffle(std::span(chosen));
  if (groups.size() > 1) {
    auto relations = detail::relation_sentences(scene, groups);
    random.shuffle(std::span(relations));
    std::copy_n(relations.begin(), 3, chosen.begin());
  }
  chosen.resize(5);
  random.shuffle(std::span(chosen));
  std::array<std::string, 5> captions;
  for (std::size_t i = 0; i < captions.size(); ++i) {
    captions[i] = chosen[i] + " .";
    captions[i][0] = static_cast<char>(std::toupper(static_cast<unsigned char>(captions[i][0])));
  }
  return captions;
}

namespace detail {

/// Words in lower case; punctuation is left out.
inline std::vector<std::string> caption_words(std::string_view caption) {
  std::vector<std::string> words(1);
  for (const char c : caption)
    if (std::isalpha(static_cast<unsigned char>(c)))
      words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!words.back().empty())
      words.emplace_back();
  if (words.back().empty()) words.pop_back();
  return words;
}

template <std::size_t N>
std::optional<std::size_t> index_of(const std::array<std::string_view, N>& words,
                                    std::string_view word) {
  const auto found = std::find(words.begin(), words.end(), word);
  return found == words.end() ? std::nullopt
                              : std::optional(static_cast<std::size_t>(found - words.begin()));
}

/// A colour word followed by a shape word.
struct Mention {
  std::size_t at = 0;  ///< index of the colour word
  ColourShape pair;
};

inline std::vector<Mention> mentions_in(std::span<const std::string> words) {
  using namespace scene_words;
  std::vector<Mention> mentions;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const auto colour = index_of(colours, words[i]);
    auto shape = index_of(shapes, words[i + 1]);
    if (!shape) shape = index_of(plurals, words[i + 1]);
    if (colour && shape)
      mentions.push_back({i, {static_cast<Colour>(*colour), static_cast<Shape>(*shape)}});
  }
  return mentions;
}

/// Whether `phrase`, words joined by single blanks, occurs among words [begin, end).
inline bool says(std::span<const std::string> words, std::size_t begin, std::size_t end,
                 std::string_view phrase) {
  std::string text = " ";
  for (std::size_t i = begin; i < std::min(end, words.size()); ++i) text += words[i] + " ";
  return text.find(" " + std::string(phrase) + " ") != std::string::npos;
}

}  // namespace detail

/// The (colour, shape) pairs that a caption names; upper or lower case, with or without
/// punctuation.
[[nodiscard]] inline std::set<ColourShape> read_pairs(std::string_view caption) {
  std::set<ColourShape> pairs;
  for (const auto& mention : detail::mentions_in(detail::caption_words(caption)))
    pairs.insert(mention.pair);
  return pairs;
}

/// The number of objects that a caption names; nothing if it names none, or one without an article
/// or number.
[[nodiscard]] inline std::optional<std::size_t> read_count(std::string_view caption) {
  const auto words = detail::caption_words(caption);
  const auto mentions = detail::mentions_in(words);
  std::size_t total = 0;
  for (const auto& mention : mentions) {
    std::size_t at = mention.at;
    if (at > 0 && detail::index_of(scene_words::sizes, words[at - 1])) --at;
    if (at == 0) return std::nullopt;
    const std::string& word = words[at - 1];
    const auto number = word == "a" || word == "an" ? std::optional<std::size_t>(1)
                                                    : detail::index_of(scene_words::numbers, word);
    if (!number) return std::nullopt;
    total += *number;
  }
  return mentions.empty() ? std::nullopt : std::optional(total);
}

/// How the first two objects that a caption names stand to one another; nothing if it does not say.
[[nodiscard]] inline std::optional<Relation> read_relation(std::string_view caption) {
  using Position = Relation::Position;
  const auto words = detail::caption_words(caption);
  const auto mentions = detail::mentions_in(words);
  if (mentions.size() < 2) return std::nullopt;
  const auto& [first_at, first] = mentions[0];
  const auto& [second_at, second] = mentions[1];
  const auto between = [&](std::string_view phrase) {
    return detail::says(words, first_at + 2, second_at, phrase);
  };
  const auto after = [&](std::string_view its, std::string_view their) {
    return detail::says(words, second_at + 2, words.size(), its) ||
           detail::says(words, second_at + 2, words.size(), their);
  };
  const auto before = [&](std::string_view phrase) {
    return detail::says(words, 0, first_at, phrase);
  };
  if (between("left of") || before("from left to right") ||
      (between("with") && after("to its right", "to their right")))
    return Relation{first, Position::left_of, second};
  if (between("right of") || (between("with") && after("to its left", "to their left")))
    return Relation{second, Position::left_of, first};
  if (between("above") || before("from top to bottom") ||
      (between("with") && after("below it", "below them")))
    return Relation{first, Position::above, second};
  if (between("below") || (between("with") && after("above it", "above them")))
    return Relation{second, Position::above, first};
  return std::nullopt;
}

}  // namespace vlp
