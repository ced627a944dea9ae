#pragma once
// A hub as somebody who wants one model sees it: what the model is made of, and what each file's
// hash and size are. What can pass is tried again after growing waits; what can't is told in words.
// Includes no torch.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/hub/http.hpp"
#include "vlp/hub/model_name.hpp"
#include "vlp/hub/settings.hpp"

namespace vlp {

/// How often and after which waits something is tried again.
struct RetryPolicy {
  /// One more try after each; the count starts anew whenever a file has grown.
  std::vector<std::chrono::seconds> waits{std::chrono::seconds(1), std::chrono::seconds(2),
                                          std::chrono::seconds(4), std::chrono::seconds(8),
                                          std::chrono::seconds(16)};
  /// How a wait is spent; a test gives its own.
  std::function<void(std::chrono::seconds)> wait = [](std::chrono::seconds time) {
    std::this_thread::sleep_for(time);
  };
};

/// One state of a model on the hub.
struct HubListing {
  std::string commit;              ///< 40 hexadecimal digits
  std::vector<std::string> files;  ///< names from the model's root
};

/// What the hub says about one file before it is fetched.
struct HubFile {
  std::string name;
  std::string url;   ///< where it is asked for, before redirects
  std::string etag;  ///< names its blob; SHA-256 of the content, or git's SHA-1, if it has 64 or 40
                     ///< hexadecimal digits; "" = the hub gives none that could name a file
  std::int64_t size = -1;  ///< bytes; -1 = the hub doesn't say
};

/// Asks one hub for one model.
class HubClient {
 public:
  /// @throws WeightsError if the endpoint or the token is malformed
  HubClient(const HubSettings& settings, HubName model, Console console, RetryPolicy retry)
      : http_(settings),
        endpoint_(settings.endpoint),
        has_token_(!settings.token.empty()),
        model_(std::move(model)),
        console_(std::move(console)),
        retry_(std::move(retry)) {}

  /// The commit that the revision stands for and the files in it.
  /// @param needed  false = a hub that takes the connection and says nothing is not asked again
  /// @throws HubError if there is no such model, access is refused, or the hub can't be reached;
  ///                  WeightsError if it has no such revision
  [[nodiscard]] HubListing listing(bool needed = true) {
    needed_ = needed;
    std::string revision;
    for (const char c : model_.revision)
      revision += c == '/' ? "%2F" : c == '+' ? "%2B" : std::string(1, c);
    const std::string url = endpoint_ + "/api/models/" + model_.name + "/revision/" + revision;
    std::string text;
    patiently("its list of files", [&] {
      text.clear();
      return http_.follow({.url = url}, [&](const HttpAnswer&, std::span<const std::byte> bytes) {
        if (text.size() + bytes.size() > kLongestListing)
          fail("its list of files has no end", "Check HF_ENDPOINT");
        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      });
    });
    return parse_listing(text, url);
  }

  /// Hash and size of one file of a commit.
  /// @throws HubError, WeightsError as `listing` does
  [[nodiscard]] HubFile file(const std::string& commit, const std::string& name) {
    HubFile file{.name = name,
                 .url = endpoint_ + "/" + model_.name + "/resolve/" + commit + "/" + name};
    std::string size;
    // The hub describes a file in the headers of its first answer, which may lead to a server that
    // knows less.
    const auto describe = [&](const HttpAnswer& answer) {
      if (file.etag.empty()) file.etag = answer.header("x-linked-etag");
      if (size.empty()) size = answer.header("x-linked-size");
      if (const std::string other = answer.header("x-repo-commit");
          !other.empty() && other != commit)
        fail(name + " belongs to another commit (got " + other + ", expected " + commit + ")",
             "Try again, or check HF_ENDPOINT");
      return !file.etag.empty() && !size.empty();
    };
    const HttpAnswer last = patiently(
        name, [&] { return http_.follow({.url = file.url, .head = true}, {}, describe); });
    describe(last);
    if (file.etag.empty()) file.etag = last.header("etag");
    if (size.empty() && !last.is_redirect()) size = last.header("content-length");

    if (file.etag.starts_with("W/")) file.etag.erase(0, 2);
    std::erase(file.etag, '"');
    if (!detail::is_made_of(file.etag, "._-") || file.etag.front() == '.' ||
        file.etag.size() > kLongestEtag)
      file.etag.clear();
    const auto [end, problem] = std::from_chars(size.data(), size.data() + size.size(), file.size);
    if (problem != std::errc{} || end != size.data() + size.size() || file.size < 0) file.size = -1;
    return file;
  }

  /// Fetches a file's bytes from `from()` on.
  /// @param from  how many bytes are there already; asked before every try
  /// @param sink  takes the bytes; has to look at the answer's status, 206 = from there on, 200 =
  ///              from the beginning
  /// @param look  may call an answer broken that looks whole, or the other way round
  /// @throws HubError if it doesn't arrive, and whatever the sink throws
  void fetch(const HubFile& file, const std::function<std::int64_t()>& from, const HttpSink& sink,
             const std::function<void(HttpAnswer&)>& look) {
    patiently(
        file.name,
        [&] {
          HttpAnswer answer = http_.follow({.url = file.url, .from = from()}, sink);
          look(answer);
          return answer;
        },
        from);
  }

  /// @throws E, HubError or another, of the form `NAME: what. advice.`
  template <class E = HubError>
  [[noreturn]] void fail(const std::string& what, const std::string& advice) const {
    throw E(model_.text() + ": " + what + ". " + advice + ".");
  }

