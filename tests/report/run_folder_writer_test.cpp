#include "vlp/report/run_folder_writer.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(run_folder_writer)

namespace {

using Places = std::vector<std::size_t>;

struct Images {
  std::vector<vlp::CaptionedImage> captions;
  std::vector<vlp::ImageScores> rows;

  explicit Images(const std::vector<double>& scores) {
    for (const double score : scores) {
      captions.push_back({nullptr, "a cat", 0});
      rows.push_back({"x", {{"CIDEr", score}, {"Bleu_1", 1 - score}}});
    }
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(images_are_shown_from_all_over_the_split) {
  const Images images(std::vector<double>(10, 0.5));
  BOOST_TEST(vlp::shown_images(images.captions, {}, 3, 0) == (Places{0, 3, 6}),
             boost::test_tools::per_element());
  BOOST_TEST(vlp::shown_images(images.captions, {}, 99, 0).size() == 10U);
  BOOST_TEST(vlp::shown_images({}, {}, 3, 3).empty());
  BOOST_TEST(vlp::shown_images(images.captions, images.rows, 0, 0).empty());
}

BOOST_AUTO_TEST_CASE(the_best_and_the_worst_by_the_first_score_are_shown_once) {
  const Images images({0.3, 0.9, 0.1, 0.5, 0.9, 0.2});
  BOOST_TEST(vlp::shown_images(images.captions, images.rows, 0, 1) == (Places{1, 2}),
             boost::test_tools::per_element());
  BOOST_TEST(vlp::shown_images(images.captions, images.rows, 1, 2) == (Places{0, 1, 2, 4, 5}),
             boost::test_tools::per_element());
  BOOST_TEST(vlp::shown_images(images.captions, images.rows, 6, 12).size() == 6U);
  BOOST_TEST(vlp::shown_images(images.captions, {}, 0, 2).empty());
}

BOOST_AUTO_TEST_SUITE_END()
