// The loss over a split: passes without an image twice, features handed on, means over all tokens.

#include "vlp/evaluate/validation_loss.hpp"

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "plugins/loss/lm.hpp"
#include "tests/support/float32.hpp"
#include "vlp/train/objective.hpp"

BOOST_AUTO_TEST_SUITE(validation_loss)

namespace {

using vlp_test::float32_distance;
using Captions = std::vector<vlp::ImageTexts>;  // [B] of each image

constexpr double kRounding = 1e-6;  // float32 sums over a dozen losses, relative

/// A decoder of random tables that counts how often its images are encoded.
struct Fake {
  at::Tensor words = at::randn({20, 5}), vocabulary = at::randn({5, 20});
  vlp::ModelParts parts;
  std::int64_t image_passes = 0, embedding_passes = 0, momentum_passes = 0;

  Fake() {
    parts.set<vlp::ImageStates>([this](const at::Tensor& pixels) {
      return ++image_passes, pixels.flatten(1).narrow(1, 0, 5).unsqueeze(1);
    });
    parts.set<vlp::ImageEmbeddings>(
        [this](const at::Tensor& states) { return ++embedding_passes, states.select(1, 0); });
    parts.set<vlp::MomentumImageEmbeddings>([this](const at::Tensor& pixels) {
      return ++momentum_passes, pixels.flatten(1).narrow(1, 0, 5);
    });
    parts.set<vlp::DecoderStates>(
        [this](const at::Tensor& ids, const at::Tensor&, const at::Tensor& images) {
          return (words.index_select(0, ids.flatten()).view({ids.size(0), ids.size(1), 5}) + images)
              .cumsum(1);
        });
    parts.set<vlp::DecoderLogits>(
        [this](const at::Tensor& states) { return states.matmul(vocabulary); });
  }
};

vlp::Batch images_of(std::int64_t count) {
  vlp::Batch batch;
  batch.pixels = at::randn({count, 3, 2, 2});
  batch.image_index = at::arange(70, 70 + count);
  for (std::int64_t i = 0; i < count; ++i)
    batch.image_ids.push_back(std::to_string(70 + i) + ".jpg");
  return batch;
}

vlp::ImageFeatures encoded(const vlp::ModelParts& parts, const vlp::Batch& images) {
  return {.memory = parts.call<vlp::ImageStates>(images.pixels),
          .embeddings = {},
          .momentum_embeddings = {}};
}

const Captions kCaptions{{{{1, 5, 6, 2}, {1, 7, 2}}},
                         {{{1, 8, 9, 10, 11, 2}}},
                         {{{1, 2}, {1, 12, 2}, {1, 13, 14, 2}}},
                         {}};

/// Notes what it sees.
struct Watcher {
  static constexpr vlp::Parts needs = vlp::parts::similarities;
  struct Pass {
    std::vector<std::int64_t> images;
    std::vector<std::string> ids;
    bool pixels_fit, training;
  };
  vlp::LossValue operator()(vlp::Forward& pass) const {
    const vlp::Batch& batch = pass.batch();
    const auto* index = static_cast<const std::int64_t*>(batch.image_index.const_data_ptr());
    passes->push_back({{index, index + batch.size()},
                       batch.image_ids,
                       pass.image_embeddings().equal(batch.pixels.flatten(1).narrow(1, 0, 5)) &&
                           pass.momentum_image_embeddings().equal(pass.image_embeddings()),
                       pass.training().has_value()});
    return {at::full({}, static_cast<double>(batch.size())),
            {{"size", at::full({}, static_cast<double>(batch.size()))}}};
  }
  std::shared_ptr<std::vector<Pass>> passes = std::make_shared<std::vector<Pass>>();
};
static_assert(vlp::Loss<Watcher>);

}  // namespace

BOOST_AUTO_TEST_CASE(the_mean_is_that_of_one_pass_over_all_captions) {
  at::manual_seed(1);
  Fake fake;
  vlp::LanguageModelLoss lm({.label_smoothing = 0.1});
  const vlp::Batch images = images_of(4), more = images_of(2);
  const Captions captions_of_more{{{{1, 3, 4, 2}}}, {{{1, 4, 2}, {1, 15, 16, 17, 2}}}};
  vlp::ValidationLoss sum(0);
  (void)sum.add(fake.parts, lm, images, encoded(fake.parts, images), kCaptions);
  (void)sum.add(fake.parts, lm, more, encoded(fake.parts, more), captions_of_more);

  std::vector<std::vector<std::int64_t>> ids;
  std::vector<at::Tensor> pixels;
  const auto add = [&](const vlp::Batch& of, const Captions& captions) {
    for (std::size_t i = 0; i < captions.size(); ++i)
      for (const auto& caption : captions[i].ids) {
        ids.push_back(caption);
        pixels.push_back(of.pixels[static_cast<std::int64_t>(i)]);
      }
  };
  add(images, kCaptions);
  add(more, captions_of_more);
  vlp::Batch whole;
  whole.pixels = at::stack(pixels);
  whole.texts = vlp::collate_ids(ids, 0, 1);
  vlp::Forward pass(fake.parts, whole);
  BOOST_TEST(float32_distance(*vlp::mean_loss(sum.passes()).total, lm(pass).total.item<double>()) <
             kRounding);
}

