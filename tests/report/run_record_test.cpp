// What a run folder tells: written by the observer that writes it, and by older or broken programs.

#include "vlp/report/run_record.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch_folder.hpp"
#include "vlp/core/error.hpp"
#include "vlp/image/encode.hpp"
#include "vlp/image/read.hpp"
#include "vlp/report/run_files.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/report/run_folder_writer.hpp"

BOOST_AUTO_TEST_SUITE(run_record)

namespace {

namespace fs = std::filesystem;

/// A run of three images that is told to a folder, event by event.
struct Told {
  ScratchFolder scratch;
  std::vector<vlp::ImageRecord> records;
  std::vector<vlp::CaptionedImage> captions;
  fs::path path = scratch.path / "run";

  Told() {
    for (int i = 0; i < 3; ++i) {
      const fs::path file = scratch.path / (std::to_string(i) + ".jpg");
      const std::vector<std::uint8_t> rgb(3 * 600 * 400, static_cast<std::uint8_t>(60 * i));
      vlp::write_jpeg(file, {.rgb = rgb, .height = 400, .width = 600});
      records.push_back({std::to_string(i) + ".jpg", file.string(), {"a dog", "the dog"}});
    }
    for (const vlp::ImageRecord& record : records) captions.push_back({&record, "a cat", 0});
  }

  [[nodiscard]] vlp::Measured measured() const {
    vlp::Measured found{.images = 3,
                        .loss = 2.0 / 3,
                        .losses = {{"lm", 2.0 / 3}},
                        .scores = {{"CIDEr", 0.1}},
                        .rows = {}};
    for (std::size_t i = 0; i < records.size(); ++i)
      found.rows.push_back({records[i].image_id, {{"CIDEr", static_cast<double>(i) / 7}}});
    return found;
  }

  /// @param ends  whether the run comes to its end
  void tell(bool ends) const {
    const vlp::RunFolder folder(path);
    const vlp::RunFolderWriter writer(folder, 2);
    vlp::RunStart start;
    start.recipe = "[run]\ntask = \"train\"\nseed = 17\n";
    start.splits[2] = records;
    start.data_dir = ".";
    start.built = {{"torch", "2.11.0"}};
    writer.begin(start);
    vlp::LogLine line;
    line.step = 10;
    line.epoch = 1;
    line.loss = 1.0 / 3;
    line.losses = {{"lm", 1.0 / 3}};
    line.lr = 1e-5;
    writer.log(line);
    writer.log(line);
    const vlp::Measured found = measured();
    writer.evaluation({.split = vlp::Split::test,
                       .epoch = 1,
                       .step = 10,
                       .measured = found,
                       .images = records,
                       .captions = captions});
    vlp::Report report;
    report.folder = path;
    report.split = "test";
    report.measured = found;
    report.baseline = {{"CIDEr", 0.05}};
    report.baseline_caption = "a dog";
    report.history.best_epoch = 1;
    report.contact_sheet = path / "contact_sheet.png";
    if (ends) writer.end({.report = report, .captions = captions});
  }

