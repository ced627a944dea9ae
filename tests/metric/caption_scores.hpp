#pragma once
// Stored captions, cut into words, with the scores that pycocoevalcap gives them.

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <zlib.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/metric.hpp"

namespace vlp::test {

/// Only the order of sums differs from the reference's: 1e-9 leaves room for scores up to 10 over thousands of images.
inline constexpr double kScoreTolerance = 1e-9;

/// A JSON file, gzip or not.
inline nlohmann::json read_json(const std::filesystem::path& file) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> in(gzopen(file.c_str(), "rb"), &gzclose);
  BOOST_REQUIRE_MESSAGE(in, "can't open " << file);
  std::string text;
  char buffer[65536];
  for (int got = 0; (got = gzread(in.get(), buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(got));
  return nlohmann::json::parse(text);
}

/// Image ids are numbers in some files and texts in others.
inline std::string image_id(const nlohmann::json& entry) {
  const nlohmann::json& id = entry.at("image_id");
  return id.is_string() ? id.get<std::string>() : id.dump();
}

/// Folders that hold stored scores: the one in VLP_METRICS_DIR, else this project's and, where it is there, the shared one.
inline std::vector<std::filesystem::path> score_folders() {
  if (const char* folder = std::getenv("VLP_METRICS_DIR")) return {folder};
  std::vector<std::filesystem::path> folders{std::filesystem::path(VLP_TEST_DATA) / "metrics"};
  if (const auto shared = std::filesystem::path(VLP_SHARED_DIR) / "metrics"; std::filesystem::is_directory(shared))
    folders.push_back(shared);
  return folders;
}

/// One stored set of captions.
struct StoredScores {
  std::string file;
  std::vector<ScoredCaption> captions;
  nlohmann::json expected;
};

inline std::vector<StoredScores> stored_scores() {
  std::vector<StoredScores> sets;
  for (const auto& folder : score_folders())
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      constexpr std::string_view kPart = ".tokenized";
      const std::string file = entry.path().string();
      const std::size_t part = file.rfind(kPart);
      if (part == file.npos) continue;
      StoredScores set{.file = file, .captions = {}, .expected = read_json(std::string(file).replace(part, kPart.size(), ".expected"))};
      for (const auto& row : read_json(entry.path()))
        set.captions.push_back({image_id(row), row.at("hyp").get<std::string>(), row.at("refs").get<std::vector<std::string>>()});
      sets.push_back(std::move(set));
    }
  BOOST_REQUIRE(!sets.empty());
  return sets;
}

template <Metric M>
M filled(M metric, const std::vector<ScoredCaption>& captions) {
  for (const ScoredCaption& caption : captions) metric.add(caption);
  return metric;
}

/// Compares a full metric with the stored numbers; `names` gives the stored name of each score.
template <Metric M>
void check_scores(const M& metric, const StoredScores& set, const std::map<std::string, std::string>& names) {
  const auto compare = [&](const Scores& scores, const nlohmann::json& row, const std::string& where) {
    BOOST_TEST(scores.size() == names.size());
    for (const auto& [name, score] : scores)
      BOOST_TEST(std::abs(score - row.at(names.at(name)).get<double>()) <= kScoreTolerance,
                 set.file << ", " << where << ", " << name << ": " << score << " differs from " << row.at(names.at(name)));
  };
  compare(metric.scores(), set.expected.at("scores"), "all images");
  const std::vector<Scores> images = metric.per_image();
  const nlohmann::json& rows = set.expected.at("per_image");
  BOOST_REQUIRE(images.size() == rows.size());
  for (std::size_t i = 0; i < images.size(); ++i) {
    BOOST_TEST(image_id(rows[i]) == set.captions[i].image_id);
    compare(images[i], rows[i], "image " + set.captions[i].image_id);
  }
}

/// Checks what every caption metric refuses, and that a restored metric goes on as if nothing had happened.
template <Metric M>
void check_errors_and_state(const M& empty, const std::string& name) {
  const auto message = [](auto&& action) {
    try {
      action();
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  M metric = filled(empty, {{"1", "a red ball", {"a red ball", "one ball"}}, {"", "", {""}}, {"x\ny", "a \u00e9", {"the \u00e9"}}});
  BOOST_TEST(message([&] { metric.add({"1", "a", {"a"}}); }) ==
             "metric '" + name + "': image '1' has a second candidate (expected one an image). Remove one of the two.");
  BOOST_TEST(message([&] { metric.add({"2", "a", {}}); }) ==
             "metric '" + name + "': image '2' has no reference (expected at least 1). Leave it out or give it one.");

  State state;
  metric.save(state);
  M restored = filled(empty, {{"other", "a", {"b"}}});
  restored.load(state);
  BOOST_TEST((restored.per_image() == metric.per_image()));
  metric.add({"2", "the red ball", {"a red ball"}});
  restored.add({"2", "the red ball", {"a red ball"}});
  BOOST_TEST((restored.scores() == metric.scores()));
  BOOST_TEST(message([&] { restored.add({"1", "a", {"a"}}); }) != "no error");
  BOOST_CHECK_THROW(restored.load(State()), WeightsError);

  TensorBytes cut = state.tensor("captions");
  cut.bytes = cut.bytes.first(cut.bytes.size() - 1);
  state.put("captions", cut);
  BOOST_CHECK_EXCEPTION(restored.load(state), WeightsError, [](const WeightsError& error) {
    return std::string(error.what()).find("checkpoint: a metric's captions are cut off (got ") == 0;
  });
  BOOST_TEST((restored.scores() == metric.scores()));  // a failed load changes nothing
}

}  // namespace vlp::test
