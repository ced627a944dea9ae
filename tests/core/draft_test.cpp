#include "vlp/core/draft.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch_folder.hpp"

namespace {

namespace fs = std::filesystem;

/// A draft's name as another process of this host would give it.
std::string draft_name(pid_t pid, const std::string& word, const std::string& host) {
  return ".model.safetensors." + host + "." + std::to_string(pid) + "." + word + ".part";
}

/// The number of a process that has ended.
pid_t ended_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(draft)

BOOST_AUTO_TEST_CASE(a_draft_lies_beside_its_place_and_names_host_process_and_a_word) {
  const fs::path draft = vlp::draft_of("runs/a/model.safetensors");
  BOOST_TEST(draft.parent_path() == "runs/a");
  const std::string name = draft.filename().string();
  BOOST_TEST(name.starts_with(".model.safetensors." + vlp::detail::host_label() + "." +
                              std::to_string(::getpid()) + "."));
  BOOST_TEST(name.ends_with(".part"));
  BOOST_TEST(!vlp::is_abandoned_draft(name));
}

BOOST_AUTO_TEST_CASE(drafts_of_processes_that_ended_on_this_host_are_abandoned) {
  const std::string host = vlp::detail::host_label();
  BOOST_TEST(vlp::is_abandoned_draft(draft_name(ended_process(), "abcdefgh", host)));
  BOOST_TEST(vlp::is_abandoned_draft(draft_name(::getpid(), "abcdefgh", host)),
             "the number was another process's before");
  BOOST_TEST(!vlp::is_abandoned_draft(draft_name(::getppid(), "abcdefgh", host)));
  BOOST_TEST(!vlp::is_abandoned_draft(draft_name(ended_process(), "abcdefgh", host + "x")));
  for (const char* name : {"model.safetensors", ".part", "..part", ".a.b.part", ".a.h.1x.w.part",
                           ".model.safetensors.123.part"})
    BOOST_TEST(!vlp::is_abandoned_draft(name), name);
}

BOOST_AUTO_TEST_CASE(what_was_left_behind_is_removed_and_nothing_else) {
  const ScratchFolder scratch;
  const std::string host = vlp::detail::host_label();
  const fs::path inner = scratch.path / "model";
  fs::create_directories(inner / draft_name(ended_process(), "abcdefgh", host));
  for (const fs::path& file :
       {scratch.path / draft_name(ended_process(), "abcdefgh", host),
        scratch.path / draft_name(::getppid(), "abcdefgh", host), inner / "model.safetensors",
        inner / draft_name(ended_process(), "abcdefgh", host) / "state.safetensors"})
    std::ofstream(file) << "x";
  vlp::remove_abandoned_drafts(scratch.path / "nowhere");
  vlp::remove_abandoned_drafts(scratch.path);
  BOOST_TEST(std::distance(fs::directory_iterator(inner), fs::directory_iterator()) == 2);
  BOOST_TEST(std::distance(fs::directory_iterator(scratch.path), fs::directory_iterator()) == 2);
  vlp::remove_abandoned_drafts(scratch.path, /*everywhere=*/true);
  BOOST_TEST(std::distance(fs::directory_iterator(inner), fs::directory_iterator()) == 1);
  BOOST_TEST(fs::exists(inner / "model.safetensors"));
}

BOOST_AUTO_TEST_SUITE_END()