  void append(const std::string& name, const std::string& text) const {
    std::ofstream(path / name, std::ios::app) << text;
  }
};

bool refuses(const fs::path& folder, const std::string& words) {
  try {
    (void)vlp::read_run(folder);
  } catch (const vlp::DataError& error) {
    BOOST_TEST_INFO(error.what());
    return std::string(error.what()).find(words) != std::string::npos;
  }
  return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_finished_run_comes_back_as_it_was_told) {
  const Told told;
  told.tell(true);
  const vlp::RunRecord run = vlp::read_run(told.path);
  BOOST_TEST(run.finished());
  BOOST_TEST(run.notes.empty());
  BOOST_TEST(run.environment.at("torch") == "2.11.0");
  BOOST_TEST(run.splits.size() == 3U);
  BOOST_TEST(run.splits.at(2).second == (std::vector<vlp::ImageId>{"0.jpg", "1.jpg", "2.jpg"}),
             boost::test_tools::per_element());
  BOOST_TEST(run.log.size() == 2U);
  BOOST_TEST(run.log.at(0).loss == 1.0 / 3);
  BOOST_TEST(run.log.at(0).lr == 1e-5);

  const vlp::RecordedEvaluation* test = run.evaluation(vlp::Split::test, 1);
  BOOST_TEST_REQUIRE(test);
  BOOST_TEST((test->measured == told.measured()));
  BOOST_TEST(test->captions.size() == 3U);
  BOOST_TEST((test->captions.at(2) == vlp::RecordedCaption{"2.jpg", "a cat"}));
  BOOST_TEST(!run.evaluation(vlp::Split::validation, 1));
  BOOST_TEST((run.final_evaluation() == test));

  BOOST_TEST((run.scores->split == vlp::Split::test));
  BOOST_TEST(run.scores->best_epoch == 1);
  BOOST_TEST(run.scores->measured.images == 3);
  BOOST_TEST((run.scores->measured.scores == told.measured().scores));
  BOOST_TEST(run.scores->baseline_caption == "a dog");

  const auto references = vlp::read_references(run, vlp::Split::test);
  BOOST_TEST(references.size() == 3U);
  BOOST_TEST(references.at(1).first == "1.jpg");
  BOOST_TEST(references.at(1).second == (std::vector<std::string>{"a dog", "the dog"}),
             boost::test_tools::per_element());
  for (const vlp::ImageRecord& record : told.records) {
    const fs::path thumbnail = run.thumbnail(record.image_id);
    BOOST_TEST_REQUIRE(!thumbnail.empty());
    const vlp::Pixels pixels = vlp::read_pixels(thumbnail);
    BOOST_TEST(pixels.width == 256);
    BOOST_TEST(pixels.height == 171);
  }
  BOOST_TEST(run.thumbnail("9.jpg").empty());
}

BOOST_AUTO_TEST_CASE(ids_keep_their_type_in_every_file) {
  Told told;
  told.records[1].image_id = vlp::ImageId::number("1001");
  told.records[2].image_id = "1002";
  told.tell(true);
  const auto ids = [&](const std::string& file, const char* key) {
    std::vector<vlp::Json> found;
    std::ifstream stream(told.path / file);
    for (vlp::Json json; stream >> std::ws && !stream.eof();) {
      stream >> json;
      for (const vlp::Json& row : json.is_array() ? json : vlp::Json::array({json}))
        found.push_back(row.at(key));
    }
    return found;
  };
  const std::vector<vlp::Json> expected{"0.jpg", 1001, "1002"};
  BOOST_TEST((ids("captions/test-1.json", "image_id") == expected));
  BOOST_TEST((ids("rows/test-1.jsonl", "image_id") == expected));
  const vlp::Json references = ids("references/test.json", "images").at(0);
  BOOST_TEST(references.at(1).at("id") == 1001);
  BOOST_TEST(references.at(2).at("id") == "1002");
  BOOST_TEST(ids("references/test.json", "annotations").at(0).at(2).at("image_id") == 1001);
  BOOST_TEST(ids("split.json", "test").at(0) == vlp::Json(expected));

  const vlp::RunRecord run = vlp::read_run(told.path);
  BOOST_TEST(run.splits.at(2).second.at(1).is_number());
  BOOST_TEST(run.evaluation(vlp::Split::test, 1)->captions.at(1).image_id.is_number());
  BOOST_TEST(!run.evaluation(vlp::Split::test, 1)->measured.rows.at(2).image_id.is_number());
  BOOST_TEST(vlp::read_references(run, vlp::Split::test).at(1).first.is_number());
}

BOOST_AUTO_TEST_CASE(skipped_images_come_back_and_have_no_references) {
  const Told told;
  told.tell(false);
  const vlp::RunFolder folder(told.path, {.goes_on = true});
  const vlp::RunFolderWriter writer(folder, 2);
  const vlp::BadSample bad{"1.jpg", "undecodable", "d/1.jpg: truncated.", 1};
  writer.bad_sample(bad);
  vlp::Measured found;
  found.images = 2;
  found.bad = 1;
  found.scores = {{"CIDEr", 0.25}};
  const std::vector<vlp::CaptionedImage> captions{told.captions[0], told.captions[2]};
  writer.evaluation({.split = vlp::Split::validation,
                     .epoch = 1,
                     .step = 10,
                     .measured = found,
                     .images = told.records,
                     .captions = captions,
                     .bad = {&bad, 1}});
  vlp::Report report;
  report.split = "validation";
  report.measured = found;
  writer.end({.report = report, .captions = captions});

  const vlp::RunRecord run = vlp::read_run(told.path);
  BOOST_TEST_REQUIRE(run.bad.size() == 1U);
  BOOST_TEST((run.bad[0] == vlp::BadSample{"1.jpg", "undecodable", "d/1.jpg: truncated.", 0}));
  BOOST_TEST(run.evaluation(vlp::Split::validation, 1)->measured.bad == 1);
  BOOST_TEST(run.evaluation(vlp::Split::test, 1)->measured.bad == 0);
  BOOST_TEST(run.scores->measured.bad == 1);
  BOOST_TEST(run.scores->measured.images == 2);
  const auto references = vlp::read_references(run, vlp::Split::validation);
  BOOST_TEST_REQUIRE(references.size() == 2U);
  BOOST_TEST(references.at(0).first == "0.jpg");
  BOOST_TEST(references.at(1).first == "2.jpg");
}

BOOST_AUTO_TEST_CASE(a_run_that_was_killed_is_read_as_far_as_it_came) {
  const Told told;
  told.tell(false);
  told.append("log.jsonl", "{\"step\": 20, \"ep");
  const vlp::RunRecord run = vlp::read_run(told.path);
  BOOST_TEST(!run.finished());
  BOOST_TEST(run.log.size() == 2U);
  BOOST_TEST(run.notes.size() == 1U);
  BOOST_TEST(run.notes.at(0).find("log.jsonl:3: the last line was cut off") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(evaluations_within_one_epoch_keep_their_files_apart) {
  const Told told;
  told.tell(false);
  {
    const vlp::RunFolder folder(told.path, vlp::RunFolderOptions{.goes_on = true});
    const vlp::RunFolderWriter writer(folder, 2);
    vlp::Measured found = told.measured();
    const auto evaluated = [&](vlp::Split split, std::int64_t step, std::int64_t weights) {
      std::vector<vlp::CaptionedImage> captions = told.captions;
      captions.back().caption = "the cat of " + std::to_string(weights);
      found.rows.back().scores.front().second = static_cast<double>(weights);
      writer.evaluation({.split = split,
                         .epoch = 1,
                         .step = step,
                         .measured = found,
                         .images = told.records,
                         .captions = captions,
                         .name = vlp::run_files::evaluation_at_step(split, weights)});
    };
    evaluated(vlp::Split::validation, 4, 4);
    evaluated(vlp::Split::validation, 8, 8);
    evaluated(vlp::Split::test, 8, 4);
    vlp::Report report;
    report.folder = told.path;
    report.split = "test";
    report.measured = found;
    report.history.best_epoch = 1;
    report.history.best_step = 4;
    writer.end({.report = report, .captions = told.captions});
  }
  const vlp::RunRecord run = vlp::read_run(told.path);
  BOOST_TEST_REQUIRE(run.evaluations.size() == 4U);
  BOOST_TEST(run.evaluations[0].name == "test-1");
  BOOST_TEST(run.evaluations[1].name == "validation-step-00000004");
  BOOST_TEST(run.evaluations[1].captions.back().caption == "the cat of 4");
  BOOST_TEST(run.evaluations[1].measured.rows.back().scores.front().second == 4.0);
  BOOST_TEST(run.evaluations[2].captions.back().caption == "the cat of 8");
  BOOST_TEST(run.evaluations[2].measured.rows.back().scores.front().second == 8.0);
  BOOST_TEST((run.evaluation(vlp::Split::validation, 1) == &run.evaluations[2]));
  BOOST_TEST((run.final_evaluation() == &run.evaluations[3]));
  BOOST_TEST(run.final_evaluation()->captions.back().caption == "the cat of 4");
  BOOST_TEST(run.scores->best_step == 4);
}

BOOST_AUTO_TEST_CASE(a_folder_of_before_rows_were_kept_is_read) {
  const Told told;
  told.tell(true);
  for (const char* name : {"rows", "references", "thumbnails"}) fs::remove_all(told.path / name);
  const vlp::RunRecord run = vlp::read_run(told.path);
  BOOST_TEST(run.finished());
  BOOST_TEST(run.evaluations.at(0).measured.rows.empty());
  BOOST_TEST(run.evaluations.at(0).measured.images == 3);
  BOOST_TEST(vlp::read_references(run, vlp::Split::test).empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_run_or_cannot_be_understood_is_named) {
  const Told told;
  told.tell(true);
  BOOST_TEST(refuses(told.scratch.path, "no run folder (it has no recipe.toml)"));
  told.append("metrics.jsonl",
              "{\"epoch\": 2, \"step\": 20, \"split\": \"exam\", \"metrics\": {}}\n");
  BOOST_TEST(refuses(told.path, "metrics.jsonl:2: can't be understood"));
  fs::remove(told.path / "metrics.jsonl");
  told.append("log.jsonl", "{\"step\": 20}\n");
  BOOST_TEST(refuses(told.path, "log.jsonl:3: can't be understood"));
}

BOOST_AUTO_TEST_SUITE_END()
