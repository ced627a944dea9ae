#pragma once
// Accuracy on the demo's scenes: what a caption says about colours, shapes, number and places
// against what it should say. The truth is read from the references, each of which names every
// object. Includes no torch.

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/demo/scene_captions.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/scoring/caption_set.hpp"

namespace vlp {

/// Pair_F1 and Scene_exact over (colour, shape) pairs; Count_accuracy and Relation_accuracy over
/// the images whose references let one tell, where a caption that does not say counts as wrong. A
/// score without any such image is left out.
class SceneAccuracy {
 public:
  static constexpr std::string_view name = "scenes";
  [[nodiscard]] static std::vector<ScoreName> score_names(const NoOptions&) {
    return {{"Pair_F1"}, {"Scene_exact"}};
  }

  /// A row: 1; pairs said, true, and both; 1 if these three are equal; 1 if the references tell a
  /// count, and if it was right; the same of the relation.
  [[nodiscard]] ImageStatistics measure(const CaptionSet& captions) const {
    return measure_images(captions, kColumns, [&](std::size_t i, std::span<double> row) {
      read(captions.image(i), row);
    });
  }

  /// Pair_F1 is micro-averaged over all pairs of all images; the others are shares of images, 0-1.
  [[nodiscard]] Scores scores(std::span<const double> sums) const {
    const auto share = [](double part, double whole) { return whole > 0 ? part / whole : 0; };
    Scores scores{
        {"Pair_F1", share(2 * sums[kShared], sums[kSaid] + sums[kTrue])},  // = 2PR / (P + R)
        {"Scene_exact", share(sums[kExact], sums[kImages])}};
    if (sums[kCounts] > 0)
      scores.emplace_back("Count_accuracy", sums[kCountsRight] / sums[kCounts]);
    if (sums[kRelations] > 0)
      scores.emplace_back("Relation_accuracy", sums[kRelationsRight] / sums[kRelations]);
    return scores;
  }

 private:
  enum Column : std::size_t {
    kImages,
    kSaid,
    kTrue,
    kShared,
    kExact,
    kCounts,
    kCountsRight,
    kRelations,
    kRelationsRight,
    kColumns
  };

  static void read(const ScoredCaption& image, std::span<double> row) {
    const auto said = read_pairs(image.candidate);
    std::set<ColourShape> truth;
    std::set<std::size_t> counts;
    std::vector<Relation> relations;
    for (const std::string& reference : image.references) {
      truth.merge(read_pairs(reference));
      if (const auto count = read_count(reference)) counts.insert(*count);
      if (const auto relation = read_relation(reference)) relations.push_back(*relation);
    }
    const auto shared = std::count_if(
        said.begin(), said.end(), [&](const ColourShape& pair) { return truth.contains(pair); });
    row[kImages] = 1;
    row[kSaid] = static_cast<double>(said.size());
    row[kTrue] = static_cast<double>(truth.size());
    row[kShared] = static_cast<double>(shared);
    row[kExact] = row[kShared] == row[kSaid] && row[kShared] == row[kTrue];
    if (!counts.empty()) {
      const auto count = read_count(image.candidate);
      row[kCounts] = 1;
      row[kCountsRight] = count && counts.contains(*count);
    }
    if (!relations.empty()) {
      const auto relation = read_relation(image.candidate);
      row[kRelations] = 1;
      row[kRelationsRight] =
          relation && std::find(relations.begin(), relations.end(), *relation) != relations.end();
    }
  }
};
static_assert(Metric<SceneAccuracy>);

}  // namespace vlp

VLP_PLUGIN(scenes, "1.0", vlp::SceneAccuracy);
