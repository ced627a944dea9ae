// Decoders without keys and values in every search: what they keep follows the beams and the images
// that stay, against texts computed one by one without a cache, and against all texts enumerated.

#include "vlp/generate/captions.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include "tests/support/table_decoders.hpp"

BOOST_AUTO_TEST_SUITE(decoders_of_other_kinds)

namespace {

using Ids = std::vector<std::int64_t>;
using Captions = std::vector<std::vector<vlp::Candidate>>;
using vlp_test::kTableVocabulary;
using vlp_test::table_images;
using vlp_test::table_tokens;

constexpr double kRounding = 1e-10;  // float64, sums of a few dozen terms
constexpr std::int64_t kImages = 9;

using Decoders = boost::mpl::list<vlp_test::LastToken, vlp_test::Recurrent, vlp_test::SoFar>;

template <class Dec>
constexpr bool kSeesImages = !std::same_as<Dec, vlp_test::LastToken>;

vlp::GenerateOptions searched(std::int64_t beams, std::int64_t max_length) {
  vlp::GenerateOptions options;
  options.beams = beams;
  options.max_length = max_length;
  options.early_stopping = vlp::EarlyStopping::never;
  return options;
}

vlp::GenerateOptions sampled(std::int64_t captions, std::int64_t max_length) {
  vlp::GenerateOptions options = searched(1, max_length);
  options.sample = true;
  options.top_k = 0;
  options.num_captions = captions;
  return options;
}

/// One image's stream each, from the `first` on.
std::vector<vlp::RandomStream> streams(std::int64_t count, std::int64_t first = 0) {
  std::vector<vlp::RandomStream> result;
  for (std::int64_t i = 0; i < count; ++i)
    result.push_back(vlp::RandomStream(5).derive(static_cast<std::uint64_t>(first + i)));
  return result;
}

/// Mean log-probability of the tokens behind the first `given`, each computed anew.
template <class Dec>
double mean_log_probability(const Dec& decoder, const at::Tensor& image, const Ids& ids,
                            std::size_t given) {
  double sum = 0;
  for (std::size_t i = given; i < ids.size(); ++i)
    sum +=
        at::log_softmax(
            decoder->behind(Ids(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(i)), image),
            0)[ids[i]]
            .template item<double>();
  return sum / static_cast<double>(ids.size() - given);
}

/// All texts that end at [SEP] or at the longest length, best first.
template <class Dec>
std::vector<vlp::Candidate> all_texts(const Dec& decoder, const at::Tensor& image,
                                      std::size_t longest) {
  std::vector<Ids> open{{table_tokens().decode}};
  std::vector<vlp::Candidate> texts;
  while (!open.empty()) {
    const Ids begun = open.back();
    open.pop_back();
    for (std::int64_t token = 0; token < kTableVocabulary; ++token) {
      Ids next = begun;
      next.push_back(token);
      if (token == table_tokens().sep || next.size() == longest)
        texts.push_back({next, mean_log_probability(decoder, image, next, 1)});
      else
        open.push_back(next);
    }
  }
  std::ranges::sort(texts, std::greater{}, &vlp::Candidate::score);
  return texts;
}

/// Whether both found the same.
void check_equal(const std::vector<vlp::Candidate>& found,
                 const std::vector<vlp::Candidate>& expected) {
  BOOST_TEST_REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    BOOST_TEST((found[i].ids == expected[i].ids));
    BOOST_TEST(std::abs(found[i].score - expected[i].score) < kRounding);
  }
}

