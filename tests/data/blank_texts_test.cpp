// Captions of which text transforms leave nothing.

#include "vlp/data/blank_texts.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "plugins/transform/pre_caption.hpp"

BOOST_AUTO_TEST_SUITE(blank_texts)

namespace {

using boost::test_tools::per_element;
using vlp::Split;
using Texts = std::vector<std::string>;

/// Three images of training and one of test.
struct Listed {
  static constexpr std::string_view name = "listed";
  std::vector<vlp::ImageRecord> train{{"1", "1.jpg", {"A cat.", "...", "a  dog"}},
                                      {"2", "2.jpg", {"!", "..", "#"}},
                                      {"3", "3.jpg", {":", "three"}, 2}};
  std::vector<vlp::ImageRecord> test{{"4", "4.jpg", {"...", "four"}}};

  [[nodiscard]] std::span<const vlp::ImageRecord> records(Split split) const {
    if (split == Split::train) return train;
    if (split == Split::test) return test;
    return {};
  }
  [[nodiscard]] vlp::CaptionsPerImage captions_per_image() const {
    return vlp::CaptionsPerImage::one;
  }
};

struct Passing {
  vlp::Pipelines transforms;
  Texts notes;

  vlp::AnyDataset dataset() {
    vlp::Console console;
    console.on_note = [this](std::string_view note) { notes.emplace_back(note); };
    return vlp::without_blank_texts(Listed{}, transforms, /*threads=*/2, console);
  }
  static Texts shown_texts(const vlp::AnyDataset& dataset, Split split) {
    Texts lines;
    for (const vlp::ImageRecord& record : dataset.records(split))
      for (const std::string& caption : record.captions)
        lines.push_back(record.image_id.text() + ": " + caption);
    return lines;
  }
};

const Texts kAll{"1: A cat.", "1: ...", "1: a  dog", "2: !", "2: ..", "2: #", "3: :", "3: three"};

}  // namespace

BOOST_FIXTURE_TEST_CASE(captions_stay_as_they_are_without_text_transforms, Passing) {
  BOOST_TEST(shown_texts(dataset(), Split::train) == kAll, per_element());
  BOOST_TEST(notes.empty());
}

BOOST_FIXTURE_TEST_CASE(what_becomes_blank_is_passed_over_and_the_rest_stays_raw, Passing) {
  transforms.train.add(vlp::PreCaption({}));
  const vlp::AnyDataset passed = dataset();
  BOOST_TEST(shown_texts(passed, Split::train) == (Texts{"1: A cat.", "1: a  dog", "3: three"}),
             per_element());
  BOOST_TEST(passed.records(Split::train)[1].repeat == 2);
  BOOST_TEST(passed.records(Split::train)[1].file == "3.jpg");
  BOOST_TEST((passed.captions_per_image() == vlp::CaptionsPerImage::one));
  BOOST_TEST(shown_texts(passed, Split::test) == (Texts{"4: ...", "4: four"}), per_element());
  BOOST_TEST(notes == (Texts{"dataset: the text transforms leave nothing of 5 captions of the "
                             "training split; passed over, the first is of image '1'; left out 1 "
                             "image that has no others"}),
             per_element());
}

BOOST_FIXTURE_TEST_CASE(the_other_splits_follow_the_transforms_of_evaluation, Passing) {
  transforms.evaluate.add(vlp::PreCaption({}));
  const vlp::AnyDataset passed = dataset();
  BOOST_TEST(shown_texts(passed, Split::train) == kAll, per_element());
  BOOST_TEST(shown_texts(passed, Split::test) == (Texts{"4: four"}), per_element());
  BOOST_TEST(notes == (Texts{"dataset: the text transforms leave nothing of 1 caption of the test "
                             "split; passed over, the first is of image '4'"}),
             per_element());
}

BOOST_AUTO_TEST_SUITE_END()
