#include "vlp/report/console_writer.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(console_writer)

BOOST_AUTO_TEST_CASE(a_run_begins_with_device_dataset_and_model) {
  std::vector<std::string> notes;
  vlp::Console console;
  console.on_note = [&](std::string_view text) { notes.emplace_back(text); };
  const std::vector<vlp::ImageRecord> records(3);
  vlp::RunStart start;
  start.dataset = "flickr30k";
  start.model = "blip";
  start.weights = "random weights";
  start.parameters = 1'260'000;
  start.splits[0] = records;
  start.threads = 2;
  const vlp::ConsoleWriter writer(console);
  writer.begin(start);
  BOOST_TEST(notes == (std::vector<std::string>{
                          "device cpu, 2 threads",
                          "dataset flickr30k: 3 / 0 / 0 images for training / validation / test",
                          "model blip: 1.3 M parameters, random weights"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(progress_says_epoch_speed_loss_and_time_left) {
  vlp::Progress seen;
  std::string task;
  vlp::Console console;
  console.on_progress = [&](const vlp::Progress& now) { seen = now, task = now.task; };
  vlp::LogLine line;
  line.step = 30;
  line.steps = 90;
  line.epoch = 2;
  line.epochs = 5;
  line.loss = 1.25;
  line.samples_per_s = 8;
  line.seconds_left = 12;
  vlp::ConsoleWriter(console).log(line);
  BOOST_TEST(task == "epoch 2/5");
  BOOST_TEST(seen.done == 30);
  BOOST_TEST(seen.total == 90);
  BOOST_TEST(seen.loss == 1.25);
  BOOST_TEST(seen.seconds_left == 12);
}

BOOST_AUTO_TEST_CASE(the_first_skipped_image_is_told_and_at_the_end_how_many_there_were) {
  std::vector<std::string> said;
  vlp::Console console;
  console.on_note = [&](std::string_view text) { said.emplace_back(text); };
  console.on_warning = console.on_note;
  vlp::ConsoleWriter writer(console);
  writer.bad_sample({"1.jpg", "missing", "d/1.jpg: can't open. Check the path.", 0});
  writer.bad_sample({"2.jpg", "undecodable", "d/2.jpg: truncated.", 1});
  vlp::Report report;
  writer.end({.report = report, .captions = {}});
  report.bad = 2;
  writer.end({.report = report, .captions = {}});
  report.bad = 1;
  writer.end({.report = report, .captions = {}});
  BOOST_TEST(said == (std::vector<std::string>{
                         "image '1.jpg' is skipped, missing: d/1.jpg: can't open. Check the path. "
                         "bad.jsonl in the run folder lists it, and further ones",
                         "2 images were skipped as missing or broken; bad.jsonl lists them",
                         "1 image was skipped as missing or broken; bad.jsonl lists it"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_epoch_shows_its_losses_its_first_scores_and_the_one_that_chooses) {
  vlp::Measured measured;
  measured.loss = 5.678;
  measured.losses = {{"itc", 1.234}, {"itc.i2t", 9}, {"lm", 4.444}};
  for (int i = 0; i < 12; ++i) measured.scores.emplace_back("S" + std::to_string(i), i);
  const std::string chooser = "S11";
  BOOST_TEST(vlp::epoch_text({.epoch = 2, .step = 90, .measured = measured, .chooser = chooser}) ==
             "epoch 2: step 90, validation loss 5.6780 (itc 1.2340, lm 4.4440), S0 0.0000, "
             "S1 1.0000, S2 2.0000, S3 3.0000, S4 4.0000, S5 5.0000, S6 6.0000, S7 7.0000, "
             "S8 8.0000, S11 11.0000");
  const vlp::Measured nothing;
  BOOST_TEST(vlp::epoch_text(
                 {.epoch = 1, .step = 45, .measured = nothing, .chooser = chooser, .best = true}) ==
             "epoch 1: step 45, best so far");
}

BOOST_AUTO_TEST_SUITE_END()
