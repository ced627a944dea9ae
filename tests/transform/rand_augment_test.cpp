// RandAugment's operations against OpenCV's and Pillow's pixels, and its draws against their
// distribution.

#include "plugins/transform/rand_augment.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/image_fixtures.hpp"
#include "vlp/image/decode.hpp"

BOOST_AUTO_TEST_SUITE(rand_augment)

namespace {

using vlp::Augmentation;

std::vector<std::string> parts_of(const std::string& key) {
  std::vector<std::string> parts{""};
  for (const char c : key)
    if (c == '/')
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

Augmentation named(const std::string& name) {
  const auto& names = vlp::EnumNames<Augmentation>::table;
  return static_cast<Augmentation>(std::ranges::find(names, name) - names.begin());
}

/// [H, W, 3] to [3, H, W], interleaved.
at::Tensor planes(const at::Tensor& image) { return image.permute({2, 0, 1}); }

at::Tensor noise(std::int64_t height, std::int64_t width) {
  at::manual_seed(11);
  return at::randint(0, 256, {3, height, width}, at::TensorOptions(at::kByte));
}

/// All that two operations at magnitude 5 can make of an image, at most each once.
at::Tensor once(const at::Tensor& image, Augmentation operation, bool opposite) {
  return vlp::to_tensor(vlp::augmented(vlp::to_pixels(image, "test"), operation, 5, opposite));
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_operation_equals_the_reference_to_the_bit) {
  const auto tensors = vlp::test::read_tensors(std::filesystem::path(VLP_TEST_DATA) / "transforms" /
                                               "expected.safetensors");
  int compared = 0;
  for (const auto& [key, expected] : tensors) {
    const std::vector<std::string> parts = parts_of(key);
    if (parts.front() == "crop" || parts.size() != 4) continue;
    const at::Tensor image = planes(tensors.at(parts[0] + "/image"));
    const vlp::Pixels got = vlp::augmented(vlp::to_pixels(image, "test"), named(parts[1]),
                                           std::stod(parts[2]), parts[3] == "-");
    BOOST_REQUIRE_EQUAL(got.byte_count(), static_cast<std::size_t>(expected.numel()));
    const auto* want = static_cast<const std::uint8_t*>(expected.const_data_ptr());
    std::size_t differing = 0;
    for (std::size_t i = 0; i < got.byte_count(); ++i) differing += got.rgb[i] != want[i] ? 1 : 0;
    BOOST_TEST(differing == 0U,
               key << ": " << differing << " of " << got.byte_count() << " levels differ");
    ++compared;
  }
  BOOST_TEST(compared == 183);
}

BOOST_AUTO_TEST_CASE(at_magnitude_five_brightness_and_sharpness_change_nothing) {
  const at::Tensor image = noise(13, 9);
  for (const Augmentation operation :
       {Augmentation::identity, Augmentation::brightness, Augmentation::sharpness})
    BOOST_TEST(once(image, operation, false).equal(image));
}

BOOST_AUTO_TEST_CASE(translation_is_in_pixels_whatever_the_size) {
  for (const std::int64_t width : {20, 60}) {
    const at::Tensor image = noise(16, width);
    const at::Tensor left = once(image, Augmentation::translate_x, false);  // by -5
    BOOST_TEST(left.slice(2, 0, width - 5).equal(image.slice(2, 5)));
    BOOST_TEST(left.slice(2, width - 5).eq(128).all().item<bool>());
    const at::Tensor down = once(image, Augmentation::translate_y, true);
    BOOST_TEST(down.slice(1, 5).equal(image.slice(1, 0, 11)));
    BOOST_TEST(down.slice(1, 0, 5).eq(128).all().item<bool>());
  }
}

BOOST_AUTO_TEST_CASE(operations_are_drawn_uniformly_and_half_of_them_applied) {
  // Of one draw at magnitude 5 three of ten operations change nothing; the others give six pictures
  // of 1/20 in two directions each, and two of 1/20. Nothing changes in 1/2 + 3/20.
  const at::Tensor image = noise(24, 24)
                               .div(2, "floor")
                               .add(40)
                               .to(at::kByte);  // so that autocontrast has something to do
  std::vector<std::pair<at::Tensor, double>> outcomes{{image, 0.65}};
  for (const Augmentation operation : {Augmentation::autocontrast, Augmentation::equalize})
    outcomes.emplace_back(once(image, operation, false), 0.05);
  for (const Augmentation operation :
       {Augmentation::shear_x, Augmentation::shear_y, Augmentation::translate_x,
        Augmentation::translate_y, Augmentation::rotate})
    for (const bool opposite : {false, true})
      outcomes.emplace_back(once(image, operation, opposite), 0.025);

  constexpr int kDraws = 6000;
  constexpr double kChiSquare =
      32.91;  // 12 degrees of freedom, exceeded by chance once in 1,000 times
  const vlp::RandAugment transform({.operations = 1, .magnitude = 5});
  const vlp::RandomStream seeds(2024);
  std::vector<int> counts(outcomes.size());
  for (int i = 0; i < kDraws; ++i) {
    vlp::RandomStream random = seeds.derive(static_cast<std::uint64_t>(i));
    const at::Tensor out = transform(image, random);
    const auto found = std::ranges::find_if(
        outcomes, [&](const auto& outcome) { return outcome.first.equal(out); });
    BOOST_REQUIRE(found != outcomes.end());
    ++counts[static_cast<std::size_t>(found - outcomes.begin())];
  }
  double chi_square = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = kDraws * outcomes[i].second;
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  BOOST_TEST(chi_square < kChiSquare);
}

BOOST_AUTO_TEST_CASE(draws_come_in_the_documented_order) {
  const at::Tensor image = noise(17, 23);
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    vlp::RandomStream random(seed), again(seed);
    const at::Tensor got = vlp::RandAugment({.operations = 3, .magnitude = 4})(image, random);
    vlp::Pixels expected = vlp::to_pixels(image, "test");
    std::array<Augmentation, 3> drawn;
    for (Augmentation& operation : drawn) operation = static_cast<Augmentation>(again.below(10));
    for (const Augmentation operation : drawn) {
      if (again.uniform() > 0.5) continue;
      const bool geometric = operation >= Augmentation::shear_x;
      const bool opposite = geometric && again.uniform() > 0.5;
      expected = vlp::augmented(std::move(expected), operation, 4, opposite);
    }
    BOOST_TEST(got.equal(vlp::to_tensor(std::move(expected))));
    BOOST_TEST(random.next() == again.next());
  }
}

BOOST_AUTO_TEST_CASE(no_operation_is_no_change) {
  const at::Tensor image = noise(5, 4);
  vlp::RandomStream random(1);
  BOOST_TEST(vlp::RandAugment({.operations = 0, .magnitude = 5})(image, random).equal(image));
}

BOOST_AUTO_TEST_CASE(the_input_is_not_changed_and_memory_layout_does_not_matter) {
  const at::Tensor planar = noise(21, 19), copy = planar.clone();
  const at::Tensor interleaved = planar.permute({1, 2, 0}).contiguous().permute({2, 0, 1}),
                   interleaved_copy = interleaved.clone();
  const vlp::RandAugment transform({.operations = 4, .magnitude = 9});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    vlp::RandomStream one(seed), two(seed);
    BOOST_TEST(transform(planar, one).equal(transform(interleaved, two)));
  }
  BOOST_TEST(planar.equal(copy));
  BOOST_TEST(interleaved.equal(interleaved_copy));
}

BOOST_AUTO_TEST_CASE(a_wrong_tensor_is_refused) {
  vlp::RandomStream random(1);
  BOOST_CHECK_EXCEPTION(
      vlp::RandAugment({.operations = 2, .magnitude = 5})(at::zeros({3, 2, 2}), random),
      vlp::ShapeError, [](const vlp::ShapeError& e) {
        return std::string(e.what()) ==
               "rand_augment: bad image (got Float [3, 2, 2], expected uint8 [3, H, W]). Put "
               "rand_augment before normalize.";
      });
}

BOOST_AUTO_TEST_SUITE_END()
