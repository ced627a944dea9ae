#pragma once
// A Hugging Face hub with one model, on the loopback address: its API, files it serves itself, and
// large files that it redirects to another host's name. It can break connections, refuse, and lie.
// Stops by itself.

#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <httplib.h>
#include <nlohmann/json.hpp>

#include "vlp/hub/hash.hpp"
#include "vlp/hub/settings.hpp"

namespace vlp_test {

inline std::string sha256(const std::string& content) {
  vlp::Digest digest(EVP_sha256());
  digest.feed(std::as_bytes(std::span(content)));
  return digest.text();
}

inline std::string git_sha1(const std::string& content) {
  vlp::Digest digest(EVP_sha1());
  const std::string header = "blob " + std::to_string(content.size()) + '\0';
  digest.feed(std::as_bytes(std::span(header)));
  digest.feed(std::as_bytes(std::span(content)));
  return digest.text();
}

class FakeHub {
 public:
  /// One request as it came in.
  struct Asked {
    std::string method, host, path, range, authorization;
  };

  std::string name = "Salesforce/blip-tiny";
  std::string commit = "0123456789abcdef0123456789abcdef01234567";
  std::map<std::string, std::string> revisions{{"main", commit}, {"refs/pr/38", commit}};
  std::map<std::string, std::string> files;  ///< content by name
  std::map<std::string, std::string>
      delivered;                            ///< what GET sends instead, where it is not the content
  std::string large = ".safetensors .bin";  ///< endings of files that lie with Git LFS: redirected,
                                            ///< hashed by SHA-256
  std::map<std::string, std::deque<std::size_t>>
      breaks;  ///< by name: bytes after which one GET each is cut off
  std::map<std::string, std::deque<int>>
      statuses;  ///< by name, "" = the API: what is answered first
  std::map<std::string, std::string> error_headers;  ///< sent along with such a status
  bool ranges = true;   ///< false = the whole file, whatever range was asked
  bool etags = true;    ///< false = no ETag of any kind
  bool lengths = true;  ///< false = no size of any kind, and no ranges
  bool sizes = true;    ///< false = X-Linked-Size and X-Linked-Etag are missing
  std::string redirect = "http://localhost";  ///< host that large files are redirected to

