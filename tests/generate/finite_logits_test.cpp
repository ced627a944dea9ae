// Numbers planted in a decoder's logits or in image states, in every search.

#include "vlp/generate/finite_logits.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/table_decoders.hpp"
#include "vlp/generate/captions.hpp"

BOOST_AUTO_TEST_SUITE(finite_logits)

namespace {

using Captions = std::vector<std::vector<vlp::Candidate>>;
using vlp_test::contains;
using vlp_test::message_of;
using vlp_test::table_images;
using vlp_test::table_tokens;

constexpr std::int64_t kImages = 9;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(),
                 kInfinity = std::numeric_limits<double>::infinity();

/// What is planted: into the logits behind so many tokens, [DEC] and prompt included, of one image.
struct Planted {
  std::int64_t length = 0, image = 0;
  double value = 0;
  bool in_all = false;  ///< else into the logit of word 1 alone
};

/// The decoder of `SoFar`, which keeps its images, with something planted into its steps.
struct PlantingDecoder {
  vlp_test::SoFar table;
  Planted planted;
  at::Tensor images;  ///< all of the batch, to tell which is which

  PlantingDecoder* operator->() { return this; }
  at::Tensor states(const at::Tensor& ids, const at::Tensor& mask, const vlp::ImageMemory& seen) {
    return table->states(ids, mask, seen);
  }
  at::Tensor logits(const at::Tensor& states) { return table->logits(states); }
  vlp::DecodingCache make_cache(const at::Tensor& seen, std::int64_t beams, std::int64_t longest) {
    return table->make_cache(seen, beams, longest);
  }
  at::Tensor step(const at::Tensor& ids, vlp::DecodingCache& cache) {
    const at::Tensor logits = table->step(ids, cache);
    if (cache.length != planted.length) return logits;
    const at::Tensor mine = (cache.per_image.at(0) == images[planted.image])
                                .flatten(1)
                                .all(1)
                                .repeat_interleave(cache.beams, 0);
    return at::where(planted.in_all
                         ? mine.unsqueeze(1)
                         : mine.unsqueeze(1).logical_and(at::arange(logits.size(1)) == 1),
                     at::full({}, planted.value, at::kDouble), logits);
  }
  [[nodiscard]] std::shared_ptr<torch::nn::Module> ptr() const { return table.ptr(); }
};
static_assert(vlp::Decoder<PlantingDecoder>);

/// Every way of decoding, with and without the rules that change scores.
std::vector<vlp::GenerateOptions> all_modes() {
  std::vector<vlp::GenerateOptions> modes;
  for (const double penalty : {1.0, 1.3})
    for (const std::int64_t min_length : {0, 6}) {
      vlp::GenerateOptions options;
      options.max_length = 12;
      options.repetition_penalty = penalty;
      options.min_length = min_length;
      for (const std::int64_t beams : {1, 3}) {
        options.beams = beams;
        modes.push_back(options);
      }
      options.beams = 1;
      options.sample = true;
      options.num_captions = 2;
      options.top_k = 3;
      modes.push_back(options);
    }
  return modes;
}

Captions captions(const at::Tensor& images, const Planted& planted,
                  const vlp::GenerateOptions& options) {
  std::vector<vlp::RandomStream> random;
  for (std::int64_t i = 0; i < images.size(0); ++i)
    random.push_back(vlp::RandomStream(5).derive(static_cast<std::uint64_t>(i)));
  return vlp::generate_captions(PlantingDecoder{{}, planted, images}, images,
                                {{2}, table_tokens(), options, random});
}

}  // namespace

