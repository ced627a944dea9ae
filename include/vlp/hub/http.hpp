#pragma once
// HTTP as downloads need it, by libcurl: one request after another over kept connections, redirects
// followed by hand so that the token never leaves the hub's own host. Proxies come from the usual
// environment variables. Includes no torch.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <curl/curl.h>

#include "vlp/core/error.hpp"
#include "vlp/hub/settings.hpp"

namespace vlp {

/// The hub can't be asked, or doesn't answer as a hub does; a copy in the cache may do.
struct HubError : WeightsError {
  using WeightsError::WeightsError;
};

/// What is asked of a server.
struct HttpRequest {
  std::string url;
  bool head = false;      ///< true = headers only
  std::int64_t from = 0;  ///< first byte that is wanted; the server may send all the same
};

/// What came back, apart from a body that went to a sink.
struct HttpAnswer {
  /// How far the exchange came.
  enum class Connection {
    whole,        ///< the answer is complete
    unreachable,  ///< no address of that name, or nobody answers there
    broken,       ///< it stopped before the end
  };
  Connection connection = Connection::whole;
  std::string problem;  ///< libcurl's words for what went wrong with the connection
  std::string url;      ///< where this answer comes from
  int status = 0;       ///< 0 = none arrived
  std::map<std::string, std::string, std::less<>> headers;  ///< names in lower case
  std::string body;  ///< the first 64 KiB of a body that no sink took

