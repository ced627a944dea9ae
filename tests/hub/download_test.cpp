// Downloads from a hub on the loopback address: what arrives, what is asked, and what happens when
// something breaks.

#include "vlp/hub/download.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "tests/support/fake_hub.hpp"
#include "tests/support/messages.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_folder.hpp"
#include "vlp/core/error.hpp"

namespace {

namespace fs = std::filesystem;
using vlp_test::contains;
using vlp_test::FakeHub;
using vlp_test::text_of;

/// Bytes that repeat only after a long while, so that a piece in a wrong place shows.
std::string noise(std::size_t size, unsigned seed = 1) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) {
    seed = seed * 1664525U + 1013904223U;
    byte = static_cast<char>(seed >> 24);
  }
  return bytes;
}

struct Downloads {
  Downloads() {
    hub.files = {{"config.json", "{\"model_type\": \"blip\"}"},
                 {"preprocessor_config.json", "{}"},
                 {"vocab.txt", "[PAD]\n[UNK]\n"},
                 {"model.safetensors", noise(300'000)},
                 {"README.md", "# BLIP"},
                 {"tf_model.h5", "tensorflow"},
                 {"pytorch_model.bin", noise(1000, 2)}};
  }

  vlp::DownloadedModel download(const std::string& revision = "main") {
    vlp::RetryPolicy retry;
    retry.wait = [this](std::chrono::seconds time) { waits.push_back(time.count()); };
    vlp::Console console;
    console.on_note = [this](std::string_view text) { notes += std::string(text) + "\n"; };
    console.on_warning = [this](std::string_view text) { warnings += std::string(text) + "\n"; };
    return vlp::download_model(settings, {.name = hub.name, .revision = revision}, console, retry,
                               calls);
  }
  /// The message of a download that fails.
  std::string refusal(const std::string& revision = "main",
                      vlp::ExitCode code = vlp::ExitCode::weights) {
    try {
      download(revision);
    } catch (const vlp::Error& error) {
      BOOST_TEST((error.code() == code));
      return error.what();
    }
    return "no error";
  }
  fs::path blob(const std::string& file) { return model_folder / "blobs" / hub.etag(file); }
  fs::path partial(const std::string& file) { return blob(file).string() + ".incomplete"; }
  void leave_partial(const std::string& file, const std::string& content) {
    fs::create_directories(blob(file).parent_path());
    std::ofstream(partial(file), std::ios::binary) << content;
  }

  ScratchFolder scratch;
  FakeHub hub;
  vlp::HubSettings settings = hub.settings(scratch.path / "hub");
  fs::path model_folder = scratch.path / "hub" / "models--Salesforce--blip-tiny";
  fs::path snapshot = model_folder / "snapshots" / hub.commit;
  vlp::CacheCalls calls;
  std::vector<std::int64_t> waits;
  std::string notes, warnings;

  void move_on() {
    hub.commit = "ffffffffffffffffffffffffffffffffffffffff";
    hub.revisions["main"] = hub.commit;
  }
  /// Files of the cache whose names have this part.
  [[nodiscard]] std::size_t files_named(const std::string& part) const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(settings.cache))
      count += contains(entry.path().filename(), part) ? 1U : 0U;
    return count;
  }
};

/// Takes connections and closes them without a word.
class SilentServer {
 public:
  SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_, any, size) != 0 || ::listen(socket_, 8) != 0 ||
        ::getsockname(socket_, any, &size) != 0)
      throw std::runtime_error("no port on the loopback address");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      for (int peer = 0; (peer = ::accept(socket_, nullptr, nullptr)) >= 0;) ::close(peer);
    });
  }
  ~SilentServer() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  int socket_;
  int port_ = 0;
  std::thread thread_;
};

int refuse_with(int code) {
  errno = code;
  return -1;
}

/// While it lives, nobody can write into a folder: root becomes somebody else, and whoever isn't
/// root takes the permission away from himself.
class Unwritable {
 public:
  Unwritable(const fs::path& reachable, const fs::path& folder) : folder_(folder) {
    fs::permissions(reachable,
                    fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
    allow(false);
    if (::geteuid() == 0) was_root_ = ::seteuid(65534) == 0;
  }
  ~Unwritable() {
    if (was_root_) BOOST_TEST(::seteuid(0) == 0);
    allow(true);
  }
  Unwritable(const Unwritable&) = delete;
  Unwritable& operator=(const Unwritable&) = delete;

 private:
  void allow(bool writing) const {
    const auto set = [&](const fs::path& path) {
      fs::permissions(path, fs::perms::group_write | fs::perms::others_write,
                      fs::perm_options::remove);
      fs::permissions(path, fs::perms::owner_write,
                      writing ? fs::perm_options::add : fs::perm_options::remove);
    };
    set(folder_);
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
      if (entry.is_directory() && !entry.is_symlink()) set(entry.path());
  }

  fs::path folder_;
  bool was_root_ = false;
};

/// While it lives, no file of this process gets longer.
class LongestFile {
 public:
  explicit LongestFile(rlim_t bytes) : on_signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~LongestFile() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, on_signal_);
  }
  LongestFile(const LongestFile&) = delete;
  LongestFile& operator=(const LongestFile&) = delete;

 private:
  rlimit before_{};
  void (*on_signal_)(int);
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(download, Downloads)

