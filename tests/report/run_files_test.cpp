#include "vlp/report/run_files.hpp"

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(run_files)

BOOST_AUTO_TEST_CASE(every_image_has_a_thumbnail_of_its_own_in_the_folder) {
  std::set<std::string> names;
  for (const char* id :
       {"1.jpg", "1", "a/1.jpg", "a%2f1.jpg", "..", "../1", "a b", "a\tb", "\xc3\xa4"})
    names.insert(vlp::run_files::thumbnail(id));
  BOOST_TEST(names.size() == 9U);
  for (const std::string& name : names) {
    BOOST_TEST(name.starts_with("thumbnails/"));
    BOOST_TEST(name.find('/', 11) == std::string::npos, name);
    BOOST_TEST(name[11] != '.', name);
  }
  BOOST_TEST(vlp::run_files::thumbnail("1000092795.jpg") == "thumbnails/1000092795.jpg.jpg");
}

BOOST_AUTO_TEST_CASE(files_of_an_evaluation_are_called_by_its_epoch_or_its_update) {
  using namespace vlp::run_files;
  BOOST_TEST(captions(evaluation(vlp::Split::validation, 2)) == "captions/validation-2.json");
  BOOST_TEST(rows(evaluation(vlp::Split::test, 0)) == "rows/test-0.jsonl");
  BOOST_TEST(captions(evaluation_at_step(vlp::Split::validation, 500)) ==
             "captions/validation-step-00000500.json");
  BOOST_TEST(rows(evaluation_at_step(vlp::Split::test, 123456789)) ==
             "rows/test-step-123456789.jsonl");
}

BOOST_AUTO_TEST_CASE(a_line_of_an_evaluation_has_a_name_only_if_its_files_are_called_by_an_update) {
  const vlp::Measured measured{
      .images = 2, .loss = 0.5, .losses = {{"lm", 0.5}}, .scores = {{"CIDEr", 0.25}}, .rows = {}};
  const auto line = [&](const std::string& name) {
    return vlp::metrics_json({.split = vlp::Split::validation,
                              .epoch = 2,
                              .step = 40,
                              .measured = measured,
                              .images = {},
                              .captions = {},
                              .name = name})
        .dump();
  };
  const std::string same =
      "{\"epoch\":2,\"step\":40,\"split\":\"validation\",\"metrics\":{\"CIDEr\":0.25,\"loss\":0.5},"
      "\"losses\":{\"lm\":0.5}";
  BOOST_TEST(line("") == same + "}");
  BOOST_TEST(line("validation-step-00000040") == same + ",\"name\":\"validation-step-00000040\"}");
}

BOOST_AUTO_TEST_CASE(scores_come_back_as_they_were_and_what_is_not_finite_as_nan) {
  const vlp::Scores scores{{"CIDEr", 1.0 / 3}, {"Bleu_4", 1e-300}, {"x", std::nan("")}};
  const vlp::Scores back = vlp::scores_of_json(vlp::Json::parse(vlp::scores_json(scores).dump()));
  BOOST_TEST(back.size() == 3U);
  BOOST_TEST(back[0].first == "CIDEr");
  BOOST_TEST(back[0].second == 1.0 / 3);
  BOOST_TEST(back[1].second == 1e-300);
  BOOST_TEST(std::isnan(back[2].second));
}

BOOST_AUTO_TEST_CASE(a_log_line_has_the_keys_that_others_read) {
  vlp::LogLine line;
  line.step = 3;
  line.losses = {{"lm", 2.0}};
  line.grad_norm = std::numeric_limits<double>::infinity();
  line.wait = 0.25;
  line.checkpoint = 0.5;
  line.memory_mb = 12.5;
  BOOST_TEST(vlp::log_json(line).dump() ==
             "{\"step\":3,\"epoch\":0,\"loss\":0.0,\"losses\":{\"lm\":2.0},\"lr\":0.0,"
             "\"grad_norm\":null,\"skipped\":0,\"samples_per_s\":0.0,\"wait\":0.25,"
             "\"checkpoint\":0.5,\"memory_mb\":12.5}");
}

BOOST_AUTO_TEST_CASE(images_that_were_left_out_are_counted_where_there_are_any) {
  vlp::Measured measured{.images = 4, .scores = {{"CIDEr", 0.5}}};
  const auto line = [&] {
    return vlp::metrics_json({.split = vlp::Split::validation,
                              .epoch = 2,
                              .step = 9,
                              .measured = measured,
                              .images = {},
                              .captions = {}})
        .dump();
  };
  const std::string whole =
      "{\"epoch\":2,\"step\":9,\"split\":\"validation\",\"metrics\":{\"CIDEr\":0.5}";
  BOOST_TEST(line() == whole + "}");
  measured.bad = 3;
  BOOST_TEST(line() == whole + ",\"bad\":3}");
  BOOST_TEST(vlp::bad_json({vlp::ImageId::number("17"), "missing", "", 7}).dump() ==
             "{\"image\":17,\"reason\":\"missing\",\"error\":\"\"}");
  BOOST_TEST(vlp::bad_json({"1.jpg", "missing", "d/1.jpg: can't open.", 7}).dump() ==
             "{\"image\":\"1.jpg\",\"reason\":\"missing\",\"error\":\"d/1.jpg: can't open.\"}");
}

BOOST_AUTO_TEST_SUITE_END()