 private:
  static constexpr std::size_t kLongestListing = std::size_t{64} << 20;
  static constexpr std::size_t kLongestEtag = 200;
  static constexpr std::int64_t kLongestWait = 120;  ///< seconds, whatever a server asks for

  [[nodiscard]] HubListing parse_listing(const std::string& text, const std::string& url) const {
    const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    const auto bad = [&] {
      fail(url + " is not answered as a Hugging Face hub does", "Check HF_ENDPOINT");
    };
    if (!json.is_object() || !json.contains("sha") || !json["sha"].is_string() ||
        !json.contains("siblings") || !json["siblings"].is_array())
      bad();
    HubListing listing{.commit = json["sha"], .files = {}};
    if (!is_commit(listing.commit)) bad();
    if (is_commit(model_.revision) && listing.commit != model_.revision) bad();
    for (const auto& file : json["siblings"]) {
      if (!file.is_object() || !file.contains("rfilename") || !file["rfilename"].is_string()) bad();
      listing.files.push_back(file["rfilename"]);
    }
    return listing;
  }

  /// Tries until the answer is whole and a success.
  /// @param reached  what has been got so far; a try that gets further doesn't count as a failure
  HttpAnswer patiently(
      const std::string& what, const std::function<HttpAnswer()>& attempt,
      const std::function<std::int64_t()>& reached = [] { return std::int64_t{0}; }) {
    std::int64_t best = reached();
    std::size_t failures = 0;
    while (true) {
      const HttpAnswer answer = attempt();
      if (answer.status != 0) answered_ = true;
      const bool whole = answer.connection == HttpAnswer::Connection::whole;
      if (whole && ((answer.status >= 200 && answer.status < 300) || answer.is_redirect()))
        return answer;
      if (reached() > best) {
        best = reached();
        failures = 0;
      }
      if (!may_pass(answer) || failures >= retry_.waits.size()) give_up(what, answer);
      const std::chrono::seconds time = wait_before_next(answer, retry_.waits[failures++]);
      console_.note(what + ": " + trouble(answer) + ", trying again in " +
                    std::to_string(time.count()) + " s");
      retry_.wait(time);
    }
  }

  /// A hub that has never answered is not there; one that has may come back.
  [[nodiscard]] bool may_pass(const HttpAnswer& answer) const {
    if (answer.connection == HttpAnswer::Connection::unreachable) return answered_;
    if (answer.connection == HttpAnswer::Connection::broken) return answered_ || needed_;
    return answer.status == 408 || answer.status == 429 || answer.status >= 500;
  }

  [[nodiscard]] static std::chrono::seconds wait_before_next(const HttpAnswer& answer,
                                                             std::chrono::seconds planned) {
    const std::string asked = answer.header("retry-after");
    std::int64_t seconds = 0;
    std::from_chars(asked.data(), asked.data() + asked.size(),
                    seconds);  // a date instead of seconds stays 0
    return std::max(planned,
                    std::chrono::seconds(std::clamp(seconds, std::int64_t{0}, kLongestWait)));
  }

  [[nodiscard]] static std::string trouble(const HttpAnswer& answer) {
    if (answer.connection == HttpAnswer::Connection::whole)
      return "the hub answers with status " + std::to_string(answer.status);
    return (answer.connection == HttpAnswer::Connection::broken ? "the connection broke ("
                                                                : "no connection (") +
           answer.problem + ")";
  }

  [[noreturn]] void give_up(const std::string& what, const HttpAnswer& answer) const {
    const std::string again =
        "What has arrived is kept; vlp download " + model_.text() + " goes on there";
    if (answer.connection == HttpAnswer::Connection::unreachable)
      fail(endpoint_ + " can't be reached (" + answer.problem + ")",
           "Check the network, HF_ENDPOINT and the proxy variables" +
               (answered_ ? ". " + again : std::string()));
    if (answer.connection == HttpAnswer::Connection::broken)
      fail(what + " doesn't arrive: " + trouble(answer), again);

    const std::string code = answer.header("x-error-code");
    const std::string status = std::to_string(answer.status);
    if (answer.status == 401 || answer.status == 403) {
      if (code == "GatedRepo")
        fail("is gated, and access is not granted (" + status + " for " + what + ")",
             "Ask for access at " + endpoint_ + "/" + model_.name +
                 " and put your token into HF_TOKEN");
      fail((has_token_ ? "the hub refuses this token (" : "the hub doesn't let everyone in (") +
               status + " for " + what + ")",
           has_token_ ? "Check the name, HF_TOKEN, and that the token may read this model"
                      : "Check the name: this is also its answer if there is no such model. For a "
                        "private or gated one set HF_TOKEN");
    }
    if (answer.status == 404 && code == "RevisionNotFound")
      fail<WeightsError>("there is no revision '" + model_.revision + "'", "Check its name");
    if (answer.status == 404)
      fail("no such model or revision (404 for " + what + ")", "Check the name at " + endpoint_);
    fail("the hub answers with status " + status + " for " + what,
         answer.status >= 500 ? "Try later. " + again : "Check HF_ENDPOINT");
  }

  HttpClient http_;
  std::string endpoint_;
  bool has_token_;
  HubName model_;
  Console console_;
  RetryPolicy retry_;
  bool answered_ = false;  ///< whether the hub has answered at all
  bool needed_ = true;     ///< whether there is nothing else if it never does
};

}  // namespace vlp
