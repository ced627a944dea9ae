#pragma once
// The images that a command was given, preprocessed for a model that was opened, in batches.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "src/shared/command.hpp"
#include "src/shared/terminal.hpp"
#include "src/torch/caption_images.hpp"
#include "vlp/assemble/open_model.hpp"
#include "vlp/data/pipeline.hpp"
#include "vlp/image/decode.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/report/run_folder.hpp"

namespace vlp {

/// The command's images, lists and rows of pixels, for a model's encoder.
class ModelImages {
 public:
  /// @param command   must outlive this
  /// @param opened    the model; must outlive this
  /// @param registry  holds the model's transforms
  /// @param terminal  hears of images that can't be read and of what folders hold besides images;
  ///                  must outlive this
  /// @throws RecipeError  if --preprocess doesn't apply to the model
  /// @throws DataError    if the pixel values can't be read or don't fit the model
  ModelImages(const ImageCommand& command, const OpenedModel& opened, const Registry& registry,
              Terminal& terminal);

  /// Reads all images in their order. What can't be read is one line on the terminal.
  /// @param use  gets up to --batch images of one size
  /// @return     how many images, folders and lists could not be read
  std::int64_t for_each_batch(const std::function<void(std::span<const ReadImage>)>& use) const;

  /// [B, 3, H, W] on the model's device.
  [[nodiscard]] at::Tensor pixels(std::span<const ReadImage> batch) const;

 private:
  ImageReading choose_preprocessing(const Registry& registry);
  [[nodiscard]] at::Tensor read(const NamedImage& named) const;

  const ImageCommand& command_;
  const OpenedModel& opened_;
  Terminal& terminal_;
  Pipeline transforms_;
  ImageFiles files_;
  at::Tensor rows_;  // of --pixel-values: a view into the file
};

/// What JSON lines call an image: its path as given, or its row's number.
[[nodiscard]] Json json_name(const NamedImage& named);

/// What messages call an image.
[[nodiscard]] std::string shown_name(const NamedImage& named);

/// One line of JSON on standard output. Bytes that are no UTF-8, which names of files may have, are
/// replaced.
void print_json_line(const Json& line);

/// Hands what was printed on. @param command  for the message  @throws Error if standard output
/// can't be written
void flush_output(std::string_view command);

}  // namespace vlp