BOOST_AUTO_TEST_CASE(logits_that_are_not_finite_are_named_with_image_and_token) {
  const at::Tensor images = table_images(kImages);
  const std::vector<std::pair<double, std::string>> values{
      {kNaN, "(nan 1)"}, {kInfinity, "(inf 1)"}, {-kInfinity, "(-inf 1)"}};
  for (vlp::GenerateOptions options : all_modes())
    for (const auto& [value, words] : values) {
      options.min_length = std::max<std::int64_t>(options.min_length, 4);  // so that all get there
      try {
        (void)captions(images, {.length = 3, .image = 4, .value = value}, options);
        BOOST_ERROR("a caption was made of what is no number");
      } catch (const vlp::NonFiniteRow& error) {
        BOOST_TEST(error.row() == 4);
        BOOST_TEST(error.of_row().starts_with("the decoder's logits of token 2 of the caption are "
                                              "not finite (got [4] Double, 1 of 4 not finite " +
                                              words + ", others "),
                   error.what());
      }
    }
}

BOOST_AUTO_TEST_CASE(image_states_are_named_where_they_are_the_cause) {
  at::Tensor images = table_images(kImages);
  images[7][1][3].fill_(kNaN);
  for (const vlp::GenerateOptions& options : all_modes()) {
    const std::string message =
        message_of<vlp::NonFiniteError>([&] { (void)captions(images, {}, options); });
    BOOST_TEST(message.starts_with("image 8 of the batch: the image states are not finite (got "
                                   "[2, 6] Double, 1 of 12 not finite (nan 1)"),
               message);
  }
}

BOOST_AUTO_TEST_CASE(what_comes_behind_the_end_of_a_caption_harms_nobody) {
  const at::Tensor images = table_images(kImages);
  int ended_early = 0;
  for (const vlp::GenerateOptions& options : all_modes()) {
    const Captions clean = captions(images, {}, options);
    for (std::size_t image = 0; image < clean.size(); ++image) {
      std::size_t longest = 0;
      for (const vlp::Candidate& candidate : clean[image])
        longest = std::max(longest, candidate.ids.size());
      if (options.beams > 1 || longest + 1 >= 12)
        continue;  // when a search is done isn't seen here
      ++ended_early;
      const Captions planted = captions(images,
                                        {.length = static_cast<std::int64_t>(longest),
                                         .image = static_cast<std::int64_t>(image),
                                         .value = kNaN,
                                         .in_all = true},
                                        options);
      for (std::size_t i = 0; i < clean.size(); ++i)
        for (std::size_t k = 0; k < clean[i].size(); ++k) {
          BOOST_TEST((planted[i].at(k).ids == clean[i][k].ids));
          BOOST_TEST(planted[i][k].score == clean[i][k].score);
        }
    }
  }
  BOOST_TEST(ended_early > 0);
}

BOOST_AUTO_TEST_CASE(logits_whose_sum_is_too_large_are_numbers_still) {
  const at::Tensor images = table_images(3);
  for (const vlp::GenerateOptions& options : all_modes()) {
    if (options.repetition_penalty != 1) continue;  // which makes infinity of them
    const Captions found = captions(
        images,
        {.length = 2, .image = 1, .value = std::numeric_limits<double>::max(), .in_all = true},
        options);
    BOOST_TEST(found.size() == 3U);
    for (const vlp::Candidate& candidate : found[1]) BOOST_TEST(std::isfinite(candidate.score));
  }
}

BOOST_AUTO_TEST_CASE(half_precision_is_summed_in_float32) {
  const at::Tensor images = at::zeros({2, 1, 1});
  for (const at::ScalarType dtype : {at::kHalf, at::kBFloat16}) {
    at::Tensor logits = at::full({2, 8}, 6e4, at::TensorOptions().dtype(dtype));
    BOOST_TEST(vlp::FiniteLogits(logits, images, 1).sums().isfinite().all().item<bool>());
    logits[1][7].fill_(-kInfinity);
    const vlp::FiniteLogits given(logits, images, 3);
    const at::Tensor sums = given.sums();
    BOOST_CHECK_NO_THROW(given.require(sums[0][0].item<double>(), 0, 0));
    BOOST_CHECK_THROW(given.require(sums[1][0].item<double>(), 1, 1), vlp::NonFiniteRow);
  }
}

BOOST_AUTO_TEST_SUITE_END()
