#include "vlp/image/read_file.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(read_file)

namespace {

namespace fs = std::filesystem;
using Milliseconds = std::chrono::milliseconds;

std::size_t bytes_of_file(const fs::path& file) {
  return vlp::detail::read_image_file(file).size();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_failure_that_can_pass_is_tried_again_as_often_as_there_are_waits) {
  constexpr std::array waits{Milliseconds(1), Milliseconds(2)};
  int tries = 0;
  const auto fails = [&](int times) {
    tries = 0;
    return vlp::tried_again(waits, [&] {
      if (++tries <= times) throw vlp::PassingReadError("try " + std::to_string(tries));
      return 7;
    });
  };
  BOOST_TEST(fails(0) == 7);
  BOOST_TEST(tries == 1);
  BOOST_TEST(fails(2) == 7);
  BOOST_TEST(tries == 3);
  BOOST_CHECK_EXCEPTION((void)fails(3), vlp::ReadError, vlp_test::says("try 3"));
  BOOST_TEST(tries == 3);
}

BOOST_AUTO_TEST_CASE(other_failures_are_not_tried_again) {
  int tries = 0;
  BOOST_CHECK_THROW(vlp::tried_again(vlp::kReadWaits,
                                     [&] {
                                       ++tries;
                                       throw vlp::MissingFileError("gone");
                                     }),
                    vlp::MissingFileError);
  BOOST_TEST(tries == 1);
}

BOOST_AUTO_TEST_CASE(a_file_is_read_whole) {
  const ScratchFolder folder;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}}) {
    const fs::path file = folder.path / std::to_string(size);
    std::ofstream(file, std::ios::binary) << std::string(size, '\xfe');
    const std::vector<std::byte> bytes = vlp::detail::read_image_file(file);
    BOOST_TEST(bytes.size() == size);
    for (const std::byte byte : bytes)
      if (byte != std::byte{0xfe}) BOOST_ERROR("another byte");
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_missing_and_what_is_no_file_is_no_fault_of_the_disk) {
  const ScratchFolder folder;
  BOOST_CHECK_EXCEPTION((void)bytes_of_file(folder.path / "1.jpg"), vlp::MissingFileError,
                        vlp_test::says("1.jpg: can't open (No such file or directory)"));
  std::ofstream(folder.path / "file") << "text";
  BOOST_CHECK_THROW((void)bytes_of_file(folder.path / "file/1.jpg"), vlp::MissingFileError);

  const fs::path pipe = folder.path / "pipe";
  BOOST_REQUIRE_EQUAL(::mkfifo(pipe.c_str(), 0600), 0);
  for (const fs::path& none : {folder.path, pipe}) try {
      (void)bytes_of_file(none);
      BOOST_ERROR("read");
    } catch (const vlp::ReadError& error) {
      BOOST_ERROR(error.what());
    } catch (const vlp::DataError& error) {
      BOOST_TEST(vlp_test::contains(error.what(), "not a readable file"), error.what());
    }
}

BOOST_AUTO_TEST_CASE(a_disk_that_gives_no_bytes_is_told_from_a_broken_file) {
  const fs::path memory = "/proc/self/mem";  // can be opened, and its first byte is an I/O error
  if (!fs::exists(memory)) return;
  const auto begin = std::chrono::steady_clock::now();
  BOOST_CHECK_EXCEPTION(
      (void)bytes_of_file(memory), vlp::ReadError,
      vlp_test::says("can't be read (Input/output error), tried 4 times. Check the disk"));
  BOOST_TEST((std::chrono::steady_clock::now() - begin >= Milliseconds(1400)));
}

BOOST_AUTO_TEST_SUITE_END()
