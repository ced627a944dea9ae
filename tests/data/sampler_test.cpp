#include "vlp/data/sampler.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(sampler)

using vlp::CaptionsPerImage;
using vlp::epoch_rows;
using vlp::ImageRecord;
using vlp::RandomStream;
using vlp::SampleRow;

namespace {

std::vector<ImageRecord> make_records(std::size_t count, std::size_t captions) {
  std::vector<ImageRecord> records(count);
  for (ImageRecord& record : records) record.captions.assign(captions, "a caption");
  return records;
}

std::multiset<std::pair<std::int64_t, std::int64_t>> as_set(const std::vector<SampleRow>& rows) {
  std::multiset<std::pair<std::int64_t, std::int64_t>> set;
  for (const SampleRow& row : rows) set.emplace(row.record, row.caption);
  return set;
}

const RandomStream kRandom(17);

}  // namespace

BOOST_AUTO_TEST_CASE(all_gives_every_caption_once) {
  const auto records = make_records(4, 5);
  const auto in_order = epoch_rows(records, CaptionsPerImage::all, false, kRandom, 0);
  BOOST_REQUIRE_EQUAL(in_order.size(), 20);
  for (std::int64_t i = 0; i < 20; ++i)
    BOOST_TEST((in_order[static_cast<std::size_t>(i)] == SampleRow{i / 5, i % 5}));
  const auto shuffled = epoch_rows(records, CaptionsPerImage::all, true, kRandom, 0);
  BOOST_TEST((shuffled != in_order));
  BOOST_TEST((as_set(shuffled) == as_set(in_order)));
}

BOOST_AUTO_TEST_CASE(one_draws_a_caption_of_each_image_anew_each_epoch) {
  const auto records = make_records(50, 5);
  const auto first = epoch_rows(records, CaptionsPerImage::one, false, kRandom, 0),
             second = epoch_rows(records, CaptionsPerImage::one, false, kRandom, 1);
  BOOST_REQUIRE_EQUAL(first.size(), 50);
  std::set<std::int64_t> captions;
  for (std::size_t i = 0; i < first.size(); ++i) {
    BOOST_TEST(first[i].record == static_cast<std::int64_t>(i));
    captions.insert(first[i].caption);
  }
  BOOST_TEST(captions.size() ==
             5);  // 50 draws miss one of 5 with probability below 1e-4; the seed is fixed
  BOOST_TEST((first != second));
}

BOOST_AUTO_TEST_CASE(the_order_depends_on_seed_and_epoch_only) {
  const auto records = make_records(10, 5);
  const auto rows = [&](std::uint64_t seed, std::int64_t epoch) {
    return epoch_rows(records, CaptionsPerImage::all, true, RandomStream(seed), epoch);
  };
  BOOST_TEST((rows(1, 2) == rows(1, 2)));
  BOOST_TEST((rows(1, 2) != rows(1, 3)));
  BOOST_TEST((rows(1, 2) != rows(2, 2)));
}

BOOST_AUTO_TEST_CASE(images_without_captions_have_no_rows) {
  auto records = make_records(3, 2);
  records[1].captions.clear();
  for (const auto mode : {CaptionsPerImage::all, CaptionsPerImage::one}) {
    const auto rows = epoch_rows(records, mode, false, kRandom, 0);
    BOOST_TEST(static_cast<std::int64_t>(rows.size()) == vlp::rows_per_epoch(records, mode));
    BOOST_TEST(std::ranges::none_of(rows, [](const SampleRow& row) { return row.record == 1; }));
  }
}

BOOST_AUTO_TEST_SUITE_END()
