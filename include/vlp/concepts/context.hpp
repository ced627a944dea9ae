#pragma once
// What configuration cannot know: the machine, folders, and the sizes that one component tells the
// next. Includes no torch.

#include <cstdint>
#include <filesystem>

#include "vlp/concepts/bad_sample.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/concepts/peers.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/device.hpp"
#include "vlp/core/random.hpp"
#include "vlp/core/special_tokens.hpp"
#include "vlp/core/stop.hpp"

namespace vlp {

/// Sizes that are known only once other components are; 0 = not known yet.
struct Dimensions {
  std::int64_t image_height = 0;     ///< pixels, after the transforms
  std::int64_t image_width = 0;      ///< pixels, after the transforms
  std::int64_t vocabulary_size = 0;  ///< tokens, [DEC] and [ENC] included
  std::int64_t encoder_width = 0;    ///< D of the image states that a decoder attends to
};

/// What computes.
struct Machine {
  DeviceName device;                      ///< where the model is
  Precision precision = Precision::fp32;  ///< of forward passes
  int threads = 1;                        ///< of the loader and within one operation
  Peers peers;                            ///< processes that train together
  Console console;                        ///< for notes, warnings, progress
  Stop stop;                              ///< tells when to end early

  /// To be called between batches of an evaluation. Of several processes none ends alone: they go
  /// on until all can be told.
  /// @throws InterruptedError if it is time to end
  void end_if_asked() const {
    if (peers.size() == 1) stop.check();
  }
};

/// Where files are.
struct Folders {
  std::filesystem::path data = ".";       ///< relative paths in [dataset] start here
  std::filesystem::path share = "share";  ///< files that ship with vlp: vocabularies
};

/// What is known of the parts that are put together.
struct Facts {
  RandomStream seeds{17};  ///< derive from it: `facts.seeds.derive("loader")`
  SpecialTokens tokens;    ///< of the tokenizer
  Dimensions dimensions;   ///< as far as known
  Parts needs;             ///< what the losses will ask the model for
  BadSampleLimits bad;     ///< how many images may be missing or broken
};

/// Handed to the constructor of every component that asks for it.
struct Context {
  Machine machine;
  Folders folders;
  Facts facts;
};

}  // namespace vlp
