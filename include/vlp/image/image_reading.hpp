#pragma once
// How picture files become pixels: the same choice in training and in use. Includes no torch.

#include <tuple>

#include "vlp/image/pixels.hpp"
#include "vlp/recipe/field.hpp"

namespace vlp {

/// What a recipe says of reading pictures, kept with the model.
struct ImageReading {
  AlphaMode transparency = AlphaMode::over_white;
  bool orient = false;

  static constexpr auto fields() {
    return std::tuple{
        field<&ImageReading::transparency>(
            "What becomes of transparency. over_white: blended over a white page, as Hugging "
            "Face's image processors do; drop: the colours as stored, as Pillow's convert does."),
        field<&ImageReading::orient>(
            "Turns pictures upright by their EXIF orientation; Hugging Face's image processors "
            "don't.")};
  }
};

}  // namespace vlp
