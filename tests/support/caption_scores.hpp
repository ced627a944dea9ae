#pragma once
// Stored captions, cut into words, with the scores that pycocoevalcap gives them.

#include <zlib.h>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/core/random.hpp"
#include "vlp/scoring/caption_set.hpp"

namespace vlp::test {

/// Only the order of sums differs from the reference's: 1e-9 leaves room for scores up to 10 over
/// thousands of images.
inline constexpr double kScoreTolerance = 1e-9;

/// A file's text, gzip or not.
inline std::string read_text(const std::filesystem::path& file) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> in(gzopen(file.c_str(), "rb"), &gzclose);
  BOOST_REQUIRE_MESSAGE(in, "can't open " << file);
  std::string text;
  char buffer[65536];
  for (int got = 0; (got = gzread(in.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

/// A JSON file, gzip or not.
inline nlohmann::json read_json(const std::filesystem::path& file) {
  return nlohmann::json::parse(read_text(file));
}

/// Image ids are numbers in some files and texts in others.
inline std::string image_id(const nlohmann::json& entry) {
  const nlohmann::json& id = entry.at("image_id");
  return id.is_string() ? id.get<std::string>() : id.dump();
}

/// Folders that hold stored scores: the one in VLP_METRICS_DIR, else this project's and, where it
/// is there, the shared one.
inline std::vector<std::filesystem::path> score_folders() {
  if (const char* folder = std::getenv("VLP_METRICS_DIR")) return {folder};
  std::vector<std::filesystem::path> folders{std::filesystem::path(VLP_TEST_DATA) / "metrics"};
  if (const auto shared = std::filesystem::path(VLP_SHARED_DIR) / "metrics";
      std::filesystem::is_directory(shared))
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
      StoredScores set{
          .file = file,
          .captions = {},
          .expected = read_json(std::string(file).replace(part, kPart.size(), ".expected"))};
      for (const auto& row : read_json(entry.path()))
        set.captions.push_back({image_id(row), row.at("hyp").get<std::string>(),
                                row.at("refs").get<std::vector<std::string>>()});
      sets.push_back(std::move(set));
    }
  BOOST_REQUIRE(!sets.empty());
  return sets;
}

/// What a metric says of each image by itself.
template <Metric M>
std::vector<Scores> image_scores(const M& metric, const CaptionSet& captions) {
  const ImageStatistics rows = metric.measure(captions);
  std::vector<Scores> scores;
  for (std::size_t image = 0; image < rows.images(); ++image)
    scores.push_back(metric.scores(rows.row(image)));
  return scores;
}

/// Compares a metric's scores with the stored numbers; `names` gives the stored name of each score.
template <Metric M>
void check_scores(const M& metric, const StoredScores& set,
                  const std::map<std::string, std::string>& names) {
  const CaptionSet captions(set.captions);
  const auto compare = [&](const Scores& scores, const nlohmann::json& row,
                           const std::string& where) {
    BOOST_TEST(scores.size() == names.size());
    for (const auto& [name, score] : scores)
      BOOST_TEST(std::abs(score - row.at(names.at(name)).get<double>()) <= kScoreTolerance,
                 set.file << ", " << where << ", " << name << ": " << score << " differs from "
                          << row.at(names.at(name)));
  };
  compare(scores_of(metric, captions), set.expected.at("scores"), "all images");
  const std::vector<Scores> images = image_scores(metric, captions);
  const nlohmann::json& rows = set.expected.at("per_image");
  BOOST_REQUIRE(images.size() == rows.size());
  for (std::size_t i = 0; i < images.size(); ++i) {
    BOOST_TEST(image_id(rows[i]) == set.captions[i].image_id);
    compare(images[i], rows[i], "image " + set.captions[i].image_id.text());
  }
}

/// Captions of a few words from few, so that n-grams repeat within and between images.
inline std::vector<ScoredCaption> random_captions(std::size_t images, RandomStream random) {
  constexpr const char* kWords[] = {"a",    "the", "man",        "dog",   "red",
                                    "ball", "on",  "2\u00a01/2", "isn't", "\u00e9t\u00e9"};
  const auto caption = [&] {
    std::string text;
    for (std::uint64_t left = random.below(14); left > 0; --left)
      (text += text.empty() ? "" : " ") += kWords[random.below(std::size(kWords))];
    return text;
  };
  std::vector<ScoredCaption> captions;
  for (std::size_t i = 0; i < images; ++i) {
    captions.push_back({std::to_string(i), caption(), {caption()}});
    for (std::uint64_t left = random.below(5); left > 0; --left)
      captions.back().references.push_back(caption());
  }
  return captions;
}

/// Any number of threads gives the same bits, and rows add up to what the whole set gives.
template <Metric M>
void check_threads_and_rows(const M& metric) {
  const std::vector<ScoredCaption> captions = random_captions(101, RandomStream(5));
  const ImageStatistics rows = metric.measure(CaptionSet(captions, 1));
  BOOST_TEST(rows.images() == captions.size());
  for (const std::int64_t threads : {2, 3, 200})
    BOOST_TEST((metric.measure(CaptionSet(captions, threads)).values == rows.values));
  ImageStatistics parts;
  for (std::size_t i = 0; i < rows.images(); ++i) {
    ImageStatistics one(1, rows.columns);
    std::ranges::copy(rows.row(i), one.row(0).begin());
    parts.append(one);
  }
  BOOST_TEST((metric.scores(parts.sums()) == scores_of(metric, CaptionSet(captions))));
}

}  // namespace vlp::test
