#pragma once
// Accuracy on the demo's scenes: what a caption says about colours, shapes, number and places against what it should
// say. The truth is read from the references, each of which names every object. Includes no torch.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/core/error.hpp"
#include "vlp/data/scene_captions.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// Pair_F1 and Scene_exact over (colour, shape) pairs; Count_accuracy and Relation_accuracy over the images whose
/// references let one tell, where a caption that does not say counts as wrong. A score without any such image is left out.
class SceneAccuracy {
 public:
  static constexpr std::string_view name = "scenes";

  /// Reads one caption and its references.
  void add(const ScoredCaption& caption) {
    const auto said = read_pairs(caption.candidate);
    std::set<ColourShape> truth;
    std::set<std::size_t> counts;
    std::vector<Relation> relations;
    for (const std::string& reference : caption.references) {
      truth.merge(read_pairs(reference));
      if (const auto count = read_count(reference)) counts.insert(*count);
      if (const auto relation = read_relation(reference)) relations.push_back(*relation);
    }
    Image image;
    image.said = static_cast<std::int64_t>(said.size());
    image.true_pairs = static_cast<std::int64_t>(truth.size());
    image.shared = std::count_if(said.begin(), said.end(), [&](const ColourShape& pair) { return truth.contains(pair); });
    if (const auto count = read_count(caption.candidate); !counts.empty()) image.count = count && counts.contains(*count);
    if (const auto relation = read_relation(caption.candidate); !relations.empty())
      image.relation = relation && std::find(relations.begin(), relations.end(), *relation) != relations.end();
    images_.push_back(image);
  }

  /// Pair_F1 is micro-averaged over all pairs of all images; the others are shares of images, 0-1.
  [[nodiscard]] Scores scores() const { return scores_of(images_.begin(), images_.end()); }
  /// The same of each image by itself.
  [[nodiscard]] std::vector<Scores> per_image() const {
    std::vector<Scores> scores;
    for (auto image = images_.begin(); image != images_.end(); ++image) scores.push_back(scores_of(image, image + 1));
    return scores;
  }

  void save(State& state) const {
    std::ostringstream text;
    for (const Image& image : images_)
      text << image.said << ' ' << image.true_pairs << ' ' << image.shared << ' ' << code(image.count) << ' ' << code(image.relation)
           << '\n';
    state.put("images", text.str());
  }
  /// @throws WeightsError if the state was not written by `save`
  void load(const State& state) {
    images_.clear();
    std::istringstream text(state.text("images"));
    int count = 0, relation = 0;
    for (Image image; text >> image.said;) {
      if (!(text >> image.true_pairs >> image.shared >> count >> relation))
        throw WeightsError("checkpoint: the scenes metric's images are cut short. Use another checkpoint.");
      image.count = decoded(count);
      image.relation = decoded(relation);
      images_.push_back(image);
    }
    if (!text.eof()) throw WeightsError("checkpoint: the scenes metric's images can't be read. Use another checkpoint.");
  }

 private:
  struct Image {
    std::int64_t said = 0;        ///< pairs in the candidate
    std::int64_t true_pairs = 0;  ///< pairs in the scene
    std::int64_t shared = 0;      ///< pairs in both
    std::optional<bool> count;    ///< right or wrong; nothing = the references do not tell
    std::optional<bool> relation;
  };
  using Iterator = std::vector<Image>::const_iterator;

  static int code(std::optional<bool> right) { return right ? (*right ? 1 : 0) : -1; }
  static std::optional<bool> decoded(int value) { return value < 0 ? std::nullopt : std::optional(value != 0); }

  static Scores scores_of(Iterator begin, Iterator end) {
    double said = 0, truth = 0, shared = 0, exact = 0, counts = 0, counts_right = 0, relations = 0, relations_right = 0;
    for (auto image = begin; image != end; ++image) {
      said += static_cast<double>(image->said);
      truth += static_cast<double>(image->true_pairs);
      shared += static_cast<double>(image->shared);
      exact += image->shared == image->said && image->shared == image->true_pairs;
      counts += image->count.has_value();
      counts_right += image->count.value_or(false);
      relations += image->relation.has_value();
      relations_right += image->relation.value_or(false);
    }
    const auto images = static_cast<double>(end - begin);
    Scores scores{{"Pair_F1", said + truth > 0 ? 2 * shared / (said + truth) : 0},  // = 2PR / (P + R)
                  {"Scene_exact", images > 0 ? exact / images : 0}};
    if (counts > 0) scores.emplace_back("Count_accuracy", counts_right / counts);
    if (relations > 0) scores.emplace_back("Relation_accuracy", relations_right / relations);
    return scores;
  }

  std::vector<Image> images_;
};
static_assert(Metric<SceneAccuracy>);

}  // namespace vlp

VLP_PLUGIN(scenes, "1.0", vlp::SceneAccuracy);
