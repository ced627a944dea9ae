// Random resized crops: pixels against Pillow and torchvision, draws against their distribution.

#include "plugins/transform/random_resized_crop.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/image_fixtures.hpp"
#include "tests/support/messages.hpp"
#include "vlp/image/decode.hpp"

BOOST_AUTO_TEST_SUITE(random_resized_crop)

namespace {

using vlp::CropBox;
using vlp::RandomResizedCrop;

RandomResizedCrop::Options options(std::vector<double> scale, std::vector<double> ratio) {
  RandomResizedCrop::Options made;
  made.size = 24;
  made.scale = std::move(scale);
  made.ratio = std::move(ratio);
  return made;
}

std::vector<CropBox> boxes(const RandomResizedCrop& crop, std::int64_t height, std::int64_t width,
                           int count) {
  std::vector<CropBox> drawn;
  const vlp::RandomStream seeds(77);
  for (int i = 0; i < count; ++i) {
    vlp::RandomStream random = seeds.derive(static_cast<std::uint64_t>(i));
    drawn.push_back(crop.draw(height, width, random));
  }
  return drawn;
}

at::Tensor noise(std::int64_t height, std::int64_t width) {
  at::manual_seed(3);
  return at::randint(0, 256, {height, width, 3}, at::TensorOptions(at::kByte)).permute({2, 0, 1});
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_part_is_resized_as_the_references_do) {
  constexpr double kTorchvisionMean =
      0.01;  // grey levels; other versions of its vector code round a few differently by one
  const at::Tensor image = vlp::decode_image(vlp::test::image_fixtures() / "03_progressive.jpg");
  int compared = 0;
  for (const auto& [key, expected] : vlp::test::read_tensors(
           std::filesystem::path(VLP_TEST_DATA) / "transforms" / "expected.safetensors")) {
    CropBox box;
    char kernel[16];
    if (std::sscanf(key.c_str(), "crop/%ld,%ld,%ld,%ld/%15s", &box.top, &box.left, &box.height,
                    &box.width, kernel) != 5)
      continue;
    const at::Tensor part = image.narrow(1, box.top, box.height).narrow(2, box.left, box.width);
    const bool pillow = std::string(kernel) == "pillow";
    const at::Tensor got =
        vlp::resize_bicubic(part, {24, 24},
                            pillow ? vlp::ResizeKernel::pillow : vlp::ResizeKernel::torchvision)
            .permute({1, 2, 0});
    const at::Tensor difference = (got.to(at::kInt) - expected.to(at::kInt)).abs();
    BOOST_TEST(difference.max().item<int>() <= (pillow ? 0 : 1), key);
    BOOST_TEST(difference.to(at::kDouble).mean().item<double>() <= (pillow ? 0 : kTorchvisionMean),
               key);
    ++compared;
  }
  BOOST_TEST(compared == 6);
}

BOOST_AUTO_TEST_CASE(the_transform_resizes_the_box_that_it_draws) {
  const at::Tensor image = noise(90, 60);
  for (const auto kernel : {vlp::ResizeKernel::torchvision, vlp::ResizeKernel::pillow}) {
    RandomResizedCrop::Options chosen = options({0.1, 0.9}, {0.75, 4.0 / 3});
    chosen.kernel = kernel;
    const RandomResizedCrop crop(chosen);
    BOOST_TEST(crop.output_size().height == 24);
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      vlp::RandomStream random(seed), again(seed);
      const at::Tensor got = crop(image, random);
      const CropBox box = crop.draw(90, 60, again);
      BOOST_TEST(random.next() == again.next());
      const at::Tensor part =
          image.narrow(1, box.top, box.height).narrow(2, box.left, box.width).contiguous();
      BOOST_TEST(got.equal(vlp::resize_bicubic(part, {24, 24}, kernel)));
      BOOST_TEST((got.sizes() == at::IntArrayRef{3, 24, 24}));
    }
  }
}

