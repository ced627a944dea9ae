// What all transforms have in common once they are values.

#include "vlp/concepts/transform.hpp"

#include <string>
#include <string_view>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"

BOOST_AUTO_TEST_SUITE(transform)

namespace {

/// Makes of each image what it is told to.
struct Given {
  static constexpr std::string_view name = "given";
  at::Tensor operator()(const at::Tensor&, vlp::RandomStream&) const { return made; }
  at::Tensor made;
};

std::string told(const at::Tensor& made) {
  const vlp::AnyTransform transform(Given{made});
  vlp::RandomStream random(1);
  return vlp_test::message_of<vlp::ShapeError>(
      [&] { (void)transform(at::zeros({3, 4, 4}, at::kByte), random); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(bytes_and_float32_of_three_colours_come_through) {
  BOOST_TEST(told(at::ones({3, 1, 9}, at::kByte)) == "");
  BOOST_TEST(told(at::ones({3, 2, 2})) == "");
}

BOOST_AUTO_TEST_CASE(what_is_no_image_is_refused_by_name) {
  BOOST_TEST(told(at::ones({1, 2, 2})) ==
             "transform 'given': gave no image (got Float [1, 2, 2], expected uint8 or float32 "
             "[3, H, W]). Return one image, its channels first.");
  BOOST_TEST(vlp_test::contains(told(at::ones({1, 3, 2, 2})), "(got Float [1, 3, 2, 2], expected"));
  BOOST_TEST(vlp_test::contains(told(at::ones({3, 2, 2}, at::kDouble)), "(got Double [3, 2, 2]"));
  BOOST_TEST(vlp_test::contains(told({}), "(got an undefined tensor, expected"));
}

BOOST_AUTO_TEST_SUITE_END()
