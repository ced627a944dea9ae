#include "vlp/core/atomic_file.hpp"

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(atomic_file)

BOOST_AUTO_TEST_CASE(whoever_listens_hears_each_byte_once_in_pieces_that_fit_a_cache) {
  const ScratchFolder scratch;
  std::string text(3'000'001, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7919 >> 5);
  const auto bytes = std::as_bytes(std::span(text));
  std::string heard;
  std::size_t longest = 0;
  vlp::AtomicFile<vlp::DiskError> file(scratch.path / "file", [&](std::span<const std::byte> part) {
    heard.append(reinterpret_cast<const char*>(part.data()), part.size());
    longest = std::max(longest, part.size());
  });
  file.write(bytes.first(5));
  file.write({});
  file.write(bytes.subspan(5));
  file.commit();
  BOOST_TEST((heard == text));
  BOOST_TEST(longest == std::size_t{1} << 20);
  std::ifstream in(scratch.path / "file", std::ios::binary);
  BOOST_TEST((std::string(std::istreambuf_iterator<char>(in), {}) == text));
}

BOOST_AUTO_TEST_SUITE_END()