BOOST_AUTO_TEST_CASE(prompts_of_any_length_are_not_supervised) {
  at::manual_seed(5);
  Fake fake;
  vlp::LanguageModelLoss lm({});
  const vlp::Batch images = images_of(2);
  const Captions captions{{{{1, 7, 8, 5, 2}}, 3}, {{{1, 6, 9, 10, 2}}, 1}};
  vlp::ValidationLoss sum(0);
  (void)sum.add(fake.parts, lm, images, encoded(fake.parts, images), captions);
  const std::vector<vlp::PassLoss> passes = sum.passes();
  BOOST_TEST_REQUIRE(passes.size() == 1U);
  BOOST_TEST(passes[0].weight == 2 + 4);
}

BOOST_AUTO_TEST_CASE(no_pass_holds_an_image_twice_and_every_caption_has_its_turn) {
  at::manual_seed(2);
  Fake fake;
  Watcher watcher;
  const vlp::Batch images = images_of(4);
  vlp::ValidationLoss sum(0);
  (void)sum.add(fake.parts, watcher, images, encoded(fake.parts, images), kCaptions);
  using Index = std::vector<std::int64_t>;
  BOOST_TEST_REQUIRE(watcher.passes->size() == 3U);
  BOOST_TEST((*watcher.passes)[0].images == (Index{70, 71, 72}), boost::test_tools::per_element());
  BOOST_TEST((*watcher.passes)[1].images == (Index{70, 72}), boost::test_tools::per_element());
  BOOST_TEST((*watcher.passes)[2].images == (Index{72}), boost::test_tools::per_element());
  for (const auto& pass : *watcher.passes) {
    BOOST_TEST(pass.pixels_fit);
    BOOST_TEST(!pass.training);
    for (std::size_t i = 0; i < pass.images.size(); ++i)
      BOOST_TEST(pass.ids[i] == std::to_string(pass.images[i]) + ".jpg");
  }
}

BOOST_AUTO_TEST_CASE(features_of_images_are_computed_once_and_handed_back) {
  at::manual_seed(3);
  Fake fake;
  Watcher watcher;
  const vlp::Batch images = images_of(2);
  vlp::ValidationLoss sum(0);
  const Captions captions{{{{1, 5, 2}, {1, 6, 2}, {1, 8, 2}}}, {{{1, 7, 2}, {1, 7, 2}}}};
  const vlp::ImageFeatures known =
      sum.add(fake.parts, watcher, images, encoded(fake.parts, images), captions);
  BOOST_TEST(fake.image_passes == 1);
  BOOST_TEST(fake.embedding_passes == 1);
  BOOST_TEST(fake.momentum_passes == 1);
  BOOST_TEST(known.embeddings.size(0) == 2);
  BOOST_TEST(known.momentum_embeddings.equal(known.embeddings));
}

BOOST_AUTO_TEST_CASE(parts_are_weighted_as_their_sum_is) {
  at::manual_seed(4);
  Fake fake;
  std::vector<vlp::Objective::Term> terms;
  terms.push_back({"lm", 2.0, vlp::LanguageModelLoss({})});
  terms.push_back({"watch", 0.5, Watcher{}});
  vlp::Objective objective(std::move(terms));
  const vlp::Batch images = images_of(4);
  vlp::ValidationLoss sum(0);
  (void)sum.add(fake.parts, objective, images, encoded(fake.parts, images), kCaptions);
  const vlp::MeanLoss mean = vlp::mean_loss(sum.passes());
  const vlp::Scores& parts = mean.parts;
  BOOST_TEST_REQUIRE(parts.size() == 3U);
  BOOST_TEST(parts[0].first == "lm");
  BOOST_TEST(parts[1].first == "watch");
  BOOST_TEST(parts[2].first == "watch.size");
  BOOST_TEST(float32_distance(*mean.total, 2.0 * parts[0].second + 0.5 * parts[1].second) <
             kRounding);
  const double by_hand = (3.0 * (3 + 5 + 1) + 2.0 * (2 + 2) + 1.0 * 3) /
                         (9 + 4 + 3);  // sizes of passes by supervised tokens
  BOOST_TEST(float32_distance(parts[1].second, by_hand) < kRounding);
}

BOOST_AUTO_TEST_CASE(nothing_added_means_no_loss) {
  const vlp::ValidationLoss sum(0);
  BOOST_TEST(sum.size() == 0U);
  const vlp::MeanLoss mean = vlp::mean_loss(sum.passes());
  BOOST_TEST(!mean.total.has_value());
  BOOST_TEST(mean.parts.empty());
}

BOOST_AUTO_TEST_SUITE_END()
