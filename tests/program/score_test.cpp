// `vlp score` as a user meets it: stored scores from files, what goes where, exit codes, messages.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/process.hpp"

BOOST_AUTO_TEST_SUITE(score_command)

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using vlp_test::Outcome;
using vlp_test::text_of;

/// Only the order of sums differs from the reference's.
constexpr double kTolerance = 1e-9;

Outcome score(std::vector<std::string> arguments, const std::string& environment = {}) {
  arguments.insert(arguments.begin(), {VLP_PROGRAM, "score"});
  return vlp_test::run_process(arguments, environment);
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

fs::path stored(const std::string& name) { return fs::path(VLP_TEST_DATA) / "metrics" / name; }

std::string written(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
  return file.string();
}

/// The hand-made images in COCO's files: references as captions, candidates as results.
struct EdgeCases {
  EdgeCases() {
    Json images = Json::array(), annotations = Json::array(), results = Json::array();
    for (const Json& image : Json::parse(text_of(stored("edge_cases.inputs.json")))) {
      images.push_back({{"id", image.at("image_id")}});
      for (const Json& caption : image.at("refs"))
        annotations.push_back({{"image_id", image.at("image_id")}, {"caption", caption}});
      results.push_back({{"image_id", image.at("image_id")}, {"caption", image.at("hyp")}});
    }
    references = written(folder.path / "references.json",
                         Json{{"images", images}, {"annotations", annotations}}.dump());
    std::ranges::reverse(results);  // the references' order is the one that counts
    candidates = written(folder.path / "candidates.json", results.dump());
    expected = Json::parse(text_of(stored("edge_cases.expected.json")));
  }

  /// Arguments that name both files, then `more`.
  [[nodiscard]] std::vector<std::string> with(const std::vector<std::string>& more) const {
    std::vector<std::string> all{"--references", references, "--candidates", candidates};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  /// What score prints as JSON.
  [[nodiscard]] Json json(std::vector<std::string> more) const {
    more.insert(more.end(), {"--format", "json"});
    const Outcome outcome = score(with(more));
    BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    BOOST_TEST(std::ranges::count(outcome.out, '\n') == 1);
    return Json::parse(outcome.out);
  }

  ScratchFolder folder;
  std::string references, candidates;
  Json expected;
};

const std::vector<std::string> kNames{"Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L", "CIDEr"};

/// JSON lines, one caption a row.
std::string caption_lines(const fs::path& file,
                          const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string text;
  for (const auto& [id, caption] : rows)
    text += Json{{"image_id", id}, {"caption", caption}}.dump() + "\n";
  return written(file, text);
}

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

}  // namespace

// By hand: image 1 matches its only reference with words in every n-gram; image 2 has no words to
// be matched, and a blank answer to an image is an answer.
BOOST_AUTO_TEST_CASE(blank_references_are_passed_over_and_blank_candidates_are_answers) {
  const ScratchFolder folder;
  const std::string five = "a cat on a mat";
  const std::string references = caption_lines(
      folder.path / "r.jsonl", {{"1", five}, {"1", "  "}, {"2", "\u3000"}, {"3", "two dogs"}});
  const std::string candidates =
      caption_lines(folder.path / "c.jsonl", {{"1", five}, {"2", "a bird"}, {"3", " "}});
  const Outcome outcome = score(
      {"--references", references, "--candidates", candidates, "--per-image", "--format", "json"});
  BOOST_TEST_REQUIRE(outcome.code == 0, outcome.err);
  BOOST_TEST(
      says(outcome.err, references + ": 1 blank captions were passed over, the first is '1'.\n" +
                            references +
                            ": 1 images have no other captions than blank ones, and keep "
                            "them, the first is '2'.\n"),
      outcome.err);
  const Json found = Json::parse(outcome.out);
  BOOST_TEST(found["images"] == 3);
  const Json& images = found["per_image"];
  BOOST_TEST(std::abs(images[0]["ROUGE_L"].get<double>() - 1) <= kTolerance);
  for (const std::size_t i : {1U, 2U}) {
    BOOST_TEST(images[i]["ROUGE_L"] == 0.0);
    BOOST_TEST(images[i]["CIDEr"] == 0.0);
  }
}

BOOST_FIXTURE_TEST_CASE(scores_equal_the_stored_ones_over_all_images_and_each, EdgeCases) {
  const Json found = json({"--per-image"});
  BOOST_TEST(keys(found) == (std::vector<std::string>{"scores", "images", "per_image"}),
             boost::test_tools::per_element());
  BOOST_TEST(keys(found["scores"]) == kNames, boost::test_tools::per_element());
  const auto compare = [](const Json& got, const Json& wanted, const std::string& where) {
    for (const std::string& name : kNames)
      BOOST_TEST(
          std::abs(got.at(name).get<double>() - wanted.at(name).get<double>()) <= kTolerance,
          where << ", " << name << ": " << got.at(name) << " differs from " << wanted.at(name));
  };
  compare(found["scores"], expected["scores"], "all");
  BOOST_TEST(found["images"] == expected["per_image"].size());
  BOOST_REQUIRE(found["per_image"].size() == expected["per_image"].size());
  for (std::size_t i = 0; i < found["per_image"].size(); ++i) {
    const Json& image = found["per_image"][i];
    BOOST_TEST(image["image_id"] == expected["per_image"][i]["image_id"]);
    BOOST_TEST(keys(image).front() == "image_id");
    compare(image, expected["per_image"][i], image["image_id"].dump());
  }
}

BOOST_FIXTURE_TEST_CASE(threads_and_metrics_change_no_digit, EdgeCases) {
  const Json all = json({"--threads", "1"});
  BOOST_TEST(json({"--threads", "3"}) == all);
  const Json some = json({"--metrics", "cider,bleu"});
  BOOST_TEST(keys(some["scores"]) ==
                 (std::vector<std::string>{"CIDEr", "Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4"}),
             boost::test_tools::per_element());
  for (const auto& [name, value] : some["scores"].items()) BOOST_TEST(value == all["scores"][name]);
}

BOOST_FIXTURE_TEST_CASE(plain_cider_is_an_option_of_the_metric, EdgeCases) {
  const Json found = json({"--metrics", "cider", "--set", "cider.variant=plain"});
  BOOST_TEST(std::abs(found["scores"]["CIDEr_plain"].get<double>() -
                      expected["scores"]["CIDEr_plain"].get<double>()) <= kTolerance);
}

BOOST_FIXTURE_TEST_CASE(text_is_an_aligned_table_on_stdout_and_notes_go_to_stderr, EdgeCases) {
  const Outcome outcome = score(with({"--per-image"}));
  BOOST_TEST(outcome.code == 0);
  std::istringstream lines(outcome.out);
  std::string line;
  std::size_t width = 0;
  for (const std::string& name : kNames) {
    BOOST_REQUIRE(std::getline(lines, line));
    BOOST_TEST(line.starts_with(name + " "), line);
    BOOST_TEST(std::abs(std::stod(line.substr(name.size())) -
                        expected["scores"][name].get<double>()) < 1e-6,
               "printed with 6 decimals");
    if (width == 0) width = line.size();
    BOOST_TEST(line.size() == width, outcome.out);
  }
  BOOST_TEST((std::getline(lines, line) && line.empty()));
  BOOST_TEST((std::getline(lines, line) && line.starts_with("image ") && says(line, "ROUGE_L")),
             line);
  std::size_t images = 0;
  while (std::getline(lines, line)) ++images;
  BOOST_TEST(images == expected["per_image"].size());
  BOOST_TEST(says(outcome.err, "10 images matched"), outcome.err);
}

BOOST_FIXTURE_TEST_CASE(score_never_opens_libtorch, EdgeCases) {
  const Outcome outcome = score(with({}), "LD_DEBUG=files");
  BOOST_TEST(outcome.code == 0);
  BOOST_TEST(says(outcome.err, "libc.so"), "LD_DEBUG=files lists what is opened");
  BOOST_TEST(!says(outcome.err, "torch"));
  BOOST_TEST(!says(outcome.err, "libc10"));
}

BOOST_FIXTURE_TEST_CASE(intervals_hold_the_scores_and_follow_seed_and_level, EdgeCases) {
  const Json found = json({"--confidence", "0.9"});
  BOOST_TEST(keys(found["confidence"]) == kNames, boost::test_tools::per_element());
  for (const std::string& name : kNames) {
    const double low = found["confidence"][name][0], high = found["confidence"][name][1],
                 value = found["scores"][name];
    BOOST_TEST((low < value && value < high), name << ": " << low << " " << value << " " << high);
  }
  BOOST_TEST(json({"--confidence", "0.9", "--seed", "0", "--resamples", "1000", "--threads",
                   "3"}) == found);
  BOOST_TEST(json({"--confidence", "0.9", "--seed", "1"})["confidence"] != found["confidence"]);
  const Json narrow = json({"--confidence", "0.5"});
  for (const std::string& name : kNames)
    BOOST_TEST(narrow["confidence"][name][0].get<double>() >
               found["confidence"][name][0].get<double>());
  const Outcome text = score(with({"--confidence", "0.9"}));
  BOOST_TEST(says(text.out, "90 % confidence"), text.out);
  BOOST_TEST(says(text.out, " to "), text.out);
}

BOOST_FIXTURE_TEST_CASE(a_baseline_is_compared_image_by_image, EdgeCases) {
  Json worse = Json::parse(text_of(candidates));
  for (Json& row : worse)
    row["caption"] = row["caption"].get<std::string>() + " upside down and out of sight";
  const std::string other = written(folder.path / "worse.json", worse.dump());
  const Json found = json({"--baseline", other});
  const Json baseline = found["baseline"];
  BOOST_TEST(keys(baseline) == (std::vector<std::string>{"scores", "difference", "interval", "p"}),
             boost::test_tools::per_element());
  const Outcome alone =
      score({"--references", references, "--candidates", other, "--format", "json"});
  BOOST_TEST(Json::parse(alone.out)["scores"] == baseline["scores"]);
  for (const std::string& name : kNames) {
    const double difference = baseline["difference"][name], p = baseline["p"][name];
    BOOST_TEST(std::abs(difference - (found["scores"][name].get<double>() -
                                      baseline["scores"][name].get<double>())) <= kTolerance);
    BOOST_TEST((p > 0 && p <= 1));
    BOOST_TEST((baseline["interval"][name][0] <= baseline["interval"][name][1]));
  }
  BOOST_TEST(baseline["p"]["Bleu_1"].get<double>() < 0.05);
  const Json same = json({"--baseline", candidates})["baseline"];
  for (const std::string& name : kNames) {
    BOOST_TEST(same["difference"][name].get<double>() == 0);
    BOOST_TEST(same["p"][name].get<double>() == 1);
  }
  const Outcome text = score(with({"--baseline", other}));
  BOOST_TEST(text.code == 0);
  BOOST_TEST(says(text.out, "difference"), text.out);
}

BOOST_AUTO_TEST_CASE(partial_scores_what_both_files_have_and_says_what_is_left_out) {
  const ScratchFolder folder;
  const std::string references = caption_lines(folder.path / "r", {{"1", "a man rides a red horse"},
                                                                   {"2", "a dog sits down"},
                                                                   {"3", "two cats"},
                                                                   {"1", "a rider"}});
  const std::string candidates =
      caption_lines(folder.path / "c",
                    {{"2", "a dog sits"}, {"1", "a man rides"}, {"4", "a tree"}, {"5", "a bird"}});
  const std::vector<std::string> arguments{"--references", references, "--candidates",
                                           candidates,     "--format", "json"};
  const Outcome refused = score(arguments);
  BOOST_TEST(refused.code == 4);
  BOOST_TEST(refused.out == "");
  BOOST_TEST(says(refused.err, "--partial"), refused.err);
  std::vector<std::string> partial = arguments;
  partial.emplace_back("--partial");
  const Outcome outcome = score(partial);
  BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  const Json found = Json::parse(outcome.out);
  BOOST_TEST(found["images"] == 2);
  BOOST_TEST(found["missing"] == 1);
  BOOST_TEST(found["extra"] == 2);
  BOOST_TEST(says(outcome.err, "2 images matched"), outcome.err);

  const std::string other = caption_lines(folder.path / "b", {{"3", "a cat"}, {"1", "a man"}});
  partial.insert(partial.end(), {"--baseline", other});
  const Outcome different = score(partial);
  BOOST_TEST(different.code == 4);
  BOOST_TEST(says(different.err, "different images"), different.err);
}

BOOST_AUTO_TEST_CASE(splits_and_image_keys_choose_among_karpathys_images) {
  const ScratchFolder folder;
  Json images = Json::array();
  for (const int i : {1, 2, 3}) {
    const std::string number = std::to_string(i);
    images.push_back({{"filename", number + ".jpg"},
                      {"imgid", i - 1},
                      {"cocoid", 10 * i},
                      {"split", i < 3 ? "test" : "train"},
                      {"sentences", {{{"raw", "a dog and " + number + " cats"}}}}});
  }
  const std::string references =
      written(folder.path / "karpathy.json", Json{{"images", images}, {"dataset", "coco"}}.dump());
  const auto ids = [&](const Json& captions, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{
        "--references", references,
        "--candidates", written(folder.path / "c.json", captions.dump()),
        "--per-image",  "--format",
        "json",         "--split",
        "test"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = score(arguments);
    BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    Json ids = Json::array();
    const Json found = Json::parse(outcome.out);
    for (const Json& image : found["per_image"]) ids.push_back(image["image_id"]);
    return ids;
  };
  const auto result = [](const Json& id) { return Json{{"image_id", id}, {"caption", "a dog"}}; };
  BOOST_TEST(ids({result(20), result(10)}, {}) == Json::array({10, 20}), "integers stay integers");
  BOOST_TEST(ids({result("2.jpg"), result("1.jpg")}, {"--image-key", "filename"}) ==
             Json::array({"1.jpg", "2.jpg"}));
  BOOST_TEST(ids({result(0), result(1)}, {"--image-key", "imgid"}) == Json::array({0, 1}));
  BOOST_TEST(ids({result("10"), result(20.0)}, {}) == Json::array({10, 20}),
             "as the references have them");
}

BOOST_AUTO_TEST_CASE(ids_that_are_texts_stay_texts) {
  const ScratchFolder folder;
  const std::string references = caption_lines(folder.path / "r", {{"7", "a dog"}, {"8", "a cat"}});
  const Outcome outcome = score(
      {"--references", references, "--candidates", references, "--per-image", "--format", "json"});
  BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  BOOST_TEST(Json::parse(outcome.out)["per_image"][0]["image_id"] == "7");
}

BOOST_AUTO_TEST_CASE(cider_of_one_image_is_said_to_say_nothing) {
  const ScratchFolder folder;
  const std::string one = caption_lines(folder.path / "r", {{"7", "a dog"}});
  const Outcome outcome = score({"--references", one, "--candidates", one, "--metrics", "cider"});
  BOOST_TEST(outcome.code == 0);
  BOOST_TEST(says(outcome.err, "CIDEr of a single image is 0"), outcome.err);
  BOOST_TEST(says(outcome.err, "--document-frequencies"), outcome.err);
}

BOOST_AUTO_TEST_CASE(what_a_reader_passes_over_is_said_on_stderr) {
  const ScratchFolder folder;
  const Json references{{"images", {{{"id", 1}}, {{"id", 2}}}},
                        {"annotations", {{{"image_id", 1}, {"caption", "a dog"}}}}};
  const Outcome outcome =
      score({"--references", written(folder.path / "r.json", references.dump()), "--candidates",
             caption_lines(folder.path / "c", {{"1", "a dog"}})});
  BOOST_TEST(outcome.code == 0);
  BOOST_TEST(says(outcome.err, "without a caption"), outcome.err);
  BOOST_TEST(!says(outcome.out, "without a caption"));
}

BOOST_FIXTURE_TEST_CASE(document_frequencies_are_written_and_read, EdgeCases) {
  const std::string file = (folder.path / "frequencies.json").string();
  const Json own = json({"--save-document-frequencies", file});
  const Json saved = Json::parse(text_of(file));
  BOOST_TEST(saved["images"] == 10);
  BOOST_TEST(saved["df"]["a boy"] == 3, "in the references of three images");
  BOOST_TEST(json({"--document-frequencies", file}) == own);

  // One image by itself weighs nothing; with the frequencies of many it does.
  const std::string reference = caption_lines(folder.path / "r", {{"1", "a boy kicks a ball"}});
  const std::vector<std::string> one{"--references", reference, "--candidates", reference,
                                     "--metrics",    "cider",   "--format",     "json"};
  BOOST_TEST(Json::parse(score(one).out)["scores"]["CIDEr"].get<double>() == 0);
  std::vector<std::string> weighted = one;
  weighted.insert(weighted.end(), {"--document-frequencies", file});
  BOOST_TEST(std::abs(Json::parse(score(weighted).out)["scores"]["CIDEr"].get<double>() - 10) <=
                 kTolerance,
             "ten for an equal caption");
}

BOOST_FIXTURE_TEST_CASE(mistakes_on_the_command_line_end_with_2_and_say_what_is_right, EdgeCases) {
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& message) {
    const Outcome outcome = score(arguments);
    BOOST_TEST_CONTEXT(message) {
      BOOST_TEST(outcome.code == 2);
      BOOST_TEST(outcome.out == "");
      BOOST_TEST(says(outcome.err, message), outcome.err);
    }
  };
  const std::string there = "there are: bleu, cider, rouge_l, scenes";
  refused({}, "needs --references FILE and --candidates FILE, or --tokens FILE.txt");
  refused({"--references", references}, "--candidates");
  refused(with({"--metrics", "bleu,roug_l"}),
          "no metric named 'roug_l' (did you mean 'rouge_l'?); " + there);
  refused(with({"--metrics", "METEOR"}), "METEOR is not computed here");
  refused(with({"--metrics", "recall"}),
          "'recall' is no score of captions, it ranks texts by images and images by texts");
  refused(with({"--metrics", "meteor"}), there);
  refused(with({"--metrics", "spice"}), "SPICE is not computed here");
  refused(with({"--metrics", "bleu,bleu"}), "'bleu' is named twice");
  for (const char* level : {"0", "1", "-0.5", "95"})
    refused(with({"--confidence", level}), "between 0 and 1");
  refused(with({"--confidence", "nan"}), "between 0 and 1");
  refused(with({"--resamples", "0"}), "--resamples");
  refused(with({"--image-key", "name"}), "--image-key");
  refused(with({"--format", "xml"}), "--format");
  refused(with({"--set", "cider.varint=plain"}),
          "cider.varint: unknown key (did you mean 'variant'?)");
  refused(with({"--set", "cidr.variant=plain"}), "unknown key (did you mean 'cider'?)");
  refused(with({"--set", "cider.variant=fancy"}), "fancy");
  refused(with({"--set", "cider=plain"}), "cider: got \"plain\"");
  refused(with({"--metrics", "bleu", "--document-frequencies", "x.json"}), "only CIDEr uses them");
  refused(with({"file.txt"}), "--tokens");
  refused({"--tokens"}, "--tokens FILE.txt");
  refused({"--tokens=coarse", "x.txt"}, "--tokens=raw FILE.txt");
  refused({"--tokens", "x.txt", "--references", references}, "--tokens");
}

BOOST_FIXTURE_TEST_CASE(files_that_cannot_be_used_end_with_4, EdgeCases) {
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& message) {
    const Outcome outcome = score(arguments);
    BOOST_TEST_CONTEXT(message) {
      BOOST_TEST(outcome.code == 4);
      BOOST_TEST(outcome.out == "");
      BOOST_TEST((outcome.err.starts_with("error: ") || says(outcome.err, "\nerror: ")),
                 outcome.err);
      BOOST_TEST(says(outcome.err, message), outcome.err);
    }
  };
  refused({"--references", "absent.json", "--candidates", candidates}, "absent.json");
  refused({"--references", references, "--candidates",
           written(folder.path / "broken.json", "[{\"image_id\": 1,")},
          "broken.json");
  refused({"--references", written(folder.path / "empty.json", ""), "--candidates", candidates},
          "empty.json");
  refused({"--references", references, "--candidates", written(folder.path / "none.json", "[]")},
          "none.json");
  refused(with({"--document-frequencies", (folder.path / "absent").string()}),
          "document frequencies");
  refused(with({"--document-frequencies", written(folder.path / "bad.json", "{\"images\": 3}")}),
          "bad.json");
  refused(with({"--save-document-frequencies", (folder.path / "absent" / "x.json").string()}),
          "--save-document-frequencies");
  refused({"--tokens", "absent.txt"}, "absent.txt");
  refused({"--tokens", written(folder.path / "latin.txt", "a man\ncaf\xE9\n")},
          "latin.txt:2:4: not UTF-8 (got byte 0xE9");
}

