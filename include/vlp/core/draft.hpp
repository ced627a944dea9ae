#pragma once
// Files and folders in the making: they lie beside what they will be, as
// `.NAME.HOST.PID.WORD.part`, so that no two processes meet, and what a killed one has left behind
// is recognised. POSIX.

#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <system_error>

#include <unistd.h>

namespace vlp {

namespace detail {

/// This machine's name as a part of a file name.
[[nodiscard]] inline std::string host_label() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "host";
  std::string label = std::string(name).substr(0, 24);
  for (char& c : label)
    if (c == '.' || c == '/') c = '-';
  return label;
}

/// A word that another process of the same number doesn't have.
[[nodiscard]] inline const std::string& process_word() {
  static const std::string word = [] {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz234567";
    std::random_device random;
    std::string text;
    for (int i = 0; i < 8; ++i) text += letters[random() % letters.size()];
    return text;
  }();
  return word;
}

constexpr std::string_view kDraftEnding = ".part";

/// Takes what stands behind the last dot.
[[nodiscard]] inline std::string_view take_last(std::string_view& name) {
  const std::size_t dot = name.rfind('.');
  if (dot == name.npos) return {};
  const std::string_view part = name.substr(dot + 1);
  name = name.substr(0, dot);
  return part;
}

}  // namespace detail

/// Where something is made before it gets its name.
[[nodiscard]] inline std::filesystem::path draft_of(const std::filesystem::path& place) {
  return place.parent_path() / ("." + place.filename().string() + "." + detail::host_label() + "." +
                                std::to_string(::getpid()) + "." + detail::process_word() +
                                std::string(detail::kDraftEnding));
}

/// Whether a file name is that of a draft which nobody works on any more. Those of other hosts may
/// be alive.
[[nodiscard]] inline bool is_abandoned_draft(std::string_view name) {
  if (!name.starts_with('.') || !name.ends_with(detail::kDraftEnding)) return false;
  name.remove_suffix(detail::kDraftEnding.size());
  const std::string_view word = detail::take_last(name), number = detail::take_last(name),
                         host = detail::take_last(name);
  pid_t pid = 0;
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), pid);
  if (problem != std::errc{} || end != number.data() + number.size() || pid <= 0) return false;
  if (word.size() != detail::process_word().size() || host != detail::host_label()) return false;
  if (pid == ::getpid()) return word != detail::process_word();
  return ::kill(pid, 0) != 0 && errno == ESRCH;
}

/// Removes what killed processes of this host have left in a folder, as far as that can be done.
/// @param everywhere  also in the folders below it
inline void remove_abandoned_drafts(const std::filesystem::path& folder, bool everywhere = false) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (is_abandoned_draft(at->path().filename().string()))
      fs::remove_all(at->path(), ignored);
    else if (everywhere && at->is_directory(ignored) && !at->is_symlink(ignored))
      remove_abandoned_drafts(at->path(), true);
  }
}

}  // namespace vlp