BOOST_AUTO_TEST_CASE(a_model_arrives_in_the_layout_of_hugging_face) {
  const vlp::DownloadedModel got = download();
  BOOST_TEST(got.folder == snapshot);
  BOOST_TEST(got.commit == hub.commit);
  BOOST_TEST(got.fetched == 300'000 + 22 + 2 + 12);
  for (const char* file :
       {"config.json", "preprocessor_config.json", "vocab.txt", "model.safetensors"}) {
    BOOST_TEST_CONTEXT(file) {
      BOOST_TEST(fs::read_symlink(snapshot / file) == fs::path("../../blobs") / hub.etag(file));
      BOOST_TEST((text_of(snapshot / file) == hub.files[file]));
    }
  }
  BOOST_TEST(text_of(model_folder / "refs" / "main") == hub.commit);
  BOOST_TEST((vlp::find_in_cache(settings, hub.name) == snapshot));
  BOOST_TEST(vlp::require_in_cache(settings, hub.name + "@" + hub.commit) == snapshot);
  BOOST_TEST(warnings == "");
}

BOOST_AUTO_TEST_CASE(vocabularies_of_other_tokenizers_come_with_their_model) {
  hub.files["vocab.json"] = "{}";
  hub.files["merges.txt"] = "#version: 0.2\n";
  download();
  BOOST_TEST(text_of(snapshot / "vocab.json") == "{}");
  BOOST_TEST(text_of(snapshot / "merges.txt") == "#version: 0.2\n");
}

BOOST_AUTO_TEST_CASE(nothing_is_left_over_and_nothing_unneeded_is_fetched) {
  download();
  BOOST_TEST(hub.fetches() == 4U);
  for (const auto& entry : fs::recursive_directory_iterator(settings.cache)) {
    BOOST_TEST(!contains(entry.path().filename(), "incomplete"));
    BOOST_TEST(!contains(entry.path().filename(), "part"));
  }
  for (const char* file : {"README.md", "tf_model.h5", "pytorch_model.bin"})
    BOOST_TEST(!fs::exists(snapshot / file));
}

BOOST_AUTO_TEST_CASE(a_second_download_fetches_nothing) {
  download();
  hub.forget();
  const vlp::DownloadedModel again = download();
  BOOST_TEST(again.fetched == 0);
  BOOST_TEST(hub.fetches() == 0U);
  BOOST_TEST(hub.asked("HEAD").size() == 4U);
}

BOOST_AUTO_TEST_CASE(a_new_commit_shares_unchanged_blobs_and_moves_the_ref) {
  download();
  hub.commit = "ffffffffffffffffffffffffffffffffffffffff";
  hub.revisions["main"] = hub.commit;
  hub.files["config.json"] = "{}";  // the content of preprocessor_config.json: one blob for both
  hub.forget();
  const vlp::DownloadedModel got = download();
  BOOST_TEST(got.fetched == 0);
  BOOST_TEST(hub.fetches() == 0U);
  BOOST_TEST(text_of(model_folder / "refs" / "main") == hub.commit);
  BOOST_TEST(text_of(got.folder / "config.json") == "{}");
  BOOST_TEST(fs::exists(snapshot / "config.json"), "the old commit stays");
}

BOOST_AUTO_TEST_CASE(a_revision_may_be_a_pull_request_or_a_commit) {
  download("refs/pr/38");
  BOOST_TEST(text_of(model_folder / "refs" / "refs" / "pr" / "38") == hub.commit);
  BOOST_TEST(!vlp::find_in_cache(settings, hub.name));
  BOOST_TEST((vlp::find_in_cache(settings, hub.name + "@refs/pr/38") == snapshot));
  fs::remove_all(model_folder);
  download(hub.commit);
  BOOST_TEST(!fs::exists(model_folder / "refs"));
  BOOST_TEST((vlp::find_in_cache(settings, hub.name, hub.commit) == snapshot));
}

BOOST_AUTO_TEST_CASE(a_broken_connection_is_continued_where_it_broke) {
  hub.breaks["model.safetensors"] = {100'000, 250'000};
  download();
  BOOST_TEST((text_of(snapshot / "model.safetensors") == hub.files["model.safetensors"]));
  const auto gets = hub.asked("GET", "/elsewhere/model.safetensors");
  BOOST_TEST_REQUIRE(gets.size() == 3U);
  BOOST_TEST(gets[0].range == "");
  BOOST_TEST(gets[1].range == "bytes=100000-");
  BOOST_TEST(gets[2].range == "bytes=250000-");
  BOOST_TEST(waits == (std::vector<std::int64_t>{1, 1}),
             "each try got further, so the waits don't grow");
}

BOOST_AUTO_TEST_CASE(a_download_that_was_given_up_is_no_model_and_is_continued_by_the_next) {
  hub.breaks["model.safetensors"] = std::deque<std::size_t>(6, 100'000);
  const std::string message = refusal();
  BOOST_TEST(
      contains(message,
               "Salesforce/blip-tiny: model.safetensors doesn't arrive: the connection broke ("),
      message);
  BOOST_TEST(contains(message, "vlp download Salesforce/blip-tiny goes on there."), message);
  BOOST_TEST(waits == (std::vector<std::int64_t>{1, 2, 4, 8, 16}));
  BOOST_TEST(!vlp::find_in_cache(settings, hub.name));
  BOOST_TEST(!fs::exists(snapshot / "model.safetensors"));
  BOOST_TEST(!fs::exists(blob("model.safetensors")));
  BOOST_TEST(fs::file_size(partial("model.safetensors")) == 100'000U);

  hub.forget();
  const vlp::DownloadedModel got = download();
  BOOST_TEST(hub.fetches() == 1U);
  BOOST_TEST(hub.asked("GET", "/elsewhere/model.safetensors").at(0).range == "bytes=100000-");
  BOOST_TEST((text_of(got.folder / "model.safetensors") == hub.files["model.safetensors"]));
}

BOOST_AUTO_TEST_CASE(a_server_without_ranges_sends_the_whole_file_again) {
  hub.ranges = false;
  hub.breaks["model.safetensors"] = {100'000};
  download();
  BOOST_TEST((text_of(snapshot / "model.safetensors") == hub.files["model.safetensors"]));
  BOOST_TEST(hub.asked("GET", "/elsewhere/model.safetensors").size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_whole_but_unnamed_part_is_checked_and_not_fetched) {
  leave_partial("model.safetensors", hub.files["model.safetensors"]);
  download();
  BOOST_TEST(hub.asked("GET", "model.safetensors").empty());
  BOOST_TEST((text_of(snapshot / "model.safetensors") == hub.files["model.safetensors"]));
}

BOOST_AUTO_TEST_CASE(a_spoilt_or_overlong_part_is_fetched_from_the_beginning) {
  for (const std::string& left : {noise(5000, 9), noise(300'000, 9), noise(400'000, 9)}) {
    fs::remove_all(settings.cache);
    leave_partial("model.safetensors", left);
    download();
    BOOST_TEST((text_of(snapshot / "model.safetensors") == hub.files["model.safetensors"]));
  }
}

BOOST_AUTO_TEST_CASE(wrong_content_is_deleted_and_told) {
  for (const char* file : {"model.safetensors", "config.json"}) {
    hub.delivered = {{file, hub.files[file]}};
    hub.delivered[file][7] ^= 1;
    const std::string message = refusal();
    BOOST_TEST(contains(message, std::string(file) + " has arrived damaged (got a file of"),
               message);
    BOOST_TEST(contains(message, "expected " + hub.etag(file) + ") and is deleted."), message);
    BOOST_TEST(!fs::exists(blob(file)));
    BOOST_TEST(!fs::exists(partial(file)));
    BOOST_TEST(!fs::exists(snapshot / file));
    BOOST_TEST(!vlp::find_in_cache(settings, hub.name));
    hub.delivered.clear();
    download();
    fs::remove_all(settings.cache);
  }
}

BOOST_AUTO_TEST_CASE(a_file_of_another_length_than_announced_is_refused) {
  hub.delivered["model.safetensors"] = hub.files["model.safetensors"] + "more";
  BOOST_TEST(contains(
      refusal(),
      "model.safetensors is longer than announced (expected 300000 bytes) and is deleted."));
  BOOST_TEST(!fs::exists(partial("model.safetensors")));
  hub.delivered["model.safetensors"] = hub.files["model.safetensors"].substr(0, 1234);
  const std::string message = refusal();
  BOOST_TEST(contains(message, "model.safetensors doesn't arrive"), message);
  BOOST_TEST(!fs::exists(blob("model.safetensors")));
}

BOOST_AUTO_TEST_CASE(the_token_goes_to_the_hub_and_nowhere_else) {
  settings.token = "hf_secret";
  download();
  std::size_t elsewhere = 0;
  for (const char* method : {"GET", "HEAD"})
    for (const FakeHub::Asked& request : hub.asked(method)) {
      const bool here = !request.path.starts_with("/elsewhere/");
      BOOST_TEST(request.authorization == (here ? "Bearer hf_secret" : ""), request.path);
      BOOST_TEST(request.host.starts_with(here ? "127.0.0.1:" : "localhost:"));
      elsewhere += here ? 0U : 1U;
    }
  BOOST_TEST(elsewhere == 1U);
}

BOOST_AUTO_TEST_CASE(without_a_token_none_is_sent) {
  download();
  for (const FakeHub::Asked& request : hub.asked("GET")) BOOST_TEST(request.authorization == "");
}

BOOST_AUTO_TEST_CASE(a_redirect_on_the_same_host_is_followed_for_headers_and_content) {
  hub.redirect = hub.endpoint().substr(0, hub.endpoint().rfind(':'));
  hub.sizes = false;  // the ETag comes from where the redirect leads: of another kind, so it can't
                      // be checked
  settings.token = "hf_secret";
  download();
  BOOST_TEST((text_of(snapshot / "model.safetensors") == hub.files["model.safetensors"]));
  BOOST_TEST(fs::read_symlink(snapshot / "model.safetensors").filename() == "of-another-kind-1");
  BOOST_TEST(hub.asked("GET", "/elsewhere/model.safetensors").at(0).authorization ==
             "Bearer hf_secret");
  BOOST_TEST(contains(warnings, "model.safetensors: the hub gives no hash to check it with"),
             warnings);
}

BOOST_AUTO_TEST_CASE(redirects_without_end_are_given_up) {
  vlp::HttpClient client(settings);
  BOOST_CHECK_EXCEPTION(client.follow({.url = hub.endpoint() + "/loop"}), vlp::WeightsError,
                        [](const vlp::WeightsError& error) {
                          return contains(error.what(), "(more than 10 redirects)");
                        });
}

BOOST_AUTO_TEST_CASE(what_can_pass_is_tried_again_with_growing_waits) {
  hub.statuses[""] = {503, 500, 429};
  hub.statuses["config.json"] = {502};
  hub.error_headers = {{"Retry-After", "3"}};
  download();
  BOOST_TEST(waits == (std::vector<std::int64_t>{3, 3, 4, 3}));
  BOOST_TEST(contains(notes, "config.json: the hub answers with status 502, trying again in 3 s"),
             notes);
}

BOOST_AUTO_TEST_CASE(a_hub_that_stays_broken_is_told) {
  hub.statuses[""] = std::deque<int>(6, 500);
  const std::string message = refusal();
  BOOST_TEST(
      contains(message,
               "Salesforce/blip-tiny: the hub answers with status 500 for its list of files. "
               "Try later."),
      message);
  BOOST_TEST(waits.size() == 5U);
}

BOOST_AUTO_TEST_CASE(refusals_say_what_to_do) {
  hub.statuses[""] = {401};
  BOOST_TEST(contains(refusal(), "For a private or gated one set HF_TOKEN."));
  hub.statuses["model.safetensors"] = {403};
  hub.error_headers = {{"X-Error-Code", "GatedRepo"}};
  BOOST_TEST(contains(
      refusal(),
      "is gated, and access is not granted (403 for model.safetensors). Ask for access at " +
          hub.endpoint()));
  BOOST_TEST(!vlp::find_in_cache(settings, hub.name));
  settings.token = "hf_secret";
  hub.error_headers.clear();
  hub.statuses[""] = {401};
  const std::string message = refusal();
  BOOST_TEST(contains(message, "the hub refuses this token (401"), message);
  BOOST_TEST(!contains(message, "hf_secret"));
  BOOST_TEST(waits.empty());
}

BOOST_AUTO_TEST_CASE(what_does_not_exist_is_told) {
  BOOST_TEST(refusal("v9") ==
             "Salesforce/blip-tiny@v9: there is no revision 'v9'. Check its name.");
  hub.name = "Salesforce/other";
  const std::string asked = "Salesforce/blip-tiny";
  BOOST_CHECK_EXCEPTION(
      vlp::download_model(settings, {.name = asked}), vlp::WeightsError,
      [](const vlp::WeightsError& error) {
        return contains(
            error.what(),
            "Salesforce/blip-tiny: no such model or revision (404 for its list of files).");
      });
  BOOST_TEST(!fs::exists(settings.cache), "nothing is made for a model that doesn't exist");
}

BOOST_AUTO_TEST_CASE(
    a_model_without_configuration_or_weights_is_refused_before_anything_is_fetched) {
  hub.files.erase("model.safetensors");
  hub.files.erase("pytorch_model.bin");
  BOOST_TEST(contains(refusal(), "has neither model.safetensors nor pytorch_model.bin."));
  hub.files["model.safetensors"] = "x";
  hub.files.erase("config.json");
  BOOST_TEST(contains(refusal(), "has no config.json."));
  BOOST_TEST(hub.fetches() == 0U);
}

BOOST_AUTO_TEST_CASE(weights_of_2022_are_taken_where_there_are_no_others) {
  hub.files.erase("model.safetensors");
  const vlp::DownloadedModel got = download();
  BOOST_TEST((text_of(got.folder / "pytorch_model.bin") == hub.files["pytorch_model.bin"]));
}

BOOST_AUTO_TEST_CASE(shards_come_with_their_index) {
  hub.files.erase("model.safetensors");
  hub.files["model.safetensors.index.json"] =
      R"({"metadata": {}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}})";
  hub.files["model-00001-of-00002.safetensors"] = noise(2000, 3);
  const std::string message = refusal();
  BOOST_TEST(
      contains(message,
               "model.safetensors.index.json names model-00002-of-00002.safetensors, which is "
               "not there."),
      message);
  hub.files["model-00002-of-00002.safetensors"] = noise(3000, 4);
  const vlp::DownloadedModel got = download();
  for (const char* file : {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"})
    BOOST_TEST((text_of(got.folder / file) == hub.files[file]));
  BOOST_TEST(vlp::missing_files(got.folder).empty());
  fs::remove(got.folder / "model-00002-of-00002.safetensors");
  BOOST_TEST(vlp::missing_files(got.folder) ==
             std::vector<std::string>{"model-00002-of-00002.safetensors"});
}

BOOST_AUTO_TEST_CASE(an_index_that_leads_out_of_the_folder_is_refused) {
  hub.files.erase("model.safetensors");
  hub.files["../../evil.safetensors"] = "x";
  hub.files["model.safetensors.index.json"] = R"({"weight_map": {"a": "../../evil.safetensors"}})";
  BOOST_TEST(contains(refusal(),
                      "the shard of 'a' is not the name of a file beside the index (got "
                      "\"../../evil.safetensors\")"));
  hub.files["model.safetensors.index.json"] = "[1, 2";
  BOOST_TEST(contains(refusal(), "not an index of shards"));
}

BOOST_AUTO_TEST_CASE(answers_that_are_no_hubs_are_refused) {
  hub.revisions["main"] = "../../../etc";
  BOOST_TEST(contains(refusal(), "is not answered as a Hugging Face hub does. Check HF_ENDPOINT."));
  settings.endpoint = "ftp://127.0.0.1";
  BOOST_TEST(contains(refusal(), "not an address of the web"));
}

BOOST_AUTO_TEST_CASE(an_unreachable_hub_is_told_at_once) {
  settings.endpoint = "http://127.0.0.1:1";
  BOOST_TEST(contains(refusal(), "Salesforce/blip-tiny: http://127.0.0.1:1 can't be reached ("));
  BOOST_TEST(waits.empty());
}

BOOST_AUTO_TEST_CASE(offline_uses_a_whole_copy_and_asks_nobody) {
  settings.offline = true;
  BOOST_TEST(contains(refusal(), "HF_HUB_OFFLINE forbids to ask the hub."));
  settings.offline = false;
  download();
  settings.offline = true;
  hub.forget();
  BOOST_TEST(download().folder == snapshot);
  BOOST_TEST(hub.asked("GET").empty());
  fs::remove(blob("model.safetensors"));
  BOOST_TEST(contains(refusal(), "not whole in the Hugging Face cache"));
}

BOOST_AUTO_TEST_CASE(a_blob_that_was_cut_short_is_fetched_again) {
  download();
  fs::resize_file(blob("model.safetensors"), 10);
  download();
  BOOST_TEST((text_of(snapshot / "model.safetensors") == hub.files["model.safetensors"]));
}

BOOST_AUTO_TEST_CASE(an_empty_file_arrives) {
  hub.files["added_tokens.json"] = "";
  const vlp::DownloadedModel got = download();
  BOOST_TEST(fs::file_size(got.folder / "added_tokens.json") == 0U);
}

BOOST_AUTO_TEST_CASE(downloads_at_once_fetch_each_file_once) {
  const auto one = [this] { vlp::download_model(settings, {.name = hub.name}); };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(one);
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(hub.fetches() == 4U);
  BOOST_TEST((text_of(snapshot / "model.safetensors") == hub.files["model.safetensors"]));
}

BOOST_AUTO_TEST_CASE(a_cache_that_can_not_be_written_is_told) {
  std::ofstream(settings.cache) << "a file";
  const std::string message = refusal();
  BOOST_TEST(contains(message, "can't be made ("), message);
  BOOST_TEST(contains(message, "Let HF_HUB_CACHE name a folder that can be written."), message);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_told) {
  vlp::PartialFile file("/dev/full");
  BOOST_CHECK_EXCEPTION(
      file.write(std::as_bytes(std::span("x"))), vlp::DiskError, [](const vlp::DiskError& error) {
        return contains(error.what(),
                        "/dev/full: the disk is full (No space left on device). Make "
                        "room or let HF_HUB_CACHE name another folder");
      });
}

BOOST_AUTO_TEST_CASE(a_disk_that_gets_full_leaves_no_file_that_looks_whole) {
  {
    const LongestFile limit(100'000);
    const std::string message = refusal("main", vlp::ExitCode::disk);
    BOOST_TEST(contains(message,
                        ".incomplete: can't be written (File too large). Make room or let "
                        "HF_HUB_CACHE name another folder"),
               message);
  }
  BOOST_TEST(!fs::exists(blob("model.safetensors")));
  BOOST_TEST(!fs::exists(fs::symlink_status(snapshot / "model.safetensors")));
  BOOST_TEST(!vlp::find_in_cache(settings, hub.name));
  BOOST_TEST(fs::file_size(partial("model.safetensors")) == 100'000U);
  hub.forget();
  download();
  BOOST_TEST(hub.asked("GET", "/elsewhere/model.safetensors").at(0).range == "bytes=100000-");
  BOOST_TEST((text_of(snapshot / "model.safetensors") == hub.files["model.safetensors"]));

  move_on();
  settings.links = false;
  const fs::path next = model_folder / "snapshots" / hub.commit;
  {
    const LongestFile limit(100'000);
    const std::string message = refusal("main", vlp::ExitCode::disk);
    BOOST_TEST(contains(message, "model.safetensors: can't be written (File too large)"), message);
  }
  BOOST_TEST(!fs::exists(next / "model.safetensors"));
  BOOST_TEST(files_named(".part") == 0U);
  BOOST_TEST(text_of(model_folder / "refs" / "main") == snapshot.filename().string());
}

BOOST_AUTO_TEST_CASE(a_whole_cache_that_can_not_be_written_is_used) {
  download();
  const std::string old = hub.commit;
  notes.clear();
  {
    const Unwritable cache(scratch.path, settings.cache);
    const vlp::DownloadedModel got = download();
    BOOST_TEST(got.folder == snapshot);
    BOOST_TEST(got.fetched == 0);
    BOOST_TEST(warnings == "");
    BOOST_TEST(!contains(notes, "lock"), notes);
    BOOST_TEST(download(old).folder == snapshot);
  }
  move_on();
  {
    const Unwritable cache(scratch.path, settings.cache);
    const std::string message = refusal();
    BOOST_TEST(contains(message,
                        hub.commit +
                            " can't be made (Permission denied). Let HF_HUB_CACHE name a folder "
                            "that can be written; Salesforce/blip-tiny is whole there at commit " +
                            old + "."),
               message);
  }
  BOOST_TEST((vlp::find_in_cache(settings, hub.name) == snapshot));
}

BOOST_AUTO_TEST_CASE(a_whole_cache_whose_ref_can_not_be_written_is_used_with_a_warning) {
  download();
  const std::string other = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
  fs::create_directories(model_folder / "snapshots" / other);
  std::ofstream(model_folder / "refs" / "main") << other;
  const Unwritable cache(scratch.path, settings.cache);
  BOOST_TEST(download().folder == snapshot);
  BOOST_TEST(contains(warnings,
                      "refs/main: can't be created (Permission denied). Until that can be done, "
                      "name the model Salesforce/blip-tiny@" +
                          hub.commit + "; Salesforce/blip-tiny is still commit " + other),
             warnings);
}

BOOST_AUTO_TEST_CASE(without_symbolic_links_the_files_are_moved_or_copied) {
  const auto is_whole = [this](const fs::path& folder) {
    for (const char* file : {"config.json", "vocab.txt", "model.safetensors"}) {
      BOOST_TEST(!fs::is_symlink(folder / file));
      BOOST_TEST((text_of(folder / file) == hub.files[file]));
    }
  };
  calls.link = [](const char*, const char*) { return refuse_with(EPERM); };
  download();
  is_whole(snapshot);
  BOOST_TEST(notes.find("no symbolic links (Operation not permitted), so the files are copied") ==
                 notes.rfind("no symbolic links"),
             notes);
  BOOST_TEST(!fs::exists(blob("model.safetensors")), "its content is there once");
  BOOST_TEST(files_named(".part") + files_named("incomplete") == 0U);
  hub.forget();
  BOOST_TEST(download().fetched == 0);
  BOOST_TEST(hub.fetches() == 0U);

  fs::remove_all(settings.cache);
  calls = {};
  download();
  move_on();
  settings.links = false;
  const vlp::DownloadedModel got = download();
  BOOST_TEST(got.fetched == 0, "a blob of another commit's is copied");
  is_whole(got.folder);
  BOOST_TEST(fs::exists(blob("model.safetensors")));
}

BOOST_AUTO_TEST_CASE(a_link_that_the_disk_refuses_is_no_reason_to_copy) {
  calls.link = [](const char*, const char*) { return refuse_with(EDQUOT); };
  const std::string message = refusal("main", vlp::ExitCode::disk);
  BOOST_TEST(contains(message, "config.json: can't be linked to its content (Disk quota exceeded)"),
             message);
}

BOOST_AUTO_TEST_CASE(without_locks_downloads_go_on_without_waiting) {
  for (const int code : {ENOLCK, ENOSYS, EOPNOTSUPP}) {
    fs::remove_all(settings.cache);
    notes.clear();
    calls.lock = [code](int, int) { return refuse_with(code); };
    download();
    BOOST_TEST((text_of(snapshot / "model.safetensors") == hub.files["model.safetensors"]));
    const std::string said = " can't be locked (" + std::generic_category().message(code) +
                             "); another download at the same time may fetch the same files again";
    BOOST_TEST(contains(notes, said), notes);
    BOOST_TEST(notes.find(said) == notes.rfind(said), "once");
  }
  fs::remove_all(settings.cache);
  calls.lock = [](int, int) { return 0; };  // as file systems do that don't care
  download();
  BOOST_TEST(contains(notes, " can be locked twice; another download"), notes);
}

BOOST_AUTO_TEST_CASE(without_locks_downloads_at_once_keep_apart) {
  calls.lock = [](int, int) { return refuse_with(ENOLCK); };
  const auto one = [this] { vlp::download_model(settings, {.name = hub.name}, {}, {}, calls); };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(one);
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST((text_of(snapshot / "model.safetensors") == hub.files["model.safetensors"]));
  fs::remove_all(settings.cache);
  hub.breaks["model.safetensors"] = std::deque<std::size_t>(6, 100'000);
  BOOST_TEST(contains(refusal(), "doesn't arrive"));
  BOOST_TEST(files_named("incomplete") == 0U, "nobody could go on with it");
}

BOOST_AUTO_TEST_CASE(parts_of_other_programs_are_left_alone) {
  leave_partial("model.safetensors", noise(5000, 9));
  const fs::path other = blob("model.safetensors").string() + ".0a1b2c3d.incomplete";
  fs::rename(partial("model.safetensors"), other);
  fs::create_directories(partial("vocab.txt"));  // can't be opened as a file
  download();
  BOOST_TEST((text_of(snapshot / "model.safetensors") == hub.files["model.safetensors"]));
  BOOST_TEST((text_of(snapshot / "vocab.txt") == hub.files["vocab.txt"]));
  BOOST_TEST((text_of(other) == noise(5000, 9)));
  BOOST_TEST(files_named("incomplete") == 2U);
}

BOOST_AUTO_TEST_CASE(content_without_an_etag_is_named_by_its_hash) {
  hub.etags = false;
  leave_partial("model.safetensors", noise(1000));
  fs::rename(partial("model.safetensors"),
             model_folder / "blobs" / (hub.commit + "-model.safetensors.incomplete"));
  download();
  for (const char* file : {"config.json", "model.safetensors"}) {
    BOOST_TEST(fs::read_symlink(snapshot / file) ==
               fs::path("../../blobs") / vlp_test::sha256(hub.files[file]));
    BOOST_TEST((text_of(snapshot / file) == hub.files[file]));
    BOOST_TEST(contains(warnings, std::string(file) +
                                      ": the hub gives no hash to check it with (it sends no "
                                      "usable ETag)"),
               warnings);
  }
  BOOST_TEST(files_named("incomplete") == 0U);
  BOOST_TEST(text_of(model_folder / "refs" / "main") == hub.commit);
  hub.forget();
  BOOST_TEST(download().fetched == 0);
  BOOST_TEST(hub.fetches() == 0U);
}

BOOST_AUTO_TEST_CASE(content_without_a_length_arrives) {
  hub.lengths = false;
  hub.breaks["model.safetensors"] = {100'000};
  download();
  BOOST_TEST((text_of(snapshot / "model.safetensors") == hub.files["model.safetensors"]));
  BOOST_TEST(fs::read_symlink(snapshot / "model.safetensors").filename() ==
             hub.etag("model.safetensors"));
  BOOST_TEST(warnings == "");
  hub.forget();
  BOOST_TEST(download().fetched == 0);
  BOOST_TEST(hub.fetches() == 0U);
  fs::remove_all(settings.cache);
  hub.etags = false;
  download();
  BOOST_TEST((text_of(snapshot / "model.safetensors") == hub.files["model.safetensors"]));
  BOOST_TEST(contains(warnings, "(it sends no usable ETag), and no size"), warnings);
}

BOOST_AUTO_TEST_CASE(a_whole_copy_is_used_where_the_hub_can_not_be_asked) {
  download();
  const auto used = [&](const std::string& why) {
    notes.clear();
    const vlp::DownloadedModel got = download();
    BOOST_TEST(got.folder == snapshot);
    BOOST_TEST(got.commit == snapshot.filename().string());
    BOOST_TEST(got.fetched == 0);
    BOOST_TEST(contains(notes, why), notes);
    BOOST_TEST(contains(notes, " The copy in the cache is used, not compared with the hub."),
               notes);
  };
  hub.statuses[""] = {403};
  used("the hub doesn't let everyone in (403");
  hub.statuses[""] = std::deque<int>(6, 503);
  used("the hub answers with status 503");
  hub.revisions["main"] = "<html>";
  used("is not answered as a Hugging Face hub does");
  hub.revisions.erase("main");
  BOOST_TEST(contains(refusal(), "there is no revision 'main'"));
  settings.endpoint = "http://127.0.0.1:1";
  used("can't be reached (");
  waits.clear();
  const SilentServer silent;
  settings.endpoint = silent.endpoint();
  used("its list of files doesn't arrive: the connection broke (");
  BOOST_TEST(waits.empty(), "it isn't asked again");
  fs::remove(blob("model.safetensors"));
  BOOST_TEST(contains(refusal(), "doesn't arrive: the connection broke ("), "it isn't whole now");
  BOOST_TEST(waits.size() == 5U);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_there_is_used_where_the_hub_can_not_be_asked_for_it) {
  download();
  for (const char* file : {"config.json", "vocab.txt"}) hub.statuses[file] = {403};
  BOOST_TEST(download().fetched == 0);
  BOOST_TEST(contains(notes, "(403 for config.json). Check the name"), notes);
  BOOST_TEST(contains(notes, " What the cache has of this commit is used."), notes);
  fs::remove(snapshot / "vocab.txt");
  BOOST_TEST(contains(refusal(), "(403 for vocab.txt)"));
}

BOOST_AUTO_TEST_CASE(progress_counts_megabytes) {
  hub.files["model.safetensors"] = noise(3'200'000);
  std::vector<std::int64_t> done;
  vlp::Console console;
  console.on_progress = [&](const vlp::Progress& now) {
    BOOST_TEST(now.task == "model.safetensors");
    BOOST_TEST(now.total == 4);
    done.push_back(now.done);
  };
  vlp::download_model(settings, {.name = hub.name}, console);
  BOOST_TEST(done == (std::vector<std::int64_t>{1, 2, 3, 4}));
}

BOOST_AUTO_TEST_CASE(the_program_prints_the_folder_and_ends_with_the_right_code) {
  const std::string environment = "HF_HUB_CACHE=" + vlp_test::shell_quoted(settings.cache) +
                                  " HF_TOKEN=hf_x HF_ENDPOINT=" + hub.endpoint();
  const auto vlp_download = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {VLP_PROGRAM, "download"});
    return vlp_test::run_process(words, environment);
  };
  const auto good = vlp_download({hub.name});
  BOOST_TEST(good.code == 0, good.err);
  BOOST_TEST(good.out == snapshot.string() + "\n");
  BOOST_TEST(contains(good.err,
                      "Salesforce/blip-tiny: whole at commit " + hub.commit + ", 300.0 kB fetched"),
             good.err);
  BOOST_TEST(hub.asked("HEAD").at(0).authorization == "Bearer hf_x");
  BOOST_TEST(vlp_download({hub.name, "--revision", "refs/pr/38"}).code == 0);
  BOOST_TEST(vlp_download({hub.name, "--revision", "v9"}).code == 5);
  BOOST_TEST(vlp_download({"../../etc/passwd"}).code == 2);
  BOOST_TEST(vlp_download({hub.name + "@main", "--revision", "v9"}).code == 2);
  BOOST_TEST(vlp_download({}).code == 2);
}

BOOST_AUTO_TEST_CASE(only_a_download_opens_libcurl) {
  const auto opened = [](const std::vector<std::string>& words) {
    return vlp_test::run_process(words, "LD_DEBUG=files HF_HUB_OFFLINE=1").err;
  };
  BOOST_TEST(!contains(opened({VLP_PROGRAM, "--help"}), "libcurl"));
  BOOST_TEST(!contains(opened({VLP_PROGRAM, "download", "--help"}), "libcurl"));
  const std::string download = opened({VLP_PROGRAM, "download", "a/b"});
  BOOST_TEST(contains(download, "libcurl"));
  BOOST_TEST(!contains(download, "libtorch"));
}

BOOST_AUTO_TEST_SUITE_END()
