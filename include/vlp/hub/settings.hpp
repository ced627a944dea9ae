#pragma once
// How this machine reaches a Hugging Face hub and where its copies lie: the environment variables
// of huggingface_hub, with its precedence. A variable that is set but empty counts as not set.
// Includes no torch.

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace vlp {

/// Where the hub is, who asks, and where copies are kept.
struct HubSettings {
  std::filesystem::path
      cache;  ///< the folder that holds models--ORG--NAME, shared with transformers
  std::string endpoint =
      "https://huggingface.co";  ///< address of the hub, without a slash at the end
  std::string token;             ///< sent to the endpoint only; "" = ask without a name
  bool offline = false;          ///< true = never ask the hub
  bool links = true;             ///< false = copies in the cache instead of symbolic links
  std::filesystem::path
      certificates;  ///< trusted certificates, one PEM file; "" = those of the system
};

/// Value of an environment variable by its name; null = not set.
using Variables = std::function<const char*(const char*)>;

namespace detail {

/// Value of the first of `names` that is set and not empty.
template <std::size_t N>
[[nodiscard]] std::optional<std::string> first_set(const Variables& variable,
                                                   const std::array<const char*, N>& names) {
  for (const char* name : names)
    if (const char* value = variable(name); value && *value) return value;
  return std::nullopt;
}

/// @return  whether the text is 1, on, yes or true, in any case
[[nodiscard]] inline bool says_yes(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text == "1" || text == "on" || text == "yes" || text == "true";
}

/// `~` at the beginning, `$NAME` and `${NAME}` filled in; a name that is not set stays as it is
/// written.
[[nodiscard]] inline std::string expanded(std::string_view text, const Variables& variable) {
  std::string result;
  if (text == "~" || text.starts_with("~/")) {
    if (const char* home = variable("HOME")) {
      result = home;
      text.remove_prefix(1);
    }
  }
  const auto is_letter = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  while (!text.empty()) {
    const std::size_t dollar = std::min(text.find('$'), text.size());
    result += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.empty()) break;
    const bool braces = text.starts_with("${");
    const std::size_t first = braces ? 2 : 1;
    std::size_t last = first;
    while (last < text.size() && is_letter(static_cast<unsigned char>(text[last]))) ++last;
    const std::size_t end = braces ? last + 1 : last;
    const bool closed = !braces || (last < text.size() && text[last] == '}');
    const char* value = closed && last > first
                            ? variable(std::string(text.substr(first, last - first)).c_str())
                            : nullptr;
    result += value ? std::string_view(value) : text.substr(0, closed ? end : last);
    text.remove_prefix(closed ? end : last);
  }
  return result;
}

/// Without spaces and line ends at both sides.
[[nodiscard]] inline std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

}  // namespace detail

/// Reads HF_HUB_CACHE (older: HUGGINGFACE_HUB_CACHE), HF_HOME, XDG_CACHE_HOME; HF_ENDPOINT;
/// HF_TOKEN (older: HUGGING_FACE_HUB_TOKEN), else the file HF_TOKEN_PATH or HF_HOME/token, unless
/// HF_HUB_DISABLE_IMPLICIT_TOKEN; HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE; HF_HUB_DISABLE_SYMLINKS;
/// SSL_CERT_FILE, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE.
/// @param variable  where variables are looked up; a test gives its own
[[nodiscard]] inline HubSettings hub_settings(const Variables& variable = [](const char* name) {
  return std::getenv(name);
}) {
  namespace fs = std::filesystem;
  const auto path_of = [&](const std::string& text) {
    return fs::path(detail::expanded(text, variable));
  };
  const auto caches = detail::first_set(variable, std::array{"XDG_CACHE_HOME"});
  const auto home = detail::first_set(variable, std::array{"HF_HOME"});
  const fs::path hugging_face =
      home ? path_of(*home) : path_of(caches ? *caches : "~/.cache") / "huggingface";

  HubSettings settings;
  const auto cache =
      detail::first_set(variable, std::array{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"});
  settings.cache = cache ? path_of(*cache) : hugging_face / "hub";

  if (const auto endpoint = detail::first_set(variable, std::array{"HF_ENDPOINT"}))
    settings.endpoint = detail::trimmed(*endpoint);
  while (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();

  const auto implicit_off =
      detail::first_set(variable, std::array{"HF_HUB_DISABLE_IMPLICIT_TOKEN"});
  if (!implicit_off || !detail::says_yes(*implicit_off)) {
    if (const auto token =
            detail::first_set(variable, std::array{"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})) {
      settings.token = detail::trimmed(*token);
    } else {
      const auto file = detail::first_set(variable, std::array{"HF_TOKEN_PATH"});
      std::ifstream in(file ? path_of(*file) : hugging_face / "token", std::ios::binary);
      settings.token = detail::trimmed(std::string(std::istreambuf_iterator<char>(in), {}));
    }
  }

  const auto offline =
      detail::first_set(variable, std::array{"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"});
  settings.offline = offline && detail::says_yes(*offline);
  const auto no_links = detail::first_set(variable, std::array{"HF_HUB_DISABLE_SYMLINKS"});
  settings.links = !no_links || !detail::says_yes(*no_links);
  const auto certificates = detail::first_set(
      variable, std::array{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"});
  if (certificates) settings.certificates = path_of(*certificates);
  return settings;
}

}  // namespace vlp