  /// Value of a header, "" if it is missing.
  [[nodiscard]] std::string header(std::string_view name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
  /// @return  whether the server sends the asker elsewhere
  [[nodiscard]] bool is_redirect() const {
    return (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
           headers.contains("location");
  }
};

/// Takes the body of a successful answer, piece by piece; the answer's status and headers are known
/// by then.
using HttpSink = std::function<void(const HttpAnswer&, std::span<const std::byte>)>;

namespace detail {

/// An address taken apart, and put together with what it links to.
class Url {
 public:
  /// @throws WeightsError if the text is not an http or https address
  explicit Url(const std::string& text) : handle_(curl_url(), &curl_url_cleanup) { set(text); }
  /// Goes where a `Location` header points, which may be relative.
  void set(const std::string& text) {
    if (!handle_ || curl_url_set(handle_.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK ||
        (part(CURLUPART_SCHEME) != "http" && part(CURLUPART_SCHEME) != "https"))
      throw WeightsError(
          "'" + text +
          "': not an address of the web (expected http:// or https://). Check HF_ENDPOINT.");
  }
  /// The whole address.
  [[nodiscard]] std::string text() const { return part(CURLUPART_URL); }
  /// https or http.
  [[nodiscard]] std::string scheme() const { return part(CURLUPART_SCHEME); }
  /// Scheme, host and port: what a token belongs to.
  [[nodiscard]] std::string origin() const {
    return scheme() + "://" + part(CURLUPART_HOST) + ":" + part(CURLUPART_PORT);
  }

 private:
  [[nodiscard]] std::string part(CURLUPart what) const {
    char* value = nullptr;
    if (curl_url_get(handle_.get(), what, &value, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
    const std::unique_ptr<char, decltype(&curl_free)> owner(value, &curl_free);
    return value;
  }

  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> handle_;
};

/// What libcurl's callbacks work on during one exchange.
struct Exchange {
  HttpAnswer answer;
  const HttpSink* sink = nullptr;
  std::exception_ptr thrown;  ///< an exception can't pass through libcurl: it waits here
};

inline std::size_t take_header(const char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/")) {  // a further answer on the same request, e.g. after 100 Continue
    exchange.answer.headers.clear();
    const std::size_t space = line.find(' ');
    exchange.answer.status = space == std::string_view::npos
                                 ? 0
                                 : std::atoi(std::string(line.substr(space + 1, 3)).c_str());
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    exchange.answer.headers[name] = trimmed(line.substr(colon + 1));
  }
  return size;
}

inline std::size_t take_body(const char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  constexpr std::size_t kLongestBody = 64 * 1024;
  try {
    const bool success = exchange.answer.status >= 200 && exchange.answer.status < 300;
    if (success && exchange.sink && *exchange.sink)
      (*exchange.sink)(exchange.answer, std::as_bytes(std::span(data, size)));
    else
      exchange.answer.body.append(
          data, std::min(size, kLongestBody - std::min(kLongestBody, exchange.answer.body.size())));
    return size;
  } catch (...) {
    exchange.thrown = std::current_exception();
    return 0;
  }
}

}  // namespace detail

/// A client of one hub. Not for use by several threads at once.
class HttpClient {
 public:
  /// @throws WeightsError if the endpoint is not an address, or the token can't be sent
  explicit HttpClient(const HubSettings& settings)
      : handle_(curl_easy_init(), &curl_easy_cleanup),
        token_(settings.token),
        home_(detail::Url(settings.endpoint).origin()),
        certificates_(settings.certificates.string()) {
    if (!handle_)
      throw Error(ExitCode::unexpected,
                  "libcurl: can't be started. Check the libcurl of this system.");
    if (!std::ranges::all_of(token_, [](unsigned char c) { return c > 32 && c < 127; }))
      throw WeightsError(
          "HF_TOKEN: holds characters that no token has (spaces or line ends). Copy the token "
          "anew.");
  }

  /// Asks one address. An answer of any status is an answer; only what no retry can mend is thrown.
  /// @throws HubError if the server's certificate is not trusted, or the address can't be asked
  /// at all
  HttpAnswer ask(const HttpRequest& request, const HttpSink& sink = {}) {
    CURL* curl = handle_.get();
    curl_easy_reset(curl);  // keeps the connections
    detail::Exchange exchange;
    exchange.sink = &sink;
    exchange.answer.url = request.url;
    char words[CURL_ERROR_SIZE] = "";

    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_ERRORBUFFER, &words[0]);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
    set(CURLOPT_BUFFERSIZE, kBufferBytes);
    set(CURLOPT_USERAGENT, "vlp/" VLP_VERSION);
    set(CURLOPT_NOBODY, request.head ? 1L : 0L);
    set(CURLOPT_HEADERFUNCTION, &detail::take_header);
    set(CURLOPT_HEADERDATA, &exchange);
    set(CURLOPT_WRITEFUNCTION, &detail::take_body);
    set(CURLOPT_WRITEDATA, &exchange);
    if (!certificates_.empty()) set(CURLOPT_CAINFO, certificates_.c_str());
    const std::string range = std::to_string(request.from) + "-";
    if (request.from > 0) set(CURLOPT_RANGE, range.c_str());
    // Sizes and hashes are those of the file itself, so it must not be packed on its way.
    std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
        curl_slist_append(nullptr, "Accept-Encoding: identity"), &curl_slist_free_all);
    if (!token_.empty() && detail::Url(request.url).origin() == home_)
      headers.reset(
          curl_slist_append(headers.release(), ("Authorization: Bearer " + token_).c_str()));
    set(CURLOPT_HTTPHEADER, headers.get());

    const CURLcode code = curl_easy_perform(curl);
    if (exchange.thrown) std::rethrow_exception(exchange.thrown);
    HttpAnswer answer = std::move(exchange.answer);
    answer.connection = connection_of(code);
    if (code == CURLE_OK) return answer;
    if (code == CURLE_OPERATION_TIMEDOUT && !connected())
      answer.connection = HttpAnswer::Connection::unreachable;
    answer.problem = *words ? words : curl_easy_strerror(code);
    if (answer.connection != HttpAnswer::Connection::whole) return answer;
    throw HubError(request.url + ": can't be asked (" + answer.problem + "). " +
                   (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE
                        ? "Behind a proxy with a certificate of its own, name that "
                          "certificate's file in SSL_CERT_FILE."
                        : "Check HF_ENDPOINT and the proxy variables."));
  }

  /// Asks, and goes where redirects lead, at most `kMostRedirects` times.
  /// @param enough  called with each redirect; true = stop there and give back that answer
  /// @throws HubError if the redirects don't end, or leave https for http; and as `ask` does
  HttpAnswer follow(HttpRequest request, const HttpSink& sink = {},
                    const std::function<bool(const HttpAnswer&)>& enough = {}) {
    const std::string first = request.url;
    for (int hop = 0; hop <= kMostRedirects; ++hop) {
      HttpAnswer answer = ask(request, sink);
      if (!answer.is_redirect() || (enough && enough(answer))) return answer;
      detail::Url url(request.url);
      const bool secret = url.scheme() == "https";
      url.set(answer.header("location"));
      if (secret && url.scheme() != "https")
        throw HubError(first + ": leads from https to " + url.text() +
                       ", where anyone could change the file. Check HF_ENDPOINT.");
      request.url = url.text();
    }
    throw HubError(first + ": leads from one address to the next without end (more than " +
                   std::to_string(kMostRedirects) + " redirects). Check HF_ENDPOINT.");
  }

 private:
  static constexpr int kMostRedirects = 10;
  static constexpr long kBufferBytes = 256 * 1024;
  static constexpr long kConnectSeconds = 20;  ///< until a server must have taken the connection
  static constexpr long kSilentSeconds =
      60;  ///< without one byte, after which a connection counts as broken

  template <class Value>
  void set(CURLoption option, Value value) {
    if (const CURLcode code = curl_easy_setopt(handle_.get(), option, value); code != CURLE_OK)
      throw Error(ExitCode::unexpected,
                  std::string("libcurl: refuses an option (") + curl_easy_strerror(code) + ").");
  }

  /// Whether the last exchange had a connection at all.
  [[nodiscard]] bool connected() const {
    curl_off_t microseconds = 0;
    return curl_easy_getinfo(handle_.get(), CURLINFO_CONNECT_TIME_T, &microseconds) == CURLE_OK &&
           microseconds > 0;
  }

  /// `whole` also for failures that a second try can't mend.
  static HttpAnswer::Connection connection_of(CURLcode code) {
    switch (code) {
      case CURLE_COULDNT_RESOLVE_PROXY:
      case CURLE_COULDNT_RESOLVE_HOST:
      case CURLE_COULDNT_CONNECT:       return HttpAnswer::Connection::unreachable;
      case CURLE_WEIRD_SERVER_REPLY:
      case CURLE_HTTP2:
      case CURLE_HTTP2_STREAM:
      case CURLE_PARTIAL_FILE:
      case CURLE_OPERATION_TIMEDOUT:
      case CURLE_SSL_CONNECT_ERROR:
      case CURLE_GOT_NOTHING:
      case CURLE_SEND_ERROR:
      case CURLE_RECV_ERROR:            return HttpAnswer::Connection::broken;
      default:                          return HttpAnswer::Connection::whole;
    }
  }

  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle_;
  std::string token_;
  std::string home_;  ///< scheme, host and port of the hub
  std::string certificates_;
};

}  // namespace vlp
