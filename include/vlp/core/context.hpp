#pragma once
// What configuration cannot know: device, precision, seeds, folders, and the sizes that one component tells the next.

#include <cstdint>
#include <filesystem>
#include <string>

#include "vlp/core/console.hpp"
#include "vlp/core/needs.hpp"
#include "vlp/core/random.hpp"

namespace vlp {

/// Number format of the forward pass: fp32 everywhere, or autocast to bf16 or fp16.
enum class Precision { fp32, bf16, fp16 };

/// Where tensors live. `index` counts GPUs and is 0 on the CPU.
struct DeviceName {
  /// What computes.
  enum class Type { cpu, cuda };
  Type type = Type::cpu;  ///< CPU or GPU
  int index = 0;          ///< which GPU

  /// `cpu` or `cuda:N`.
  [[nodiscard]] std::string text() const { return type == Type::cpu ? "cpu" : "cuda:" + std::to_string(index); }
  friend bool operator==(const DeviceName&, const DeviceName&) = default;
};

/// Ids of the special tokens; they follow the vocabulary and are never constants.
struct SpecialTokens {
  std::int64_t pad = 0;      ///< [PAD], fills up rows
  std::int64_t unknown = 0;  ///< [UNK]
  std::int64_t cls = 0;      ///< [CLS], what a tokenizer puts first
  std::int64_t sep = 0;      ///< [SEP], ends a text; generation stops there
  std::int64_t mask = 0;     ///< [MASK]
  std::int64_t decode = 0;   ///< [DEC], position 0 of the decoder
  std::int64_t encode = 0;   ///< [ENC], position 0 of the image-grounded encoder
};

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
  std::filesystem::path run_dir;              ///< empty = nothing is written
  std::filesystem::path share_dir = "share";  ///< files that ship with vlp: vocabularies
  SpecialTokens tokens;                       ///< of the tokenizer
  Dimensions dimensions;                      ///< as far as known
  Needs needs = Needs::nothing;               ///< what the losses will ask the model for
  Console console;                            ///< for notes, warnings, progress
};

}  // namespace vlp