  FakeHub() {
    setenv("no_proxy", "127.0.0.1,localhost", /*overwrite=*/1);
    server_.set_tcp_nodelay(true);
    server_.set_keep_alive_timeout(1);
    server_.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response&) {
      const std::lock_guard lock(mutex_);
      asked_.push_back({request.method, request.get_header_value("Host"), request.path,
                        request.get_header_value("Range"),
                        request.get_header_value("Authorization")});
      return httplib::Server::HandlerResponse::Unhandled;
    });
    server_.Get("/api/models/(.+)/revision/(.+)",
                [this](const auto& request, auto& response) { tell(request, response); });
    server_.Get("/(.+)/resolve/([^/]+)/(.+)",
                [this](const auto& request, auto& response) { resolve(request, response); });
    server_.Get("/elsewhere/(.+)", [this](const auto& request, auto& response) {
      send(request.matches[1], request, response);
    });
    server_.Get("/loop", [](const auto&, auto& response) { response.set_redirect("/loop"); });
    port_ = server_.bind_to_any_port("127.0.0.1");
    if (port_ <= 0) throw std::runtime_error("no port on the loopback address");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~FakeHub() {
    server_.stop();
    thread_.join();
  }
  FakeHub(const FakeHub&) = delete;
  FakeHub& operator=(const FakeHub&) = delete;

  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] vlp::HubSettings settings(const std::filesystem::path& cache) const {
    return {.cache = cache, .endpoint = endpoint()};
  }

  [[nodiscard]] bool is_large(const std::string& file) const {
    const std::size_t dot = file.rfind('.');
    return dot != std::string::npos && large.find(file.substr(dot)) != std::string::npos &&
           !file.ends_with(".json");
  }
  [[nodiscard]] std::string etag(const std::string& file) const {
    return is_large(file) ? sha256(files.at(file)) : git_sha1(files.at(file));
  }

  /// The requests so far whose path ends like this, oldest first.
  [[nodiscard]] std::vector<Asked> asked(const std::string& method, const std::string& end = {}) {
    const std::lock_guard lock(mutex_);
    std::vector<Asked> found;
    for (const Asked& request : asked_)
      if (request.method == method && request.path.ends_with(end)) found.push_back(request);
    return found;
  }
  /// GET requests for content: not the API, and not the redirects on the way.
  [[nodiscard]] std::size_t fetches() {
    std::size_t count = 0;
    for (const Asked& request : asked("GET")) {
      const std::string file = request.path.substr(request.path.rfind('/') + 1);
      const bool content = request.path.starts_with("/elsewhere/") ||
                           (request.path.find("/resolve/") != std::string::npos && !is_large(file));
      count += content ? 1U : 0U;
    }
    return count;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    asked_.clear();
  }

 private:
  /// Whether this request is answered with the next status in the queue.
  bool refuse(const std::string& key, httplib::Response& response) {
    const std::lock_guard lock(mutex_);
    auto& queue = statuses[key];
    if (queue.empty()) return false;
    response.status = queue.front();
    queue.pop_front();
    for (const auto& [header, value] : error_headers) response.set_header(header, value);
    response.set_content("{\"error\":\"no\"}", "application/json");
    return true;
  }

  void tell(const httplib::Request& request, httplib::Response& response) {
    if (refuse("", response)) return;
    const std::string revision = request.matches[2];
    const bool known =
        request.matches[1] == name && (revisions.contains(revision) || revision == commit);
    if (!known) {
      response.status = 404;
      response.set_header("X-Error-Code",
                          request.matches[1] == name ? "RevisionNotFound" : "RepoNotFound");
      return;
    }
    nlohmann::json siblings = nlohmann::json::array();
    for (const auto& [file, content] : files) siblings.push_back({{"rfilename", file}});
    const std::string sha = revision == commit ? commit : revisions.at(revision);
    response.set_content(nlohmann::json{{"id", name}, {"sha", sha}, {"siblings", siblings}}.dump(),
                         "application/json");
  }

  void resolve(const httplib::Request& request, httplib::Response& response) {
    const std::string file = request.matches[3];
    if (refuse(file, response)) return;
    if (request.matches[1] != name || !files.contains(file)) {
      response.status = 404;
      response.set_header("X-Error-Code", "EntryNotFound");
      return;
    }
    response.set_header("X-Repo-Commit", std::string(request.matches[2]));
    if (sizes && lengths && is_large(file))
      response.set_header("X-Linked-Size", std::to_string(files.at(file).size()));
    if (sizes && etags && is_large(file))
      response.set_header("X-Linked-Etag", '"' + etag(file) + '"');
    if (is_large(file) && !redirect.empty()) {
      response.set_redirect(redirect + ":" + std::to_string(port_) + "/elsewhere/" + file);
    } else {
      if (etags) response.set_header("ETag", "W/\"" + etag(file) + '"');
      send(file, request, response);
    }
  }

  void send(const std::string& file, const httplib::Request& request, httplib::Response& response) {
    const std::string content = delivered.contains(file) ? delivered.at(file) : files.at(file);
    if (!ranges || !lengths) const_cast<httplib::Request&>(request).ranges.clear();
    if (etags && request.path.starts_with("/elsewhere/"))
      response.set_header("ETag", "\"of-another-kind-1\"");
    std::size_t end = content.size();
    if (request.method == "GET") {
      const std::lock_guard lock(mutex_);
      if (auto& queue = breaks[file]; !queue.empty()) {
        end = queue.front();
        queue.pop_front();
      }
    }
    if (!lengths)
      return response.set_chunked_content_provider(
          "application/octet-stream", [content, end](std::size_t, httplib::DataSink& sink) {
            sink.write(content.data(), end);
            if (end == content.size()) sink.done();
            return end == content.size();
          });
    if (content.empty()) return response.set_content("", "application/octet-stream");
    response.set_content_provider(
        content.size(), "application/octet-stream",
        [content, end](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
          const std::size_t stop = std::min(offset + length, end);
          if (offset < stop) sink.write(content.data() + offset, stop - offset);
          return offset + length <= end;
        });
  }

  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<Asked> asked_;
};

}  // namespace vlp_test