BOOST_AUTO_TEST_CASE(area_and_proportions_have_the_distribution_of_the_reference) {
  // A small scale, so that nearly every first attempt fits and the distributions are those that are
  // drawn from.
  constexpr int kDraws = 4000;
  constexpr double kFourDeviations = 4;  // of a mean; by chance once in 16,000 times
  const RandomResizedCrop crop(options({0.1, 0.3}, {0.5, 2.0}));
  double area = 0, log_ratio = 0, top = 0, left = 0;
  int wide = 0;
  for (const CropBox& box : boxes(crop, 1000, 1000, kDraws)) {
    const double share = static_cast<double>(box.height * box.width) / 1e6;
    const double ratio = static_cast<double>(box.width) / static_cast<double>(box.height);
    BOOST_TEST((share > 0.099 && share < 0.301));
    BOOST_TEST((ratio > 0.495 && ratio < 2.02));
    BOOST_TEST((box.top >= 0 && box.left >= 0 && box.top + box.height <= 1000 &&
                box.left + box.width <= 1000));
    area += share / kDraws;
    log_ratio += std::log(ratio) / kDraws;
    top += static_cast<double>(box.top) / static_cast<double>(1000 - box.height) / kDraws;
    left += static_cast<double>(box.left) / static_cast<double>(1000 - box.width) / kDraws;
    wide += ratio > std::sqrt(2.0) ? 1 : 0;
  }
  const double of_uniform =
      1 / std::sqrt(12.0 * kDraws);  // standard deviation of a mean, for an interval of length 1
  BOOST_TEST(std::abs(area - 0.2) < kFourDeviations * 0.2 * of_uniform);
  BOOST_TEST(std::abs(log_ratio) < kFourDeviations * 2 * std::log(2.0) * of_uniform);
  BOOST_TEST(std::abs(top - 0.5) < kFourDeviations * of_uniform);
  BOOST_TEST(std::abs(left - 0.5) < kFourDeviations * of_uniform);
  BOOST_TEST(std::abs(wide - kDraws / 4.0) < kFourDeviations * std::sqrt(kDraws * 0.25 * 0.75));
}

BOOST_AUTO_TEST_CASE(where_nothing_fits_the_largest_centred_part_is_taken) {
  const RandomResizedCrop crop(options({0.9, 1.0}, {0.75, 4.0 / 3}));
  for (const CropBox& box : boxes(crop, 100, 1000, 20)) {
    BOOST_TEST(box.height == 100);
    BOOST_TEST(box.width == 133);
    BOOST_TEST(box.top == 0);
    BOOST_TEST(box.left == 433);
  }
  for (const CropBox& box : boxes(crop, 1000, 100, 20)) {
    BOOST_TEST(box.width == 100);
    BOOST_TEST(box.height == 133);
    BOOST_TEST(box.top == 433);
  }
}

BOOST_AUTO_TEST_CASE(an_image_of_one_pixel_passes) {
  const RandomResizedCrop crop(options({0.2, 1.0}, {0.75, 4.0 / 3}));
  for (const auto& [height, width] :
       {std::pair<std::int64_t, std::int64_t>{1, 1}, {1, 500}, {300, 1}}) {
    vlp::RandomStream random(1);
    BOOST_TEST((crop(noise(height, width), random).sizes() == at::IntArrayRef{3, 24, 24}));
  }
}

BOOST_AUTO_TEST_CASE(the_whole_image_is_a_plain_resize) {
  const at::Tensor image = noise(40, 40);
  vlp::RandomStream random(1);
  const at::Tensor got = RandomResizedCrop(options({1, 1}, {1, 1}))(image, random);
  BOOST_TEST(got.equal(vlp::resize_bicubic(image, {24, 24}, vlp::ResizeKernel::torchvision)));
}

BOOST_AUTO_TEST_CASE(bad_ranges_are_refused) {
  const auto refused = [](const RandomResizedCrop::Options& bad) {
    return vlp_test::message_of<vlp::RecipeError>([&] { const RandomResizedCrop crop(bad); });
  };
  BOOST_TEST(refused(options({0.5, 0.2}, {1, 1})) ==
             "transform 'random_resized_crop': bad scale (got [0.500000, 0.200000], expected two "
             "numbers in order, above 0 and at most 1). "
             "Mend the recipe.");
  BOOST_TEST(refused(options({0.5, 1.5}, {1, 1})).find("bad scale") != std::string::npos);
  BOOST_TEST(refused(options({0.5}, {1, 1})).find("bad scale (got [0.500000]") !=
             std::string::npos);
  BOOST_TEST(refused(options({0.5, 1}, {0, 1})).find("bad ratio (got [0.000000, 1.000000]") !=
             std::string::npos);
  BOOST_TEST(refused(options({0.5, 1}, {0.75, 1.25})).empty());
}

BOOST_AUTO_TEST_CASE(a_wrong_tensor_is_refused) {
  vlp::RandomStream random(1);
  BOOST_CHECK_EXCEPTION(RandomResizedCrop(options({0.5, 1}, {1, 1}))(at::zeros({1, 2, 2}), random),
                        vlp::ShapeError, [](const vlp::ShapeError& e) {
                          return std::string(e.what()) ==
                                 "random_resized_crop: bad image (got Float [1, 2, 2], expected "
                                 "uint8 [3, H, W]). Put random_resized_crop before normalize.";
                        });
}

BOOST_AUTO_TEST_SUITE_END()
