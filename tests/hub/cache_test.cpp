// Environment variables, names of models, and the cache as it lies on the disk.

#include "vlp/hub/cache.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch_folder.hpp"
#include "vlp/hub/hash.hpp"

namespace {

namespace fs = std::filesystem;

vlp::HubSettings settings_of(const std::map<std::string, std::string>& variables) {
  return vlp::hub_settings([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

std::string refusal(const std::string& name, const std::string& revision = {}) {
  try {
    return vlp::parse_hub_name(name, revision).text();
  } catch (const vlp::RecipeError& error) {
    return error.what();
  }
}

const std::string kCommit = "89abcdef0123456789abcdef0123456789abcdef";

}  // namespace

BOOST_AUTO_TEST_SUITE(hub_settings)

BOOST_AUTO_TEST_CASE(the_cache_is_where_the_most_special_variable_says) {
  std::map<std::string, std::string> variables{{"HOME", "/h"}};
  BOOST_TEST(settings_of(variables).cache == "/h/.cache/huggingface/hub");
  variables["XDG_CACHE_HOME"] = "/xdg";
  BOOST_TEST(settings_of(variables).cache == "/xdg/huggingface/hub");
  variables["HF_HOME"] = "~/hf";
  BOOST_TEST(settings_of(variables).cache == "/h/hf/hub");
  variables["HUGGINGFACE_HUB_CACHE"] = "/old";
  BOOST_TEST(settings_of(variables).cache == "/old");
  variables["HF_HUB_CACHE"] = "$HOME/${HOME}x$UNSET";
  BOOST_TEST(settings_of(variables).cache == "/h//hx$UNSET");
  variables["HF_HUB_CACHE"] = "";
  BOOST_TEST(settings_of(variables).cache == "/old");
}

BOOST_AUTO_TEST_CASE(unclosed_and_empty_braces_stay_as_they_are) {
  for (const char* text : {"/a/${", "/a/${HOME", "/a/${}", "/a/$", "/a/$/b"})
    BOOST_TEST(settings_of({{"HOME", "/h"}, {"HF_HUB_CACHE", text}}).cache == text);
}

BOOST_AUTO_TEST_CASE(endpoint_and_offline_are_read) {
  BOOST_TEST(settings_of({}).endpoint == "https://huggingface.co");
  BOOST_TEST(settings_of({{"HF_ENDPOINT", "http://mirror:8080/hf//"}}).endpoint ==
             "http://mirror:8080/hf");
  for (const char* yes : {"1", "true", "TRUE", "Yes", "on"})
    BOOST_TEST(settings_of({{"HF_HUB_OFFLINE", yes}}).offline);
  for (const char* no : {"", "0", "false", "no", "2"})
    BOOST_TEST(!settings_of({{"HF_HUB_OFFLINE", no}}).offline);
  BOOST_TEST(settings_of({{"TRANSFORMERS_OFFLINE", "1"}}).offline);
  BOOST_TEST(settings_of({}).links);
  BOOST_TEST(!settings_of({{"HF_HUB_DISABLE_SYMLINKS", "1"}}).links);
  BOOST_TEST(settings_of({{"SSL_CERT_FILE", "/ca.pem"}}).certificates == "/ca.pem");
}

BOOST_AUTO_TEST_CASE(the_token_comes_from_a_variable_or_a_file) {
  const ScratchFolder folder;
  write(folder.path / "token", " hf_file\n");
  write(folder.path / "other", "hf_other");
  std::map<std::string, std::string> variables{{"HF_HOME", folder.path.string()}};
  BOOST_TEST(settings_of({}).token == "");
  BOOST_TEST(settings_of(variables).token == "hf_file");
  variables["HF_TOKEN_PATH"] = (folder.path / "other").string();
  BOOST_TEST(settings_of(variables).token == "hf_other");
  variables["HUGGING_FACE_HUB_TOKEN"] = "hf_old";
  BOOST_TEST(settings_of(variables).token == "hf_old");
  variables["HF_TOKEN"] = "hf_new\r\n";
  BOOST_TEST(settings_of(variables).token == "hf_new");
  variables["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1";
  BOOST_TEST(settings_of(variables).token == "");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(hub_name)

BOOST_AUTO_TEST_CASE(names_and_revisions_are_taken_apart) {
  using vlp::HubName;
  BOOST_TEST((vlp::parse_hub_name("a/b") == HubName{"a/b", "main"}));
  BOOST_TEST((vlp::parse_hub_name("bert-base") == HubName{"bert-base", "main"}));
  BOOST_TEST((vlp::parse_hub_name("A-1/b_2.c@refs/pr/38") == HubName{"A-1/b_2.c", "refs/pr/38"}));
  BOOST_TEST((vlp::parse_hub_name("a/b", "v1.0") == HubName{"a/b", "v1.0"}));
  BOOST_TEST((vlp::parse_hub_name("a/b@v1", "v1") == HubName{"a/b", "v1"}));
  BOOST_TEST(vlp::parse_hub_name("a/b@v1").text() == "a/b@v1");
  BOOST_TEST(vlp::parse_hub_name("a/b").text() == "a/b");
}

BOOST_AUTO_TEST_CASE(names_that_are_none_are_refused) {
  for (const std::string& name :
       {std::string(), std::string("../x"), std::string("a/../b"), std::string("/a/b"),
        std::string("a/b/c"), std::string("a/"), std::string("a--b/c"), std::string("-a/b"),
        std::string("a/.b"), std::string("a b"), std::string("a/b.git"), std::string("a/b%2e"),
        std::string("ä/b"), std::string(97, 'a'), std::string("a/b\n")})
    BOOST_TEST(refusal(name).find("not the name of a model on the hub (expected ORG/NAME") !=
                   std::string::npos,
               name);
}

BOOST_AUTO_TEST_CASE(a_name_has_no_zero_byte) {
  BOOST_TEST(!vlp::is_model_name(std::string_view("a\0b", 3)));
}

BOOST_AUTO_TEST_CASE(revisions_that_are_none_are_refused) {
  for (const char* revision : {"", "..", "a/../b", "/a", "a/", "a//b", "a b", "-a", ".a", "a..b",
                               "a?b", "a.lock", "a%2fb"})
    BOOST_TEST(
        refusal(std::string("a/b@") + revision).find("is not a revision") != std::string::npos,
        revision);
  BOOST_TEST(refusal("a/b@v1", "v2").find("two revisions are given (v1 and v2)") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(hub_cache)

BOOST_AUTO_TEST_CASE(a_snapshot_is_found_by_ref_and_by_commit) {
  const ScratchFolder folder;
  const vlp::HubSettings settings{.cache = folder.path};
  const fs::path model = folder.path / "models--org--name";
  BOOST_TEST(!vlp::find_in_cache(settings, "org/name"));
  write(model / "snapshots" / kCommit / "config.json", "{}");
  BOOST_TEST(!vlp::find_in_cache(settings, "org/name"), "no ref says what main is");
  BOOST_TEST((vlp::find_in_cache(settings, "org/name", kCommit) == model / "snapshots" / kCommit));
  write(model / "refs" / "main", kCommit);
  BOOST_TEST((vlp::find_in_cache(settings, "org/name") == model / "snapshots" / kCommit));
  write(model / "refs" / "refs" / "pr" / "38", kCommit + "\n");
  BOOST_TEST(
      (vlp::find_in_cache(settings, "org/name@refs/pr/38") == model / "snapshots" / kCommit));
  write(model / "refs" / "main", "../../../etc");
  BOOST_TEST(!vlp::find_in_cache(settings, "org/name"));
}

BOOST_AUTO_TEST_CASE(a_model_without_organisation_has_a_folder_too) {
  BOOST_TEST(vlp::CachedModel("/c", "gpt2").folder() == "/c/models--gpt2");
  BOOST_TEST(vlp::CachedModel("/c", "a/b").lock("e") == "/c/.locks/models--a--b/e.lock");
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_named_with_the_command_that_brings_it) {
  const ScratchFolder folder;
  const vlp::HubSettings settings{.cache = folder.path};
  const auto told = [&] {
    try {
      return vlp::require_in_cache(settings, "org/name").string();
    } catch (const vlp::WeightsError& error) {
      return std::string(error.what());
    }
  };
  BOOST_TEST(told() == "org/name: not in the Hugging Face cache (looked in " +
                           folder.path.string() + "). Bring it with: vlp download org/name");
  const fs::path snapshot = folder.path / "models--org--name" / "snapshots" / kCommit;
  write(folder.path / "models--org--name" / "refs" / "main", kCommit);
  write(snapshot / "vocab.txt", "");
  BOOST_TEST(told() == "org/name: the copy in the Hugging Face cache is not whole (" +
                           snapshot.string() +
                           " lacks config.json, model.safetensors or pytorch_model.bin). Bring the "
                           "rest with: vlp download org/name");
  write(snapshot / "config.json", "{}");
  fs::create_symlink("../../blobs/gone", snapshot / "model.safetensors");
  BOOST_TEST(told().find("lacks model.safetensors or pytorch_model.bin") != std::string::npos,
             "a link to nowhere is no file");
  write(snapshot / "pytorch_model.bin", "x");
  BOOST_TEST(told() == snapshot.string());
}

BOOST_AUTO_TEST_CASE(hashes_are_those_of_git_and_git_lfs) {
  const ScratchFolder folder;
  const std::string sha1(40, '0'), sha256(64, '0');
  write(folder.path / "empty", "");
  write(folder.path / "hello", "hello\n");
  // `git hash-object`, `sha256sum`
  BOOST_TEST(vlp::content_hash(folder.path / "empty", sha1) ==
             "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  BOOST_TEST(vlp::content_hash(folder.path / "hello", sha1) ==
             "ce013625030ba8dba906f756967f9e9ca394464a");
  BOOST_TEST(vlp::content_hash(folder.path / "hello", sha256) ==
             "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
  BOOST_TEST(!vlp::is_content_hash("abc-5"));
  // of "hello\n": git's, `sha1sum`, `sha256sum`; and one of none
  for (const char* hash :
       {"ce013625030ba8dba906f756967f9e9ca394464a", "f572d396fae9206628714fb2ce00f72e94f2258f",
        "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"})
    BOOST_TEST(vlp::has_hash(folder.path / "hello", hash), hash);
  BOOST_TEST(!vlp::has_hash(folder.path / "hello", sha1));
  BOOST_TEST(!vlp::has_hash(folder.path / "hello", sha256));
  BOOST_CHECK_THROW((void)vlp::content_hash(folder.path / "none", sha256), vlp::WeightsError);
}

BOOST_AUTO_TEST_SUITE_END()
