// Images with prompts of their own: each is captioned behind its own, and all come in their order.

#include "vlp/evaluate/evaluate.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/archetypes.hpp"
#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/support/words.hpp"
#include "vlp/image/encode.hpp"

namespace {

/// One search: the prompt, and what its images are.
struct Asked {
  std::vector<std::int64_t> prompt;
  std::vector<std::int64_t> images;
  friend bool operator==(const Asked&, const Asked&) = default;
};

/// Says of an image its number, behind the prompt.
class PromptedImpl : public torch::nn::Module {
 public:
  explicit PromptedImpl(std::vector<Asked>& asked) : asked_(asked) {}
  at::Tensor image_states(const at::Tensor& pixels) {
    return pixels.mean({1, 2, 3}).div(10).round().reshape({-1, 1, 1});
  }
  vlp::Captions generate(const at::Tensor& states, const std::vector<std::int64_t>& prompt,
                         const vlp::GenerateOptions&,
                         const std::vector<vlp::RandomStream>& random) {
    Asked& asked = asked_.emplace_back(Asked{prompt, {}});
    BOOST_TEST(random.size() == static_cast<std::size_t>(states.size(0)));
    vlp::Captions captions;
    for (std::int64_t i = 0; i < states.size(0); ++i) {
      const auto image = static_cast<std::int64_t>(states[i].item<float>());
      asked.images.push_back(image);
      std::vector<std::int64_t> ids{5};
      ids.insert(ids.end(), prompt.begin(), prompt.end());
      ids.insert(ids.end(), {10 + image, 2});
      captions.push_back({{.ids = std::move(ids), .score = static_cast<double>(image)}});
    }
    return captions;
  }

 private:
  std::vector<Asked>& asked_;
};
TORCH_MODULE(Prompted);
static_assert(vlp::Model<Prompted>);

struct NoLoss {
  static constexpr vlp::Parts needs = vlp::Parts::of<vlp::ImageStates>();
  vlp::LossValue operator()(vlp::Forward&) const { return {at::zeros({}), {}}; }
};

struct Ranks {
  [[nodiscard]] std::int64_t rerank() const { return 0; }
  [[nodiscard]] vlp::Scores scores(const vlp::RetrievalRanks&) const { return {}; }
};

/// Five one-coloured images, numbered from 0, in a batch.
struct PromptedSplit {
  ScratchFolder scratch;
  std::vector<vlp::ImageRecord> records;
  vlp::Data data{
      {vlp::AnyTokenizer(vlp::test::Words{}),
       {.train = {},
        .evaluate = {.images = {vlp::AnyTransform([](const at::Tensor& image, vlp::RandomStream&) {
                       return image.to(at::kFloat);
                     })},
                     .texts = {}}},
       "w7"},
      vlp::AnyDataset(archetype::Dataset{})};

  PromptedSplit() {
    for (std::size_t i = 0; i < 5; ++i) {
      const std::filesystem::path file = scratch.path / (std::to_string(i) + ".jpg");
      const std::vector<std::uint8_t> rgb(std::size_t{3} * 64, static_cast<std::uint8_t>(10 * i));
      vlp::write_jpeg(file, {.rgb = rgb, .height = 8, .width = 8});
      records.push_back({std::to_string(i), file, {"w" + std::to_string(i)}});
    }
  }

  [[nodiscard]] vlp::Evaluation evaluated(std::vector<Asked>& asked,
                                          std::span<const vlp::AnyMetric> metrics = {}) const {
    const vlp::Context ctx;
    NoLoss* const none = nullptr;
    const vlp::Evaluator evaluator(data, {}, /*batch_size=*/5, /*workers=*/1, ctx);
    return evaluator(Prompted(asked), none, records, metrics, "evaluating");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(evaluate_prompts, PromptedSplit)

BOOST_AUTO_TEST_CASE(without_own_prompts_a_batch_is_one_search) {
  std::vector<Asked> asked;
  const vlp::Evaluation found = evaluated(asked);
  BOOST_TEST((asked == std::vector<Asked>{{{17}, {0, 1, 2, 3, 4}}}));
  BOOST_TEST_REQUIRE(found.captions.size() == 5U);
  BOOST_TEST(found.captions[3].caption == "w3");
}

BOOST_AUTO_TEST_CASE(images_of_one_prompt_are_one_search_and_captions_keep_their_order) {
  records[1].prompt = records[4].prompt = "w8 w9";
  records[2].prompt = "w6";
  std::vector<Asked> asked;
  const vlp::Evaluation found = evaluated(asked);
  BOOST_TEST((asked == std::vector<Asked>{{{16}, {2}}, {{17}, {0, 3}}, {{18, 19}, {1, 4}}}));
  BOOST_TEST_REQUIRE(found.captions.size() == 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    BOOST_TEST(found.captions[i].record == &records[i]);
    BOOST_TEST(found.captions[i].caption == "w" + std::to_string(i));  // without the prompt
    BOOST_TEST(found.captions[i].score == static_cast<double>(i));
  }
}

BOOST_AUTO_TEST_CASE(retrieval_is_refused_with_prompts_that_tell_the_image) {
  records[1].prompt = "w8";
  std::vector<Asked> asked;
  std::vector<vlp::AnyMetric> metrics;
  metrics.emplace_back(Ranks{});
  BOOST_TEST(vlp_test::message_of<vlp::RecipeError>([&] { (void)evaluated(asked, metrics); }) ==
             "metric: retrieval can't be measured where images have prompts of their own (got 'w8' "
             "for image '1', expected none), as a text would tell its image by its prompt. Leave "
             "the metric or the prompts out.");
}

BOOST_AUTO_TEST_CASE(a_caption_s_ids_begin_with_its_image_s_prompt) {
  records[1].prompt = "w8";
  const vlp::RandomStream seeds(1);
  BOOST_TEST(
      (vlp::caption_ids(data, records[0], 0, seeds) == std::vector<std::int64_t>{1, 17, 10, 2}));
  BOOST_TEST(
      (vlp::caption_ids(data, records[1], 0, seeds) == std::vector<std::int64_t>{1, 18, 11, 2}));
}

BOOST_AUTO_TEST_SUITE_END()
