#pragma once
// What a model on the hub is called: ORG/NAME or NAME, with `@REVISION` behind it or `main`. Names
// become parts of paths and addresses, so they are checked before anything else. Includes no torch.

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "vlp/core/error.hpp"

namespace vlp {

/// A model at one of its revisions.
struct HubName {
  std::string name;               ///< ORG/NAME, or NAME alone as the oldest models have it
  std::string revision = "main";  ///< a branch, a tag, a pull request (refs/pr/38), or a commit of
                                  ///< 40 hexadecimal digits

  /// ORG/NAME, with `@REVISION` where it is not main.
  [[nodiscard]] std::string text() const {
    return revision == "main" ? name : name + "@" + revision;
  }
  /// The same name and revision.
  bool operator==(const HubName&) const = default;
};

namespace detail {

/// ASCII letters, digits and the characters of `more`, at least one.
[[nodiscard]] inline bool is_made_of(std::string_view text, std::string_view more) {
  return !text.empty() && std::ranges::all_of(text, [&](unsigned char c) {
    return (c < 128 && std::isalnum(c) != 0) ||
           more.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

/// Digits 0-9 and a-f only, as many as `digits`.
[[nodiscard]] inline bool is_hexadecimal(std::string_view text, std::size_t digits) {
  return text.size() == digits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

[[nodiscard]] inline bool is_part_of_hub_name(std::string_view part) {
  const auto is_edge = [](char c) { return c == '-' || c == '.'; };
  return is_made_of(part, "._-") && !is_edge(part.front()) && !is_edge(part.back());
}

}  // namespace detail

/// @return  whether the text names one commit: 40 hexadecimal digits in lower case
[[nodiscard]] inline bool is_commit(std::string_view revision) {
  return detail::is_hexadecimal(revision, 40);
}

/// @return  whether the text can be the name of a model, without revision: one or two parts of
///          letters, digits, `.`, `_` and `-`, as the hub's own rules have it
[[nodiscard]] inline bool is_model_name(std::string_view name) {
  if (name.size() > 96 || name.find("--") != std::string_view::npos ||
      name.find("..") != std::string_view::npos)
    return false;
  if (name.ends_with(".git")) return false;
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return detail::is_part_of_hub_name(name);
  return detail::is_part_of_hub_name(name.substr(0, slash)) &&
         detail::is_part_of_hub_name(name.substr(slash + 1));
}

/// @return  whether the text can be a revision: parts of letters, digits and `._-+`, joined by
///          slashes, none `.` or `..`
[[nodiscard]] inline bool is_revision(std::string_view revision) {
  if (revision.size() > 200 || revision.empty()) return false;
  while (true) {
    const std::size_t slash = revision.find('/');
    const std::string_view part = revision.substr(0, slash);
    if (!detail::is_made_of(part, "._-+") || part.front() == '.' || part.front() == '-' ||
        part.ends_with(".lock") || part.find("..") != std::string_view::npos)
      return false;
    if (slash == std::string_view::npos) return true;
    revision.remove_prefix(slash + 1);
  }
}

/// Reads `ORG/NAME`, `NAME` or either with `@REVISION`.
/// @param revision  the same said in another place, e.g. by an option; "" = not said
/// @throws RecipeError if the name or the revision is malformed, or two different revisions are
/// given
[[nodiscard]] inline HubName parse_hub_name(const std::string& text,
                                            const std::string& revision = {}) {
  const std::size_t at = text.find('@');
  HubName model{text.substr(0, at)};
  if (!is_model_name(model.name))
    throw RecipeError("'" + text +
                      "': not the name of a model on the hub (expected ORG/NAME of letters, "
                      "digits, '.', '_' and '-'). " +
                      "Give it as in Salesforce/blip-image-captioning-base.");
  const std::string own = at == std::string::npos ? std::string() : text.substr(at + 1);
  if (at != std::string::npos && !revision.empty() && own != revision)
    throw RecipeError("'" + text + "': two revisions are given (" + own + " and " + revision +
                      "). Give one.");
  if (at != std::string::npos || !revision.empty())
    model.revision = at != std::string::npos ? own : revision;
  if (!is_revision(model.revision))
    throw RecipeError("'" + text + "': '" + model.revision +
                      "' is not a revision (expected a branch, a tag, refs/pr/N or a commit). "
                      "Leave it out for 'main'.");
  return model;
}

}  // namespace vlp