/// In how many lengths captions came; of one length, all images leave at once.
std::size_t lengths(const Captions& captions) {
  std::set<std::size_t> lengths;
  for (const auto& candidates : captions)
    for (const vlp::Candidate& candidate : candidates) lengths.insert(candidate.ids.size());
  return lengths.size();
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(steps_give_the_logits_of_teacher_forcing, Dec, Decoders) {
  const Dec table;
  vlp::AnyDecoder decoder = table;
  const at::Tensor images = table_images(2),
                   ids = at::tensor({0, 2, 1, 0, 1, 1}, at::kLong).view({2, 3});
  vlp::DecodingCache cache = decoder.make_cache(images, 1, 3);
  (void)decoder.step(ids.narrow(1, 0, 2), cache);
  const at::Tensor last = decoder.step(ids.narrow(1, 2, 1), cache);
  const at::Tensor forced = decoder.logits(decoder.states(ids, {}, images).select(1, 2));
  BOOST_TEST((last - forced).abs().max().template item<double>() < kRounding);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(greedy_takes_the_most_probable_token_each_time, Dec, Decoders) {
  const Dec table;
  const at::Tensor images = table_images(kImages);
  const Captions found =
      vlp::generate_captions(vlp::AnyDecoder(table), images, {{1}, table_tokens(), searched(1, 9)});
  for (std::int64_t b = 0; b < kImages; ++b) {
    Ids ids{table_tokens().decode, 1};
    while (ids.size() < 9 && ids.back() != table_tokens().sep)
      ids.push_back(table->behind(ids, images[b]).argmax().template item<std::int64_t>());
    check_equal(found[static_cast<std::size_t>(b)],
                {{ids, mean_log_probability(table, images[b], ids, 2)}});
  }
  if (kSeesImages<Dec>) BOOST_TEST(lengths(found) > 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(three_beams_find_the_best_of_all_texts_where_none_is_pruned, Dec,
                              Decoders) {
  const Dec table;
  const at::Tensor images = table_images(kImages);
  // The three words fill the beams behind the first token, and the second is the last.
  const Captions found =
      vlp::generate_captions(vlp::AnyDecoder(table), images, {{}, table_tokens(), searched(3, 3)});
  for (std::int64_t b = 0; b < kImages; ++b) {
    std::vector<vlp::Candidate> best = all_texts(table, images[b], 3);
    best.resize(3);
    check_equal(found[static_cast<std::size_t>(b)], best);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(wide_beams_find_the_best_of_all_texts, Dec, Decoders) {
  const Dec table;
  const at::Tensor images = table_images(2);
  const Captions found =
      vlp::generate_captions(vlp::AnyDecoder(table), images, {{}, table_tokens(), searched(30, 4)});
  for (std::int64_t b = 0; b < 2; ++b) {
    std::vector<vlp::Candidate> best = all_texts(table, images[b], 4),
                                first = found[static_cast<std::size_t>(b)];
    best.resize(10);
    first.resize(10);
    check_equal(first, best);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(images_that_finish_and_leave_change_no_other, Dec, Decoders) {
  const Dec table;
  const at::Tensor images = table_images(kImages);
  for (const std::int64_t beams : {1, 3}) {
    vlp::GenerateOptions options = searched(beams, 12);
    options.early_stopping = vlp::EarlyStopping::yes;
    const auto of = [&](const at::Tensor& some) {
      return vlp::beam_search(vlp::AnyDecoder(table), some, {1, 2}, table_tokens(), options);
    };
    const Captions together = of(images);
    for (std::int64_t b = 0; b < kImages; ++b) {
      const auto& mine = together[static_cast<std::size_t>(b)];
      check_equal(mine, of(images.narrow(0, b, 1)).at(0));
      for (const vlp::Candidate& candidate : mine)
        BOOST_TEST(std::abs(candidate.score -
                            mean_log_probability(table, images[b], candidate.ids, 3)) < kRounding);
    }
    if (kSeesImages<Dec>) BOOST_TEST(lengths(together) > 1U);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_drawn_for_an_image_depends_on_no_other, Dec, Decoders) {
  const Dec table;
  const at::Tensor images = table_images(kImages);
  const Captions together = vlp::generate_captions(
      vlp::AnyDecoder(table), images, {{2}, table_tokens(), sampled(3, 12), streams(kImages)});
  for (std::int64_t b = 0; b < kImages; ++b) {
    const auto& mine = together[static_cast<std::size_t>(b)];
    check_equal(mine, vlp::generate_captions(vlp::AnyDecoder(table), images.narrow(0, b, 1),
                                             {{2}, table_tokens(), sampled(3, 12), streams(1, b)})
                          .at(0));
    for (const vlp::Candidate& candidate : mine)
      BOOST_TEST(std::abs(candidate.score -
                          mean_log_probability(table, images[b], candidate.ids, 2)) < kRounding);
  }
  BOOST_TEST(lengths(together) > 1U);
}

BOOST_AUTO_TEST_SUITE_END()
