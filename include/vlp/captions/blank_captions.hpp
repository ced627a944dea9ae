#pragma once
// Captions without words: nobody can learn from them, nor look for an image by them. Includes no
// torch.

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "vlp/captions/captions_by_image.hpp"
#include "vlp/core/error.hpp"
#include "vlp/text/unicode.hpp"

namespace vlp {

/// What becomes of an image all of whose captions are blank.
enum class AllBlank {
  left_out,  ///< as an image without a caption
  kept,      ///< with its blank captions, so that all images of a comparison remain
};

/// Takes captions out that are nothing but white space; `file.notes` says how many.
/// @throws DataError if images are left out, and none is left
inline void pass_over_blank(CaptionFile& file, AllBlank whole_image) {
  const auto blank = [](const std::string& caption) { return only_white_space(caption); };
  const bool keep = whole_image == AllBlank::kept;
  LeftOut passed, silent, kept;
  std::size_t count = 0;  // of images that stay
  const auto move_down = [&](auto& list, std::size_t from) {
    if (from < list.size()) list[count] = std::move(list[from]);
  };
  const std::size_t before = file.images.size();
  for (std::size_t i = 0; i < before; ++i) {
    ImageCaptions& image = file.images[i];
    const auto blanks = static_cast<std::size_t>(std::ranges::count_if(image.captions, blank));
    const bool all = blanks == image.captions.size();
    if (all && keep) kept.add(image.image_id.text());
    if (!all || !keep)
      for (std::size_t k = 0; k < blanks; ++k) passed.add(image.image_id.text());
    if (all && !keep) {
      silent.add(image.image_id.text());
      continue;
    }
    if (blanks > 0 && !all) std::erase_if(image.captions, blank);
    if (count < i) {
      move_down(file.images, i);
      move_down(file.splits, i);
      move_down(file.files, i);
      move_down(file.second_rows, i);
    }
    ++count;
  }
  if (count < before) {
    const auto shorten = [&](auto& list) {
      if (list.size() > count) list.resize(count);
    };
    shorten(file.images);
    shorten(file.splits);
    shorten(file.files);
    shorten(file.second_rows);
  }
  passed.report(file, "blank captions were passed over");
  silent.report(file, "images with no other captions than blank ones were left out");
  kept.report(file, "images have no other captions than blank ones, and keep them");
  if (before > 0 && count == 0)
    throw DataError(file.name + ": no captions (got " + std::to_string(before) +
                    " images whose captions are all blank, expected at least 1 with words). Is the "
                    "file complete?");
}

}  // namespace vlp
