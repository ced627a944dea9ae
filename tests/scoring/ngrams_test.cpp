#include "vlp/scoring/ngrams.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "vlp/core/random.hpp"

BOOST_AUTO_TEST_SUITE(ngrams)

namespace {

using Captions = std::vector<std::vector<std::uint32_t>>;

/// Every caption is a document, but for each third one.
vlp::NGrams numbered(const Captions& captions, std::int64_t threads = 1) {
  std::vector<std::uint32_t> words, documents;
  std::vector<std::size_t> begin{0};
  for (const auto& caption : captions) {
    documents.push_back(documents.size() % 3 == 2 ? vlp::NumberedCaptions::kNoDocument
                                                  : static_cast<std::uint32_t>(documents.size()));
    words.insert(words.end(), caption.begin(), caption.end());
    begin.push_back(words.size());
  }
  return {{.words = words, .begin = begin, .documents = documents}, threads};
}

std::vector<std::uint32_t> counts(vlp::NGramSpan ngrams) {
  std::vector<std::uint32_t> counts;
  vlp::for_each_distinct(ngrams, [&](vlp::NGram, std::uint32_t count) { counts.push_back(count); });
  std::ranges::sort(counts);
  return counts;
}

Captions random_captions(std::size_t count) {
  vlp::RandomStream random(3);
  Captions captions(count);
  for (auto& caption : captions)
    for (std::uint64_t left = random.below(9); left > 0; --left)
      caption.push_back(static_cast<std::uint32_t>(random.below(7)));
  return captions;
}

}  // namespace

BOOST_AUTO_TEST_CASE(repeated_ngrams_are_counted_by_order) {
  const vlp::NGrams ngrams = numbered({{0, 1, 0, 1, 0}});
  BOOST_TEST(ngrams.words(0) == 5U);
  using Counts = std::vector<std::uint32_t>;
  BOOST_TEST((counts(ngrams.of(0, 1)) == Counts{2, 3}));
  BOOST_TEST((counts(ngrams.of(0, 2)) == Counts{2, 2}));
  BOOST_TEST((counts(ngrams.of(0, 3)) == Counts{1, 2}));
  BOOST_TEST((counts(ngrams.of(0, 4)) == Counts{1, 1}));
}

BOOST_AUTO_TEST_CASE(short_captions_lack_the_higher_orders) {
  const vlp::NGrams ngrams = numbered({{}, {4}, {4, 5}, {}});
  for (std::size_t order = 1; order <= vlp::kLongestNGram; ++order) {
    BOOST_TEST(ngrams.of(0, order).empty());
    BOOST_TEST(ngrams.of(1, order).size() == (order == 1 ? 1U : 0U));
    BOOST_TEST(ngrams.of(2, order).size() == (order <= 2 ? 3 - order : 0U));
    BOOST_TEST(ngrams.of(3, order).empty());
  }
  BOOST_TEST(numbered({}).captions() == 0U);
}

BOOST_AUTO_TEST_CASE(a_number_is_the_place_where_the_ngram_first_stands) {
  const Captions captions = random_captions(500);
  const vlp::NGrams ngrams = numbered(captions);
  for (std::size_t order = 1; order <= vlp::kLongestNGram; ++order) {
    struct Expected {
      std::uint32_t first;
      std::set<std::size_t> documents;
    };
    std::map<std::vector<std::uint32_t>, Expected> expected;
    const auto for_each = [&](std::size_t caption, auto&& visit) {
      const auto& words = captions[caption];
      for (std::size_t at = 0; at + order <= words.size(); ++at)
        visit(std::vector(words.begin() + at, words.begin() + at + order),
              static_cast<std::uint32_t>(ngrams.begin(caption) + at));
    };
    for (std::size_t caption = 0; caption < captions.size(); ++caption)
      for_each(caption, [&](const std::vector<std::uint32_t>& words, std::uint32_t at) {
        Expected& ngram = expected.try_emplace(words, Expected{at, {}}).first->second;
        if (caption % 3 != 2) ngram.documents.insert(caption);
      });
    for (std::size_t caption = 0; caption < captions.size(); ++caption) {
      std::vector<vlp::NGram> own;
      for_each(caption, [&](const std::vector<std::uint32_t>& words, std::uint32_t) {
        own.push_back(
            {expected[words].first, static_cast<std::uint32_t>(expected[words].documents.size())});
      });
      std::ranges::sort(own, {}, &vlp::NGram::id);
      BOOST_TEST(std::ranges::equal(own, ngrams.of(caption, order)));
    }
  }
}

BOOST_AUTO_TEST_CASE(numbers_do_not_depend_on_threads) {
  const Captions captions = random_captions(301);
  const vlp::NGrams one = numbered(captions, 1);
  for (const std::int64_t threads : {2, 5, 999}) {
    const vlp::NGrams many = numbered(captions, threads);
    for (std::size_t order = 1; order <= vlp::kLongestNGram; ++order)
      for (std::size_t caption = 0; caption < captions.size(); ++caption)
        BOOST_TEST(std::ranges::equal(one.of(caption, order), many.of(caption, order)));
  }
}

BOOST_AUTO_TEST_CASE(only_shared_ngrams_are_visited_with_both_counts) {
  const vlp::NGrams ngrams = numbered({{1, 2, 3, 1, 4}, {5, 2, 3, 1, 1, 1}});
  std::map<std::pair<std::uint32_t, std::uint32_t>, int> seen;
  vlp::for_each_shared(
      ngrams.of(0, 1), ngrams.of(1, 1),
      [&](std::size_t, std::uint32_t left, std::uint32_t right) { ++seen[{left, right}]; });
  BOOST_TEST(
      (seen == std::map<std::pair<std::uint32_t, std::uint32_t>, int>{{{1, 1}, 2}, {{2, 3}, 1}}));
  int shared = 0;
  vlp::for_each_shared(ngrams.of(0, 2), ngrams.of(1, 2),
                       [&](std::size_t, std::uint32_t, std::uint32_t) { ++shared; });
  BOOST_TEST(shared == 2);  // 2 3, 3 1
}

BOOST_AUTO_TEST_SUITE_END()
