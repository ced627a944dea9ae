// Transforms in their order, and what trying them finds before any image is read.

#include "vlp/data/pipeline.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "plugins/transform/horizontal_flip.hpp"
#include "plugins/transform/normalize.hpp"
#include "plugins/transform/pre_caption.hpp"
#include "plugins/transform/rand_augment.hpp"
#include "plugins/transform/random_resized_crop.hpp"
#include "plugins/transform/resize.hpp"

BOOST_AUTO_TEST_SUITE(pipeline)

namespace {

using vlp::AnyTransform;
using vlp::RandomStream;

const AnyTransform kResize(vlp::Resize({.size = 8, .kernel = vlp::ResizeKernel::torchvision}));
const AnyTransform kNormalize(vlp::Normalize(vlp::Normalize::Options{}));
const AnyTransform kFlip(vlp::HorizontalFlip({.probability = 0.5}));

AnyTransform appended(const std::string& end) {
  return AnyTransform(
      [end](std::string_view text, RandomStream&) { return std::string(text) + end; });
}

/// Gives what it is told, and says what it is told of its size.
struct Given {
  static constexpr std::string_view name = "given";
  at::Tensor result;
  vlp::ImageSize size = {};
  at::Tensor operator()(const at::Tensor&, RandomStream&) const { return result; }
  [[nodiscard]] vlp::ImageSize output_size() const { return size; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(image_steps_and_text_steps_run_in_order) {
  vlp::Pipeline steps;
  steps.add(appended("1"));
  steps.add([](const at::Tensor& image, RandomStream&) { return image + 1; });
  steps.add(appended("2"));
  steps.add([](const at::Tensor& image, RandomStream&) { return image * 2; });
  BOOST_TEST(steps.images.size() == 2U);
  BOOST_TEST(steps.texts.size() == 2U);
  RandomStream random(1);
  BOOST_TEST(steps(at::full({3, 1, 1}, 3, at::kByte), random).eq(8).all().item<bool>());
  BOOST_TEST(steps("a caption", random) == "a caption12");
}

BOOST_AUTO_TEST_CASE(the_last_step_that_fixes_a_size_says_it) {
  vlp::Pipeline steps;
  BOOST_TEST(steps.output_size().height == 0);
  vlp::RandomResizedCrop::Options crop;
  crop.size = 32;
  for (AnyTransform step :
       {AnyTransform(vlp::RandomResizedCrop(crop)), kResize, kFlip, kNormalize, appended("")})
    steps.add(step);
  BOOST_TEST(steps.output_size().height == 8);
  BOOST_TEST(steps.output_size().width == 8);
}

BOOST_AUTO_TEST_CASE(a_transform_is_of_images_or_of_texts) {
  RandomStream random(1);
  BOOST_TEST(!kResize.is_text());
  BOOST_TEST(appended("x").is_text());
  BOOST_CHECK_EXCEPTION(
      (void)kResize("a text", random), vlp::ContractError, [](const vlp::ContractError& e) {
        return std::string(e.what()) ==
               "transform: changes images (got a text, expected an image). Ask is_text() first.";
      });
  BOOST_CHECK_EXCEPTION(
      (void)appended("x")(at::zeros({3, 1, 1}), random), vlp::ContractError,
      [](const vlp::ContractError& e) {
        return std::string(e.what()) ==
               "transform: changes texts (got an image, expected a text). Ask is_text() first.";
      });
}

BOOST_AUTO_TEST_CASE(what_a_transform_gives_is_an_image_of_the_size_that_it_says) {
  RandomStream random(1);
  const at::Tensor image = at::zeros({3, 4, 5}, at::kByte);
  const auto told = [&](Given given) {
    try {
      (void)AnyTransform(std::move(given))(image, random);
    } catch (const vlp::ShapeError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  BOOST_TEST(told({image}) == "");
  BOOST_TEST(told({image.to(at::kFloat), {4, 5}}) == "");
  const std::string advice =
      ", expected uint8 or float32 [3, H, W]). Return one image, its "
      "channels first.";
  BOOST_TEST(told({at::zeros({4, 5, 3})}) ==
             "transform 'given': gave no image (got Float [4, 5, 3]" + advice);
  BOOST_TEST(told({image.to(at::kDouble)}) ==
             "transform 'given': gave no image (got Double [3, 4, 5]" + advice);
  BOOST_TEST(told({at::Tensor()}) ==
             "transform 'given': gave no image (got an undefined tensor" + advice);
  BOOST_TEST(told({image, {4, 4}}) ==
             "transform 'given': gave an image of another size than it says (got Byte [3, 4, 5], "
             "expected [3, 4, 4]). Let output_size() tell what comes out.");
}

BOOST_AUTO_TEST_CASE(a_step_that_changes_a_fixed_size_without_saying_so_is_found) {
  const vlp::PipelineTrial trial =
      vlp::try_images({kResize, Given{at::zeros({3, 6, 8}, at::kFloat)}, kFlip});
  BOOST_TEST(trial.step.value() == 1U);
  BOOST_TEST(trial.problem ==
             "transform 'given': changes the size that a step before it fixed (got 6 x 8, expected "
             "8 x 8); give it `output_size()`");
  const vlp::PipelineTrial said =
      vlp::try_images({kResize, Given{at::zeros({3, 6, 8}, at::kFloat), {6, 8}}, kFlip});
  BOOST_TEST(said.problem == "");
  BOOST_TEST(said.size.height == 6);
}

BOOST_AUTO_TEST_CASE(steps_that_fit_together_are_found_good) {
  const vlp::PipelineTrial trial = vlp::try_images({kFlip, kResize, kNormalize, kFlip});
  BOOST_TEST(trial.problem == "");
  BOOST_TEST(trial.one_size);
  BOOST_TEST(!vlp::try_images({kFlip, kNormalize}).one_size);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_found_with_its_step) {
  const vlp::PipelineTrial wrong_order = vlp::try_images({kNormalize, kFlip, kResize});
  BOOST_TEST(wrong_order.step.value() == 2U);
  BOOST_TEST(wrong_order.problem.starts_with(
      "resize: bad image (got Float [3, 96, 64], expected uint8 [3, H, W])"));

  const vlp::PipelineTrial not_float = vlp::try_images({kResize});
  BOOST_TEST(!not_float.step.has_value());
  BOOST_TEST(not_float.problem ==
             "images don't become a model's input (got Byte with 3 dimensions, expected Float [3, "
             "H, W]); add use = \"normalize\"");

  BOOST_TEST(vlp::try_images({}).problem ==
             "no transform takes part that changes images; add some, or leave `when` out");

  const AnyTransform grey([](const at::Tensor& image, RandomStream&) {
    return image.select(0, 7);
  });  // ATen's own error
  const vlp::PipelineTrial thrown = vlp::try_images({kResize, grey});
  BOOST_TEST(thrown.step.value() == 1U);
  BOOST_TEST(!thrown.problem.empty());
  BOOST_TEST(thrown.problem.find('\n') == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
