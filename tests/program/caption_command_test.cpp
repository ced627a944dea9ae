// What `vlp caption` makes of images, lists, options, and of what is wrong with them.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/caption_program.hpp"
#include "vlp/weights/safetensors.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using vlp_test::image;
using vlp_test::json_lines;
using vlp_test::lines_of;
using vlp_test::stored;

/// How often `part` stands in `text`.
std::int64_t count(const std::string& text, const std::string& part) {
  std::int64_t n = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

std::string pixel_values() { return (stored("caption") / "inputs.safetensors").string(); }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(caption_program, vlp_test::ModelFolder)

BOOST_AUTO_TEST_CASE(a_json_line_has_image_captions_text_ids_and_score) {
  const auto outcome = caption({image("01_420.jpg"), "--format", "json", "--prompt", "a picture of",
                                "--beams", "3", "--num-captions", "2"});
  BOOST_TEST_REQUIRE(outcome.code == 0, outcome.err);
  const auto lines = json_lines(outcome);
  BOOST_TEST_REQUIRE(lines.size() == 1U);
  BOOST_TEST(lines[0].size() == 2U);
  BOOST_TEST(lines[0]["image"] == image("01_420.jpg"));
  BOOST_TEST_REQUIRE(lines[0]["captions"].size() == 2U);
  for (const json& c : lines[0]["captions"]) {
    BOOST_TEST(c.size() == 4U);
    BOOST_TEST(c["ended"].is_boolean());
    BOOST_TEST(c["text"].get<std::string>().starts_with("a picture of"));
    BOOST_TEST((std::vector<int>(c["ids"].begin(), c["ids"].begin() + 4) ==
                std::vector<int>{30522, 1037, 3861, 1997}));
    BOOST_TEST(c["score"].get<double>() < 0);
  }
  BOOST_TEST(outcome.out.starts_with("{\"image\":"));
}

BOOST_AUTO_TEST_CASE(broken_images_are_named_once_each_and_the_others_go_on) {
  std::ofstream(folder.path / "text.jpg") << "not a picture";
  const std::string broken = (folder.path / "text.jpg").string(),
                    missing = (folder.path / "missing.png").string();
  const auto outcome = caption({image("01_420.jpg"), broken, missing, image("broken_truncated.jpg"),
                                image("07_rgb.png"), "--batch", "2"});
  BOOST_TEST(outcome.code == 4);
  const auto lines = lines_of(outcome.out);
  BOOST_TEST_REQUIRE(lines.size() == 2U);
  BOOST_TEST(lines[0].starts_with(image("01_420.jpg") + ": "));
  BOOST_TEST(lines[1].starts_with(image("07_rgb.png") + ": "));
  for (const std::string& name : {broken, missing, image("broken_truncated.jpg")})
    BOOST_TEST(count(outcome.err, name) == 1);
}

BOOST_AUTO_TEST_CASE(folders_come_in_sorted_order_as_often_as_they_are_named) {
  const fs::path images = folder.path / "images";
  fs::create_directories(images / "subfolder.jpg");
  for (const char* name : {"b.PNG", "a.jpeg"}) fs::copy_file(image("07_rgb.png"), images / name);
  for (const char* name : {"c.txt", "._a.jpeg", ".DS_Store"}) std::ofstream(images / name) << "x";
  const auto outcome = caption({images.string(), images.string()});
  BOOST_TEST(outcome.code == 0, outcome.err);
  BOOST_TEST(count(outcome.err, images.string() + ": passed over 1 file (.txt) and 1 folder; "
                                                  "--recursive looks into folders") == 2);
  BOOST_TEST(outcome.err.find("DS_Store") == std::string::npos);
  const auto lines = lines_of(outcome.out);
  BOOST_TEST_REQUIRE(lines.size() == 4U);
  for (std::size_t i = 0; i < 4; ++i)
    BOOST_TEST(lines[i].starts_with((images / (i % 2 ? "b.PNG" : "a.jpeg")).string() + ": "));
}

BOOST_AUTO_TEST_CASE(images_of_folders_are_told_by_content_and_those_of_folders_inside_on_request) {
  const fs::path images = folder.path / "images";
  fs::create_directories(images / "a");
  fs::copy_file(image("07_rgb.png"), images / "a" / "z.png");
  fs::copy_file(image("07_rgb.png"), images / "b.jfif");
  fs::copy_file(image("01_420.jpg"), images / "photo");
  fs::copy_file(fs::path(VLP_TEST_DATA) / "image_formats/lossy.webp", images / "c.webp");
  std::ofstream(images / "broken.jpe") << "no picture";
  const std::string broken = (images / "broken.jpe").string();
  const auto outcome = caption({images.string(), "--recursive"});
  BOOST_TEST(outcome.code == 4);
  const auto lines = lines_of(outcome.out);
  BOOST_TEST_REQUIRE(lines.size() == 4U, outcome.err);
  BOOST_TEST(lines[0].starts_with((images / "a/z.png").string() + ": "));
  BOOST_TEST(lines[1].starts_with((images / "b.jfif").string() + ": "));
  BOOST_TEST(lines[2].starts_with((images / "c.webp").string() + ": "));
  BOOST_TEST(lines[3].starts_with((images / "photo").string() + ": "));
  BOOST_TEST(count(outcome.err, "error: " + broken + ": neither JPEG nor PNG nor WebP") == 1);
  BOOST_TEST(count(outcome.err, "passed over") == 0, outcome.err);
}

BOOST_AUTO_TEST_CASE(an_empty_folder_and_a_missing_list_are_named) {
  fs::create_directories(folder.path / "empty");
  const std::string empty = (folder.path / "empty").string(),
                    list = (folder.path / "list.txt").string();
  const auto outcome = caption({empty, image("07_rgb.png"), "--list", list});
  BOOST_TEST(outcome.code == 4);
  BOOST_TEST(lines_of(outcome.out).size() == 1U);
  BOOST_TEST(outcome.err.find(empty + ": no images in this folder (got nothing, expected JPEG, PNG "
                                      "or WebP images)") != std::string::npos);
  BOOST_TEST(outcome.err.find(list + ": the list of images can't be read") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(lists_may_have_blank_lines_and_come_from_standard_input) {
  std::ofstream(folder.path / "list.txt") << "\xEF\xBB\xBF" << image("07_rgb.png") << "\r\n \n\n"
                                          << image("01_420.jpg");
  const auto listed = caption({"--list", (folder.path / "list.txt").string()});
  BOOST_TEST(listed.code == 0, listed.err);
  BOOST_TEST(lines_of(listed.out).size() == 2U);
  BOOST_TEST(listed.out.starts_with(image("07_rgb.png") + ": "));
  const auto piped =
      vlp_test::run_process({"sh", "-c",
                             "cat '" + (folder.path / "list.txt").string() + "' | " + VLP_PROGRAM +
                                 " caption --device cpu --list - --model " + folder.path.string()});
  BOOST_TEST(piped.code == 0, piped.err);
  BOOST_TEST(piped.out == listed.out);
  const auto nothing = caption({"--list", "-"});
  BOOST_TEST(nothing.code == 4);
  BOOST_TEST(nothing.err.find("-: the list names no images") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(missing_files_of_a_list_are_named_and_the_others_go_on) {
  std::ofstream(folder.path / "list.txt") << "missing.png\n" << image("07_rgb.png") << "\nnone.jpg";
  const auto outcome = caption({"--list", (folder.path / "list.txt").string()});
  BOOST_TEST(outcome.code == 4);
  BOOST_TEST(lines_of(outcome.out).size() == 1U);
  for (const char* name : {"missing.png", "none.jpg"})
    BOOST_TEST(count(outcome.err, "error: " + std::string(name) + ": can't open") == 1);
}

BOOST_AUTO_TEST_CASE(a_trace_takes_folders_too_and_stops_at_what_is_no_image) {
  const fs::path images = folder.path / "images";
  fs::create_directories(images / "inside");
  fs::copy_file(image("07_rgb.png"), images / "a.png");
  fs::copy_file(image("01_420.jpg"), images / "inside" / "b");
  const auto trace = [&](std::vector<std::string> words) {
    words.insert(words.begin(),
                 {VLP_PROGRAM, "trace", "--model", folder.path.string(), "--device", "cpu", "--out",
                  (folder.path / "out").string(), "--images", images.string()});
    return vlp_test::run_process(words);
  };
  const auto traced = [&] {
    return vlp::read_safetensors(folder.path / "out").tensor("pixel_values").shape;
  };
  const auto flat = trace({});
  BOOST_TEST_REQUIRE(flat.code == 0, flat.err);
  BOOST_TEST((traced() == std::vector<std::int64_t>{1, 3, 64, 64}));
  BOOST_TEST(count(flat.err, "passed over 1 folder") == 1);
  const auto deep = trace({"--recursive"});
  BOOST_TEST_REQUIRE(deep.code == 0, deep.err);
  BOOST_TEST((traced() == std::vector<std::int64_t>{2, 3, 64, 64}));
  std::ofstream(images / "c.png") << "no picture";
  BOOST_TEST(trace({}).code == 4);
}

BOOST_AUTO_TEST_CASE(names_need_not_be_utf_8) {
  const fs::path odd = folder.path / "caf\xe9.png";
  fs::copy_file(image("07_rgb.png"), odd);
  const auto outcome = caption({odd.string(), "--format", "json"});
  BOOST_TEST(outcome.code == 0, outcome.err);
  BOOST_TEST_REQUIRE(json_lines(outcome).size() == 1U);
  BOOST_TEST(json_lines(outcome)[0]["image"].get<std::string>().ends_with("caf\xef\xbf\xbd.png"));
}

BOOST_AUTO_TEST_CASE(defaults_are_the_models_own_and_options_override_them) {
  const auto ids_of = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--pixel-values", pixel_values(), "--format", "json"});
    const auto outcome = caption(words);
    BOOST_TEST_REQUIRE(outcome.code == 0, outcome.err);
    std::vector<json> ids;
    for (const json& line : json_lines(outcome)) ids.push_back(line["captions"][0]["ids"]);
    return ids;
  };
  const auto longest = [](const std::vector<json>& ids) {
    return std::ranges::max(ids, {}, &json::size).size();
  };
  BOOST_TEST(longest(ids_of({"--min-length", "21"})) ==
             21U);  // transformers' own: [DEC] and 20 new tokens
  BOOST_TEST((ids_of({}) == ids_of({"--beams", "1", "--max-new-tokens", "20"})));
  std::ofstream(folder.path / "generation_config.json")
      << R"({"num_beams": 3, "max_new_tokens": 6, "min_length": 5})";
  BOOST_TEST(longest(ids_of({})) == 7U);
  BOOST_TEST((ids_of({}) == ids_of({"--beams", "3", "--max-length", "7", "--min-length", "5"})));
  BOOST_TEST(longest(ids_of({"--max-length", "20"})) ==
             20U);  // turns the config's max_new_tokens off
}

BOOST_AUTO_TEST_CASE(rules_come_from_the_model_and_from_options) {
  const auto ids_of = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--pixel-values", pixel_values(), "--format", "json"});
    const auto outcome = caption(words);
    BOOST_TEST_REQUIRE(outcome.code == 0, outcome.err);
    std::vector<json> ids;
    for (const json& line : json_lines(outcome)) ids.push_back(line["captions"][0]["ids"]);
    return ids;
  };
  const auto plain = ids_of({});
  const auto ruled = ids_of({"--no-repeat-ngram-size", "2", "--suppress-tokens", "2775, 2600"});
  BOOST_TEST((ruled != plain));
  BOOST_TEST(
      (ids_of({"--bad-words-ids", "[[2775],[2600]]", "--no-repeat-ngram-size", "2"}) == ruled));
  // the vocabulary's words 2775 and 2600
  BOOST_TEST((ids_of({"--bad-words", "child,rock", "--no-repeat-ngram-size", "2"}) == ruled));

  std::ofstream(folder.path / "generation_config.json")
      << R"({"no_repeat_ngram_size": 2, "suppress_tokens": [2775, 2600], "typical_p": 0.5})";
  BOOST_TEST((ids_of({}) == ruled));
  BOOST_TEST((ids_of({"--no-repeat-ngram-size", "0", "--suppress-tokens", "[]"}) == plain));
  const auto outcome = caption({"--pixel-values", pixel_values()});
  BOOST_TEST(outcome.err.find("generation_config.json: typical_p: not supported (got 0.5), left "
                              "aside; captions may differ from transformers'") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(samples_follow_the_seed_and_nothing_else) {
  const std::vector<std::string> images{image("01_420.jpg"), image("07_rgb.png"),
                                        image("03_progressive.jpg")};
  const auto sampled = [&](std::vector<std::string> words, const std::string& seed) {
    // Among all 30,000 words a draw often lies so near the border of two that the last bits of
    // another batch decide it; among twenty it doesn't.
    words.insert(words.end(), {"--sample", "--num-captions", "3", "--top-k", "20", "--seed", seed});
    const auto outcome = caption(words);
    BOOST_TEST_REQUIRE(outcome.code == 0, outcome.err);
    return outcome.out;
  };
  const std::string all = sampled(images, "4");
  BOOST_TEST(lines_of(all).size() == 9U);
  BOOST_TEST(sampled(images, "4") == all);
  BOOST_TEST(sampled(images, "5") != all);
  auto alone = images;
  alone.insert(alone.end(), {"--batch", "1", "--threads", "1"});
  BOOST_TEST(sampled(alone, "4") == all);
  BOOST_TEST(all.find(sampled({images[1]}, "4")) != all.npos);
  const auto twice = lines_of(sampled({images[0], images[0]}, "4"));
  BOOST_TEST((std::vector(twice.begin(), twice.begin() + 3) !=
              std::vector(twice.begin() + 3, twice.end())));
}

BOOST_AUTO_TEST_CASE(a_model_that_samples_does_so_unless_it_is_told_not_to) {
  std::ofstream(folder.path / "generation_config.json")
      << R"({"do_sample": true, "top_k": 0, "max_new_tokens": 8})";
  const auto said = [&](std::vector<std::string> words) {
    words.push_back(image("01_420.jpg"));
    const auto outcome = caption(words);
    BOOST_TEST_REQUIRE(outcome.code == 0, outcome.err);
    return outcome.out;
  };
  BOOST_TEST(said({"--seed", "1"}) != said({"--seed", "2"}));
  BOOST_TEST(said({"--seed", "1", "--sample=false"}) == said({"--seed", "2", "--sample=false"}));
}

BOOST_AUTO_TEST_CASE(old_clean_up_joins_apostrophes) {
  const std::vector<std::string> words{image("07_rgb.png"), "--prompt", "a woman's hat",
                                       "--max-new-tokens", "1"};
  auto old = words;
  old.insert(old.end(), {"--clean-up", "old"});
  BOOST_TEST(caption(words).out.find(": a woman ' s hat") != std::string::npos);
  BOOST_TEST(caption(old).out.find(": a woman's hat") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(preprocessing_can_be_chosen) {
  const auto score = [&](std::vector<std::string> words) {
    words.insert(words.end(), {image("08_rgba.png"), "--format", "json"});
    const auto outcome = caption(words);
    BOOST_TEST_REQUIRE(outcome.code == 0, outcome.err);
    return json_lines(outcome)[0]["captions"][0]["score"].get<double>();
  };
  BOOST_TEST(score({}) == score({"--preprocess", "torchvision"}));  // transparency over white
  BOOST_TEST(score({}) != score({"--preprocess", "pil"}));          // transparency dropped
}

BOOST_AUTO_TEST_CASE(images_on_their_side_are_noted_once_and_turned_on_request) {
  const auto formats = std::filesystem::path(VLP_TEST_DATA) / "image_formats";
  const auto outcome = [&](std::vector<std::string> words) {
    for (const char* name : {"exif_8.jpg", "exif_6.png", "exif_5.webp"})
      words.push_back((formats / name).string());
    auto result = caption(words);
    BOOST_TEST_REQUIRE(result.code == 0, result.err);
    return result;
  };
  const auto stored = outcome({}), upright = outcome({"--orient"});
  BOOST_TEST(
      stored.err.find("3 images lie on their side or are mirrored (EXIF orientation; first " +
                      (formats / "exif_5.webp").string() +
                      ", orientation 5) and are read as stored; --orient turns them "
                      "upright.") != std::string::npos,
      stored.err);
  BOOST_TEST(upright.err.find("EXIF") == std::string::npos, upright.err);
}

BOOST_AUTO_TEST_CASE(a_png_of_a_size_beyond_all_memory_is_refused) {
  const std::string huge =
      (std::filesystem::path(VLP_TEST_DATA) / "image_formats/huge.png").string();
  const auto outcome = caption({huge});
  BOOST_TEST(outcome.code == 4);
  BOOST_TEST(outcome.err.find(huge + ": bad image size (got 2147483647 x 1, expected 1 to "
                                     "178956970 pixels).") != std::string::npos,
             outcome.err);
}

BOOST_AUTO_TEST_CASE(other_precisions_keep_close_to_float32) {
  const auto score = [&](const std::string& precision) {
    const auto outcome = caption({image("07_rgb.png"), "--format", "json", "--max-new-tokens", "1",
                                  "--precision", precision});
    BOOST_TEST_REQUIRE(outcome.code == 0, outcome.err);
    return json_lines(outcome)[0]["captions"][0]["score"].get<double>();
  };
  constexpr double kFewerBits = 0.1;  // 8 bits of mantissa, or of range, through four layers
  BOOST_TEST(std::abs(score("bf16") - score("fp32")) < kFewerBits);
  BOOST_TEST(std::abs(score("int8") - score("fp32")) < kFewerBits);
}

// Whether the end token came before the limit, whatever the search.
BOOST_AUTO_TEST_CASE(a_caption_says_whether_it_has_ended_or_was_cut) {
  for (const std::vector<std::string>& mode :
       std::vector<std::vector<std::string>>{{"--beams", "1"},
                                             {"--beams", "3", "--num-captions", "3"},
                                             {"--beams", "3", "--length-rule", "original"},
                                             {"--sample", "--seed", "3", "--num-captions", "4"}})
    for (const std::string most : {"3", "30"}) {
      std::vector<std::string> words{"--pixel-values", pixel_values(),     "--format",
                                     "json",           "--max-new-tokens", most};
      words.insert(words.end(), mode.begin(), mode.end());
      const auto outcome = caption(words);
      BOOST_TEST_REQUIRE(outcome.code == 0, outcome.err);
      for (const json& line : json_lines(outcome))
        for (const json& c : line["captions"]) {
          constexpr int kSep = 102;
          BOOST_TEST(c["ended"].get<bool>() == (c["ids"].back() == kSep));
          if (!c["ended"].get<bool>()) BOOST_TEST(c["ids"].size() == 1 + std::stoul(most));
        }
    }
}

BOOST_AUTO_TEST_CASE(lengths_that_do_not_work_together_are_told_at_once) {
  const auto outcome = caption({image("07_rgb.png"), "--max-length", "900", "--min-length", "1000",
                                "--num-captions", "2", "--top-k", "5"});
  BOOST_TEST(outcome.code == 2);
  BOOST_TEST(outcome.out.empty());
  for (const std::string text :
       {"--num-captions 2: more than the beams", "Add --sample",
        "--max-length: longer than what the model has positions for (got 900 tokens, [DEC] and "
        "prompt included, expected at most 64)",
        "--min-length: longer than the longest caption (got 1000, expected at most 900 tokens"})
    BOOST_TEST(outcome.err.find(text) != std::string::npos, text << " in " << outcome.err);
}

BOOST_AUTO_TEST_CASE(wrong_usage_exits_with_2_and_says_what_to_do) {
  const std::string one = image("07_rgb.png");
  const std::vector<std::pair<std::vector<std::string>, std::string>> calls{
      {{}, "name images, folders, a --list or --pixel-values"},
      {{one, "--beams", "0"}, "--beams"},
      {{one, "--max-length", "9", "--max-new-tokens", "9"}, "--max-new-tokens"},
      {{one, "--prompt", "a", "--prompt-ids", "30522"}, "--prompt"},
      {{one, "--prompt-ids", "1037,3861"}, "the first id is not [DEC] (got 1037, expected 30522)"},
      {{one, "--prompt-ids", "30522,30524"},
       "outside the vocabulary (got 30524, expected 0 to 30523)"},
      {{one, "--prompt-ids", "30522,x"}, "--prompt-ids"},
      {{one, "--prompt", "a picture of", "--max-length", "4"},
       "--max-length: the prompt fills the caption (got 4 tokens"},
      {{one, "--max-length", "8", "--min-length", "12"},
       "--min-length: longer than the longest caption (got 12, expected at most 8 tokens"},
      {{one, "--num-captions", "2"}, "more than the beams (got 1 beams)"},
      {{one, "--sample", "--beams", "3"}, "beams can't be sampled"},
      {{one, "--top-k", "5"}, "Add --sample"},
      {{one, "--sample", "--top-p", "1.5"}, "--top-p"},
      {{one, "--sample", "--temperature", "0"}, "--temperature"},
      {{one, "--beams", "2", "--length-rule", "original", "--early-stopping", "never"},
       "length_rule original knows no early_stopping never"},
      {{one, "--no-repeat-ngram-size", "-1"}, "--no-repeat-ngram-size"},
      {{one, "--suppress-tokens", "30524"},
       "suppress_tokens: an id is outside the vocabulary (got 30524, expected 0 to 30523)"},
      {{one, "--suppress-tokens", "dog"}, "--suppress-tokens: takes ids"},
      {{one, "--bad-words-ids", "7,8"},
       "--bad-words-ids: generate.bad_words_ids.0: got 7, expected an array"},
      {{one, "--bad-words-ids", "[[]]"}, "bad_words_ids holds an empty sequence"},
      {{one, "--forced-eos-token-id", "7", "--suppress-tokens", "7"},
       "forced_eos_token_id 7 is one of suppress_tokens"},
      {{one, "--min-new-tokens", "3", "--min-length", "3"}, "--min-length"},
      {{one, "--bad-words", "dog, ,"}, "--bad-words"},
      {{one, "--precision", "fp16"}, "needs a GPU"},
      {{one, "--precision", "tf32"}, "--precision tf32: needs a GPU"},
      {{one, "--precision", "fp8"}, "--precision"},
      {{one, "--clean-up", "new"}, "--clean-up"}};
  for (const auto& [words, text] : calls) {
    const auto outcome = caption(words);
    BOOST_TEST(outcome.code == 2, text);
    BOOST_TEST(outcome.out.empty(), text);
    BOOST_TEST(outcome.err.find(text) != std::string::npos,
               "expected \"" << text << "\" in: " << outcome.err);
  }
}

BOOST_AUTO_TEST_CASE(pixel_values_of_another_shape_are_refused) {
  const std::vector<float> zeros(3 * 32 * 32);
  const vlp::TensorBytes small{"F32", {1, 3, 32, 32}, std::as_bytes(std::span(zeros)), nullptr};
  const fs::path file = folder.path / "small.safetensors";
  vlp::write_safetensors(file, {{"pixel_values", small}});
  const auto outcome = caption({"--pixel-values", file.string()});
  BOOST_TEST(outcome.code == 4);
  BOOST_TEST(outcome.err.find(
                 "bad pixel_values (got Float [1, 3, 32, 32], expected Float [B, 3, 64, 64])") !=
                 std::string::npos,
             outcome.err);
  vlp::write_safetensors(file, {{"pixels", small}});
  BOOST_TEST(caption({"--pixel-values", file.string()}).code == 4);
  BOOST_TEST(caption({"--pixel-values", (folder.path / "none.safetensors").string()}).code == 4);
}

BOOST_AUTO_TEST_CASE(a_model_without_vocabulary_takes_and_prints_ids) {
  fs::remove(folder.path / "vocab.txt");
  const auto outcome =
      caption({image("07_rgb.png"), "--prompt-ids", "30522,1037", "--max-new-tokens", "2"});
  BOOST_TEST(outcome.code == 0, outcome.err);
  BOOST_TEST(outcome.out.starts_with(image("07_rgb.png") + ": 30522 1037 "));
  const auto refused = caption({image("07_rgb.png"), "--prompt", "a"});
  BOOST_TEST(refused.code == 2);
  BOOST_TEST(refused.err.find("the model has no vocabulary. Give ids: --prompt-ids 30522,...") !=
                 std::string::npos,
             refused.err);
}

BOOST_AUTO_TEST_SUITE_END()
