#include "vlp/scoring/common_subsequence.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "vlp/core/random.hpp"

BOOST_AUTO_TEST_SUITE(common_subsequence)

namespace {

using Text = std::vector<std::uint32_t>;

/// The textbook's table.
std::size_t plain_length(const Text& a, const Text& b) {
  std::vector<std::vector<std::size_t>> table(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < b.size(); ++j)
      table[i + 1][j + 1] =
          a[i] == b[j] ? table[i][j] + 1 : std::max(table[i][j + 1], table[i + 1][j]);
  return table[a.size()][b.size()];
}

Text random_text(vlp::RandomStream& random, std::size_t longest, std::uint64_t words) {
  Text text(random.below(longest + 1));
  for (auto& word : text) word = static_cast<std::uint32_t>(random.below(words));
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(lengths_equal_the_textbook_table) {
  vlp::RandomStream random(1);
  for (const std::size_t longest : {3, 20, 64, 65, 130, 300})
    for (int i = 0; i < 60; ++i) {
      const std::uint64_t words = 1 + random.below(i % 2 ? 4 : 40);
      const Text a = random_text(random, longest, words), b = random_text(random, longest, words);
      BOOST_TEST(vlp::CommonSubsequence(a).length(b) == plain_length(a, b));
    }
}

BOOST_AUTO_TEST_CASE(sizes_around_a_block_and_equal_words_agree) {
  for (const std::size_t size : {63, 64, 65, 127, 128, 129}) {
    const Text same(size, 7);
    BOOST_TEST(vlp::CommonSubsequence(same).length(same) == size);
    BOOST_TEST(vlp::CommonSubsequence(same).length(Text(5, 7)) == 5U);
    BOOST_TEST(vlp::CommonSubsequence(same).length(Text(5, 8)) == 0U);
    BOOST_TEST(vlp::CommonSubsequence(same).length({}) == 0U);
  }
  BOOST_TEST(vlp::CommonSubsequence({}).length(Text{1}) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