BOOST_AUTO_TEST_CASE(tokens_of_a_text_file_equal_the_reference_tokenizers) {
  for (const std::string name : {"tok_adversarial", "tok_fuzz"}) {
    const std::string captions = stored(name + ".captions.txt").string();
    const Outcome filtered = score({"--tokens", captions}), raw = score({"--tokens=raw", captions});
    const Outcome isolated = score({"--tokens=raw", captions, "--isolated", "--threads", "3"});
    BOOST_TEST(filtered.code == 0);
    BOOST_TEST((filtered.out == text_of(stored(name + ".ptb_tokens.txt"))), name);
    BOOST_TEST((raw.out == text_of(stored(name + ".java_tokens.txt"))), name);
    BOOST_TEST((isolated.out == text_of(stored(name + ".java_tokens_isolated.txt"))), name);
    BOOST_TEST(filtered.err == "");
  }
}

BOOST_AUTO_TEST_CASE(tokens_keep_one_line_a_caption) {
  const ScratchFolder folder;
  // An empty caption, one of punctuation only, one with another line end, a last one without a line
  // feed.
  const std::string file =
      written(folder.path / "captions.txt", "A man.\n\n. , !\ntwo\u2028parts\r\nlast");
  const Outcome outcome = score({"--tokens", file});
  BOOST_TEST(outcome.code == 0);
  BOOST_TEST(outcome.out == "a man\n\n\ntwo parts\nlast\n");
  BOOST_TEST(score({"--tokens", written(folder.path / "empty.txt", "")}).out == "");
}

