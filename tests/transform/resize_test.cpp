// Decoded images through resize and normalize, against torchvision's and Pillow's numbers.

#include "plugins/transform/resize.hpp"

#include <algorithm>
#include <filesystem>
#include <string>

#include <ATen/ops/abs.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randint.h>
#include <boost/test/unit_test.hpp>

#include "plugins/transform/normalize.hpp"
#include "tests/support/image_fixtures.hpp"
#include "vlp/image/decode.hpp"

BOOST_AUTO_TEST_SUITE(resize)

namespace {

constexpr double kOneLevel = 0.0151;  // 1 / 255 / the smallest std
constexpr double kRounding = 1e-5;    // float32 of numbers up to about 2

struct Distance {
  double largest = 0;
  double share_beyond_rounding = 0;  ///< of all values, the worst image's
};

/// Compares every fixture under `suffix` with what one kernel makes of it.
Distance compare_all(const std::string& suffix, vlp::ResizeKernel kernel) {
  Distance worst;
  int compared = 0;
  for (const auto& [key, expected] :
       vlp::test::read_tensors(vlp::test::image_fixtures() / "expected.safetensors")) {
    const auto slash = key.find('/');
    const std::string file = key.substr(0, slash), what = key.substr(slash + 1);
    // 16-bit grey saturates in Pillow; files with wrong checksums are refused.
    if (!what.starts_with(suffix) || file == "10_grey16.png" || file.starts_with("broken"))
      continue;
    const auto alpha =
        suffix.ends_with("torchvision") ? vlp::AlphaMode::over_white : vlp::AlphaMode::drop;
    vlp::RandomStream random(1);
    const vlp::Resize resize({.size = expected.size(2), .kernel = kernel});
    const vlp::Normalize normalize{vlp::Normalize::Options{}};
    at::Tensor got = normalize(
        resize(vlp::decode_image(vlp::test::image_fixtures() / file, {.transparency = alpha}),
               random),
        random);
    if (const auto every = what.find(".every_"); every != std::string::npos)
      got = got.slice(1, 0, got.size(1), std::stoi(what.substr(every + 7)));
    BOOST_REQUIRE(got.sizes() == expected.sizes());
    const at::Tensor difference = (got - expected).abs();
    worst.largest = std::max(worst.largest, difference.max().item<double>());
    worst.share_beyond_rounding =
        std::max(worst.share_beyond_rounding,
                 difference.gt(kRounding).to(at::kDouble).mean().item<double>());
    BOOST_TEST_MESSAGE(key << ": largest " << difference.max().item<double>()
                           << ", beyond rounding "
                           << difference.gt(kRounding).to(at::kDouble).mean().item<double>());
    ++compared;
  }
  BOOST_TEST(compared == 12);
  return worst;
}

at::Tensor interleaved(const at::Tensor& planar) {
  return planar.permute({1, 2, 0}).contiguous().permute({2, 0, 1});
}

}  // namespace

BOOST_AUTO_TEST_CASE(torchvision_kernel_reproduces_torchvision) {
  const Distance worst = compare_all("pixel_values_torchvision", vlp::ResizeKernel::torchvision);
  BOOST_TEST(worst.share_beyond_rounding <= 0.001);
  BOOST_TEST(worst.largest <= kOneLevel);
}

BOOST_AUTO_TEST_CASE(pillow_kernel_reproduces_pillow_to_the_bit) {
  const Distance worst = compare_all("pixel_values_pil", vlp::ResizeKernel::pillow);
  BOOST_TEST(worst.share_beyond_rounding == 0);
  BOOST_TEST(worst.largest <= kRounding);
}

BOOST_AUTO_TEST_CASE(the_two_kernels_differ_by_at_most_two_levels) {
  BOOST_TEST(compare_all("pixel_values_pil", vlp::ResizeKernel::torchvision).largest <=
             2 * kOneLevel);
}

BOOST_AUTO_TEST_CASE(memory_layout_does_not_matter) {
  const at::Tensor planar = at::randint(0, 256, {3, 41, 29}, at::TensorOptions(at::kByte));
  vlp::RandomStream random(1);
  for (const auto kernel : {vlp::ResizeKernel::torchvision, vlp::ResizeKernel::pillow}) {
    const vlp::Resize resize({.size = 17, .kernel = kernel});
    BOOST_TEST(resize(planar, random).equal(resize(interleaved(planar), random)));
  }
}

BOOST_AUTO_TEST_CASE(a_plain_surface_stays_plain) {
  vlp::RandomStream random(1);
  for (const auto kernel : {vlp::ResizeKernel::torchvision, vlp::ResizeKernel::pillow}) {
    const at::Tensor out = vlp::Resize({.size = 50, .kernel = kernel})(
        at::full({3, 7, 90}, 93, at::TensorOptions(at::kByte)), random);
    BOOST_TEST(out.eq(93).all().item<bool>());
    BOOST_TEST((out.sizes() == at::IntArrayRef{3, 50, 50}));
  }
}

BOOST_AUTO_TEST_CASE(the_output_size_is_known_before_any_image) {
  const vlp::AnyTransform resize =
      vlp::Resize({.size = 224, .kernel = vlp::ResizeKernel::torchvision});
  BOOST_TEST(resize.output_size().height == 224);
  BOOST_TEST(resize.output_size().width == 224);
}

BOOST_AUTO_TEST_CASE(a_wrong_tensor_is_refused) {
  vlp::RandomStream random(1);
  const at::Tensor wrong = at::full({1, 2, 2}, 0.5, at::TensorOptions(at::kFloat));
  BOOST_CHECK_EXCEPTION(
      vlp::Resize({.size = 4, .kernel = vlp::ResizeKernel::pillow})(wrong, random), vlp::ShapeError,
      [](const vlp::ShapeError& e) {
        return std::string(e.what()) ==
               "resize: bad image (got Float [1, 2, 2], expected uint8 [3, H, W]). Put resize "
               "before normalize.";
      });
}

BOOST_AUTO_TEST_SUITE_END()
