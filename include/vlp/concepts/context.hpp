#pragma once
// What configuration cannot know: device, precision, seeds, folders, and the sizes that one
// component tells the next.

#include <cstdint>
#include <filesystem>

#include "vlp/concepts/needs.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/device.hpp"
#include "vlp/core/random.hpp"
#include "vlp/core/special_tokens.hpp"

namespace vlp {

/// Sizes that are known only once other components are; 0 = not known yet.
struct Dimensions {
  std::int64_t image_height = 0;     ///< pixels, after the transforms
  std::int64_t image_width = 0;      ///< pixels, after the transforms
  std::int64_t vocabulary_size = 0;  ///< tokens, [DEC] and [ENC] included
  std::int64_t encoder_width = 0;    ///< D of the image states that a decoder attends to
};

/// Handed to the constructor of every component that asks for it.
struct Context {
  DeviceName device;                          ///< where the model is
  Precision precision = Precision::fp32;      ///< of forward passes
  RandomStream seeds{17};                     ///< derive from it: `ctx.seeds.derive("loader")`
  int threads = 1;                            ///< worker threads of the loader and intra-op threads
  std::filesystem::path data_dir = ".";       ///< relative paths in [dataset] start here
  std::filesystem::path share_dir = "share";  ///< files that ship with vlp: vocabularies
  SpecialTokens tokens;                       ///< of the tokenizer
  Dimensions dimensions;                      ///< as far as known
  Needs needs = Needs::nothing;               ///< what the losses will ask the model for
  Console console;                            ///< for notes, warnings, progress
};

}  // namespace vlp
