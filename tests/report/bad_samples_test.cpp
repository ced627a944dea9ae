#include "vlp/report/bad_samples.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"
#include "vlp/core/error.hpp"
#include "vlp/report/run_folder.hpp"

BOOST_AUTO_TEST_SUITE(bad_samples)

namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

vlp::BadSample missing_image(const std::string& name) {
  return {name, "missing", name + ": can't open.", 0};
}

Names names_of(const std::vector<vlp::BadSample>& samples) {
  Names names;
  for (const vlp::BadSample& sample : samples) names.push_back(sample.image_id.text());
  return names;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_image_is_new_once_be_it_in_this_process_or_the_one_before) {
  const ScratchFolder scratch;
  const vlp::RunFolder folder(scratch.path / "run");
  const vlp::BadSampleLimits limits{vlp::OnBad::skip, 0.5, 1000};
  std::vector<vlp::ImageRecord> records;
  for (const char* name : {"1", "2", "3", "4"}) records.push_back({name, name, {"a"}});
  {
    vlp::BadSamples bad(folder, limits);
    const std::vector<vlp::BadSample> found{missing_image("2"), missing_image("9"),
                                            missing_image("2")};
    BOOST_TEST(names_of(bad.add(found)) == (Names{"2", "9"}), boost::test_tools::per_element());
    BOOST_TEST(bad.add(found).empty());
    BOOST_TEST(bad.count() == 2);
    BOOST_TEST(bad.among(records) == (Names{"2"}), boost::test_tools::per_element());
  }
  std::ofstream(scratch.path / "run/bad.jsonl")
      << "{\"image\":\"2\",\"reason\":\"missing\",\"error\":\"e\"}\n"
         "{\"image\":\"9\",\"reason\":\"missing\",\"error\":\"e\"}\n{\"ima";
  vlp::BadSamples resumed(folder, limits);
  const std::vector<vlp::BadSample> found{missing_image("9"), missing_image("3")};
  BOOST_TEST(names_of(resumed.add(found)) == (Names{"3"}), boost::test_tools::per_element());
  BOOST_TEST(resumed.among(records) == (Names{"2", "3"}), boost::test_tools::per_element());
  std::ofstream(scratch.path / "run/bad.jsonl") << "2\n";
  BOOST_CHECK_EXCEPTION((vlp::BadSamples{folder, limits}), vlp::DataError,
                        vlp_test::says("bad.jsonl: can't be understood"));
}

BOOST_AUTO_TEST_CASE(beyond_the_limits_the_error_says_how_many_which_first_and_where_the_list_is) {
  const ScratchFolder scratch;
  const vlp::RunFolder folder(scratch.path / "run");
  const vlp::BadSamples bad(folder, {vlp::OnBad::skip, 0.05, 3});
  bad.require_few(vlp::Split::train, 40, {"1", "2"});
  bad.require_few(vlp::Split::train, 400, {"1", "2", "3"});
  BOOST_TEST(vlp_test::message_of<vlp::DataError>(
                 [&] { bad.require_few(vlp::Split::train, 40, {"1", "2", "3"}); }) ==
             "dataset: 3 of 40 images of the train split are missing or broken (expected at most "
             "2, by dataset.max_bad = 0.05 and dataset.max_bad_images = 3): 1, 2, 3. " +
                 (scratch.path / "run/bad.jsonl").string() +
                 " lists them. Mend them, or raise these limits and go on with --resume.");
  BOOST_CHECK_EXCEPTION(
      bad.require_few(vlp::Split::test, 400, {"1", "2", "3", "4", "5", "6", "7"}), vlp::DataError,
      vlp_test::says("7 of 400 images of the test split are missing or broken (expected at most 3, "
                     "by dataset.max_bad = 0.05 and dataset.max_bad_images = 3): 1, 2, 3, 4, 5 and "
                     "more. "));
}

BOOST_AUTO_TEST_SUITE_END()
