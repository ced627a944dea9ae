#include "src/torch/model_images.hpp"

#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "vlp/assemble/open.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/error.hpp"
#include "vlp/image/resample.hpp"
#include "vlp/nn/device.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

namespace {

namespace fs = std::filesystem;

/// The transforms of evaluation, with another rounding where they resize. @throws RecipeError if
/// none of them does
Pipeline with_kernel(Plan plan, ResizeKernel kernel, const Registry& registry, Context ctx) {
  bool found = false;
  for (TransformUse& use : plan.transform) {
    Value table = use.write();
    Entry* option = table.as<Table>()->find("kernel");
    if (!option || use.extra.when == When::train) continue;
    found = true;
    option->value = Value(std::string(EnumNames<ResizeKernel>::of(kernel)));
    Diagnostics problems;
    ReadContext read{problems, &registry};
    OptionType<TransformUse>::read(table, "transform", use, {}, read);
    problems.throw_if_any();
  }
  if (!found)
    throw RecipeError("--preprocess: none of the model's transforms resizes images. Leave it out.");
  return build_transforms(plan, ctx).evaluate;
}

/// Images that somebody else has preprocessed, [B, 3, H, W].
/// @param size  of the model's images; zeros = any
/// @throws DataError if the file can't be read or holds no such tensor
at::Tensor read_pixel_values(const fs::path& file, ImageSize size) {
  at::Tensor pixels;
  try {
    pixels = tensor_view(read_safetensors(file).tensor("pixel_values"));
  } catch (const WeightsError& error) {
    throw DataError(error.what());
  }
  const bool any = size.height == 0;
  if (pixels.dim() == 4 && pixels.size(1) == 3 && pixels.scalar_type() == at::kFloat &&
      (any || (pixels.size(2) == size.height && pixels.size(3) == size.width)))
    return pixels;
  throw DataError(fmt::format(
      "{}: bad pixel_values (got {} {}, expected Float [B, 3, {}, {}]). Preprocess the images for "
      "this model.",
      file.string(), c10::toString(pixels.scalar_type()), shape_text(pixels.sizes().vec()),
      any ? "H" : std::to_string(size.height), any ? "W" : std::to_string(size.width)));
}

}  // namespace

ModelImages::ModelImages(const ImageCommand& command, const OpenedModel& opened,
                         const Registry& registry, Terminal& terminal)
    : command_(command),
      opened_(opened),
      terminal_(terminal),
      transforms_(opened.transforms),
      files_(choose_preprocessing(registry)) {
  if (!command.pixel_values.empty())
    rows_ = read_pixel_values(command.pixel_values, transforms_.output_size());
}

/// Whose resizing, and what becomes of transparency and orientation.
ImageReading ModelImages::choose_preprocessing(const Registry& registry) {
  ImageReading reading = opened_.reading;
  reading.orient = reading.orient || command_.orient;
  if (command_.preprocess) {
    const ResizeKernel kernel =
        *command_.preprocess == "pil" ? ResizeKernel::pillow : ResizeKernel::torchvision;
    transforms_ = with_kernel(opened_.plan, kernel, registry, opened_.ctx);
    reading.transparency = kernel == ResizeKernel::pillow ? AlphaMode::drop : AlphaMode::over_white;
  }
  return reading;
}

/// Called from worker threads.
at::Tensor ModelImages::read(const NamedImage& named) const {
  if (named.row) return rows_[*named.row];
  RandomStream random = opened_.ctx.facts.seeds.derive(named.name);
  DecodedImage decoded = files_(named.name);
  return transforms_(std::move(decoded.pixels), random);
}

std::int64_t ModelImages::for_each_batch(
    const std::function<void(std::span<const ReadImage>)>& use) const {
  ImageReader reader(
      ImageNames({.paths = command_.images,
                  .recursive = command_.recursive,
                  .lists = command_.image_lists,
                  .rows = rows_.defined() ? rows_.size(0) : 0},
                 [this](const std::string& note) { terminal_.line(note); }),
      [this](const NamedImage& named) { return read(named); }, 2 * command_.batch_size,
      worker_count(opened_.plan, opened_.ctx));
  std::vector<ReadImage> batch;
  const auto hand_over = [&] {
    if (!batch.empty()) use(batch);
    batch.clear();
  };
  std::int64_t broken = 0;
  while (auto image = reader.next()) {
    if (!image->named.problem.empty()) {
      terminal_.line("error: " + image->named.problem);
      ++broken;
      continue;
    }
    if (!batch.empty() && image->pixels.sizes() != batch.front().pixels.sizes()) hand_over();
    batch.push_back(std::move(*image));
    if (static_cast<std::int64_t>(batch.size()) == command_.batch_size) hand_over();
  }
  hand_over();
  if (const std::string note = files_.note("--orient turns them upright."); !note.empty())
    terminal_.line(note);
  return broken;
}

at::Tensor ModelImages::pixels(std::span<const ReadImage> batch) const {
  std::vector<at::Tensor> images;
  for (const ReadImage& image : batch) images.push_back(image.pixels);
  return at::stack(images).to(torch_device(opened_.ctx.machine.device));
}

Json json_name(const NamedImage& named) { return named.row ? Json(*named.row) : Json(named.name); }

std::string shown_name(const NamedImage& named) {
  return named.row ? "row " + named.name + " of the pixel values" : named.name;
}

void print_json_line(const Json& line) {
  fmt::print("{}\n", line.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void flush_output(std::string_view command) {
  if (std::fflush(stdout) != 0)
    throw Error(ExitCode::unexpected,
                fmt::format("{}: standard output can't be written. Check the disk.", command));
}

}  // namespace vlp
