#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vlp/captions/captions_by_image.hpp"
#include "vlp/captions/match_captions.hpp"
#include "vlp/captions/problems.hpp"
#include "vlp/concepts/metric.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"

namespace vlp {

namespace detail {

inline void check_single(const CaptionFile& candidates) {
  Problems problems;
  for (std::size_t i = 0; i < candidates.images.size(); ++i) {
    const ImageCaptions& image = candidates.images[i];
    if (image.captions.size() == 1) continue;
    problems.add([&] {
      const bool has_place = candidates.format != CaptionFormat::kaggle_csv;
      return candidates.name + ": image '" + printable(image.image_id.text()) +
             "' has several captions (got " + std::to_string(image.captions.size()) +
             (has_place ? ", the second in " + candidates.row_name(candidates.second_rows[i])
                        : "") +
             ", expected 1 candidate an image). Keep one of them.";
    });
  }
  problems.raise_if_any(candidates.name);
}

/// "2 of the images of refs.json are not in cands.json ('1', '2')"
inline std::string unmatched(std::size_t count, const std::vector<std::string>& ids,
                             const std::string& here, const std::string& there) {
  std::string text =
      std::to_string(count) + " of the images of " + here + " are not in " + there + " (";
  for (std::size_t i = 0; i < ids.size(); ++i)
    text += (i > 0 ? ", '" : "'") + printable(ids[i]) + "'";
  return text + (count > ids.size() ? ", ...)" : ")");
}

inline std::string match_summary(const MatchedCaptions& matched, const CaptionFile& references,
                                 const CaptionFile& candidates) {
  std::string text;
  if (matched.missing > 0)
    text = unmatched(matched.missing, matched.first_missing, references.name, candidates.name);
  if (matched.extra > 0)
    text += (text.empty() ? "" : "; ") +
            unmatched(matched.extra, matched.first_extra, candidates.name, references.name);
  return text;
}

}  // namespace detail

VLP_INLINE MatchedCaptions match_captions(CaptionFile references, CaptionFile candidates,
                                          bool partial) {
  detail::check_single(candidates);
  std::unordered_map<std::string_view, std::size_t> index;
  index.reserve(candidates.images.size());
  for (std::size_t i = 0; i < candidates.images.size(); ++i)
    index.emplace(candidates.images[i].image_id.text(), i);

  MatchedCaptions matched;
  std::set<std::string_view> splits, matched_splits;
  std::vector<bool> used(candidates.images.size());
  matched.images.reserve(std::min(references.images.size(), candidates.images.size()));
  for (std::size_t i = 0; i < references.images.size(); ++i) {
    ImageCaptions& image = references.images[i];
    const auto found = index.find(image.image_id.text());
    if (!references.splits.empty()) splits.insert(references.splits[i]);
    if (found == index.end()) {
      if (matched.missing++ < MatchedCaptions::kNamed)
        matched.first_missing.push_back(image.image_id.text());
      continue;
    }
    if (!references.splits.empty()) matched_splits.insert(references.splits[i]);
    used[found->second] = true;
    matched.images.push_back({std::move(image.image_id),
                              std::move(candidates.images[found->second].captions[0]),
                              std::move(image.captions)});
  }
  for (std::size_t i = 0; i < used.size(); ++i)
    if (!used[i] && matched.extra++ < MatchedCaptions::kNamed)
      matched.first_extra.push_back(candidates.images[i].image_id.text());

  const bool choice = references.format == CaptionFormat::karpathy;
  if (matched.images.empty())
    throw DataError(candidates.name + ": no image has references in " + references.name +
                    " (got image ids such as '" + printable(matched.first_extra.at(0)) +
                    "', expected such as '" + printable(matched.first_missing.at(0)) +
                    "'). Give both files the same ids" +
                    (choice ? ", or choose the field that names an image with --image-key cocoid, "
                              "filename or imgid, or another --split."
                            : "."));
  if (partial || matched.missing + matched.extra == 0) return matched;
  std::string message = candidates.name + ": does not match the references (got " +
                        std::to_string(matched.images.size()) +
                        " images that are in both files, expected all; " +
                        detail::match_summary(matched, references, candidates) + "). ";
  if (splits.size() > 1 && matched_splits.size() == 1)
    message += "All that match are in one split: --split " + printable(*matched_splits.begin()) +
               " takes its references only. ";
  throw DataError(message + "--partial scores the images that match.");
}

}  // namespace vlp