BOOST_AUTO_TEST_CASE(a_metric_of_a_plugin_is_named_like_any_other) {
  const std::string plugin =
      (fs::path(VLP_BUILD_DIR) / "tests" / "plugins" / "distinct.so").string();
  const ScratchFolder folder;
  const std::string references = written(
      folder.path / "references.jsonl",
      "{\"image_id\":\"1\",\"caption\":\"a dog\"}\n{\"image_id\":\"2\",\"caption\":\"a cat\"}\n");
  const std::string candidates = written(
      folder.path / "candidates.jsonl",
      "{\"image_id\":\"1\",\"caption\":\"A dog.\"}\n{\"image_id\":\"2\",\"caption\":\"a dog\"}\n");
  const std::vector<std::string> files{"--references", references,      "--candidates", candidates,
                                       "--metrics",    "bleu,distinct", "--format",     "json"};
  std::vector<std::string> arguments = files;
  arguments.insert(arguments.end(), {"--plugin", plugin});
  const Outcome outcome = score(arguments);
  BOOST_TEST_REQUIRE(outcome.code == 0, outcome.err);
  const Json scores = Json::parse(outcome.out).at("scores");
  BOOST_TEST(scores.at("Distinct_raw") == 1.0);
  BOOST_TEST(scores.at("Distinct") == 0.5, "tokens have neither capitals nor full stops");
  BOOST_TEST(scores.contains("Bleu_4"));

  const Outcome without = score(files);
  BOOST_TEST(without.code == 2);
  BOOST_TEST(says(without.err, "no metric named 'distinct'"), without.err);
  arguments.back() = "absent.so";
  BOOST_TEST(score(arguments).code == 3);
}

BOOST_AUTO_TEST_SUITE_END()
