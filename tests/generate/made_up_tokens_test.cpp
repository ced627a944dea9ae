// What every search asks of a decoder on the device `meta`.

#include "vlp/generate/made_up_tokens.hpp"

#include <cstdint>
#include <memory>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <boost/test/unit_test.hpp>

#include "vlp/generate/captions.hpp"
#include "vlp/nn/meta_tensors.hpp"

namespace {

using Sizes = std::vector<std::int64_t>;

/// Keeps the shapes of what it is asked.
struct RecordingDecoderImpl : torch::nn::Module {
  std::vector<Sizes> ids, rows, images;
  std::int64_t longest = 0;

  at::Tensor states(const at::Tensor& of, const at::Tensor&, const at::Tensor&) { return of; }
  at::Tensor logits(const at::Tensor& states) { return states; }
  vlp::DecodingCache make_cache(const at::Tensor& image_states, std::int64_t beams,
                                std::int64_t most) {
    longest = most;
    const std::int64_t count = image_states.size(0);
    return {.beams = beams,
            .length = 0,
            .per_row = {at::zeros({count * beams, 7}, image_states.options())},
            .per_image = {at::zeros({count, 5}, image_states.options())}};
  }
  at::Tensor step(const at::Tensor& next, vlp::DecodingCache& cache) {
    ids.push_back(next.sizes().vec());
    rows.push_back(cache.per_row[0].sizes().vec());
    images.push_back(cache.per_image[0].sizes().vec());
    cache.length += next.size(1);
    return at::zeros({next.size(0), 9}, next.options().dtype(at::kFloat));
  }
};
TORCH_MODULE(RecordingDecoder);

struct Searched {
  RecordingDecoder decoder;
  std::vector<std::vector<vlp::Candidate>> captions;

  /// Of two images, behind a prompt of one id.
  explicit Searched(const vlp::GenerateOptions& options) {
    vlp::MetaTensors();  // the rules are there
    vlp::SpecialTokens tokens;
    tokens.decode = 1;
    tokens.sep = 0;
    vlp::CaptionRequest request{.prompt = {4}, .tokens = tokens, .options = options};
    if (options.sample) request.random = {vlp::RandomStream(1), vlp::RandomStream(2)};
    captions = vlp::generate_captions(decoder, at::zeros({2, 3, 6}, at::TensorOptions(at::kMeta)),
                                      request);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(made_up_tokens)

BOOST_AUTO_TEST_CASE(beams_go_on_change_places_and_leave_with_their_image) {
  const Searched searched({.beams = 3, .max_length = 40, .repetition_penalty = 1.5});
  BOOST_TEST(searched.decoder->longest == 40);
  BOOST_TEST((searched.decoder->ids == std::vector<Sizes>{{2, 2}, {6, 1}, {3, 1}}));
  BOOST_TEST((searched.decoder->rows == std::vector<Sizes>{{2, 7}, {6, 7}, {3, 7}}));
  BOOST_TEST((searched.decoder->images == std::vector<Sizes>{{2, 5}, {2, 5}, {1, 5}}));
  BOOST_TEST_REQUIRE(searched.captions.size() == 2U);
  // [SEP] is 0 here, so that the made-up word is 1
  BOOST_TEST((searched.captions[0][0].ids == std::vector<std::int64_t>{1, 4, 1, 1, 0}));
  BOOST_TEST((searched.captions[1][0].ids == std::vector<std::int64_t>{1, 4, 1, 0}));
}

BOOST_AUTO_TEST_CASE(both_rules_of_lengths_and_every_early_stopping_end) {
  for (const auto rule : {vlp::LengthRule::transformers, vlp::LengthRule::original})
    for (const auto early :
         {vlp::EarlyStopping::no, vlp::EarlyStopping::yes, vlp::EarlyStopping::never}) {
      if (rule == vlp::LengthRule::original && early == vlp::EarlyStopping::never) continue;
      const Searched searched(
          {.beams = 2, .max_length = 9, .early_stopping = early, .length_rule = rule});
      BOOST_TEST(searched.decoder->ids.size() == 3U);
      BOOST_TEST(searched.captions[0].size() == 2U);
    }
}

BOOST_AUTO_TEST_CASE(one_beam_is_greedy_decoding) {
  const Searched searched({.beams = 1, .max_length = 9});
  BOOST_TEST((searched.decoder->ids == std::vector<Sizes>{{2, 2}, {2, 1}, {1, 1}}));
}

BOOST_AUTO_TEST_CASE(samples_of_an_image_have_a_row_each) {
  const Searched searched(
      {.beams = 1, .max_length = 9, .sample = true, .top_p = 0.9, .num_captions = 2});
  BOOST_TEST((searched.decoder->ids == std::vector<Sizes>{{2, 2}, {4, 1}, {2, 1}}));
  BOOST_TEST(searched.captions[0].size() == 2U);
}

BOOST_AUTO_TEST_CASE(the_longest_length_ends_all) {
  BOOST_TEST((Searched({.beams = 2, .max_length = 3}).decoder->ids == std::vector<Sizes>{{2, 2}}));
  BOOST_TEST(
      (Searched({.beams = 1, .max_length = 4}).decoder->ids == std::vector<Sizes>{{2, 2}, {2, 1}}));
}

BOOST_AUTO_TEST_SUITE_END()
