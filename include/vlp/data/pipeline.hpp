#pragma once
// The transforms of a recipe in their order: what becomes of each image and of each caption before
// a model sees them.

#include <array>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>

#include "vlp/concepts/transform.hpp"
#include "vlp/core/random.hpp"

namespace vlp {

/// Image steps and text steps; immutable in use, callable from any thread.
struct Pipeline {
  std::vector<AnyTransform> images;  ///< from uint8 [3, H, W] to float32 [3, H', W']
  std::vector<AnyTransform> texts;   ///< from a caption to what is tokenized, without the prompt

  /// Puts a step behind those of its sort.
  void add(AnyTransform step) {
    auto& steps = step.is_text() ? texts : images;
    steps.push_back(std::move(step));
  }
  /// All image steps in order.
  [[nodiscard]] at::Tensor operator()(at::Tensor image, RandomStream& random) const {
    for (const AnyTransform& step : images) image = step(image, random);
    return image;
  }
  /// All text steps in order.
  [[nodiscard]] std::string operator()(std::string_view caption, RandomStream& random) const {
    std::string text(caption);
    for (const AnyTransform& step : texts) text = step(text, random);
    return text;
  }
  /// The size of its images, as the last step knows that fixes one; zeros if none does.
  [[nodiscard]] ImageSize output_size() const {
    ImageSize size;
    for (const AnyTransform& step : images)
      if (const ImageSize fixed = step.output_size(); fixed.height > 0) size = fixed;
    return size;
  }
};

/// What a recipe's transforms are in training and wherever a model is evaluated or used.
struct Pipelines {
  Pipeline train;     ///< of training batches
  Pipeline evaluate;  ///< of validation, test, captioning, retrieval, matching and tracing
};

/// What trying image steps has shown.
struct PipelineTrial {
  std::string problem;              ///< in one line; empty = none
  std::optional<std::size_t> step;  ///< the one that the problem is with; none = with all together
  bool one_size = false;            ///< whether images of different sizes come out in one
  ImageSize size = {};              ///< that one; zeros if there is none
};

/// What keeps an image from being a model's input; empty = nothing.
[[nodiscard]] inline std::string input_problem(const at::Tensor& image) {
  if (image.dim() == 3 && image.size(0) == 3 && image.scalar_type() == at::kFloat) return {};
  return "images don't become a model's input (got " +
         std::string(c10::toString(image.scalar_type())) + " with " + std::to_string(image.dim()) +
         " dimensions, expected Float [3, H, W]); add use = \"normalize\"";
}

/// Tries image steps on two black images of different sizes, so that steps that don't fit together
/// are found before any image is read.
[[nodiscard]] inline PipelineTrial try_images(const std::vector<AnyTransform>& steps) {
  if (steps.empty())
    return {
        "no transform takes part that changes images; add some, or leave `when` out", {}, false};
  RandomStream random(0);
  std::array<at::Tensor, 2> images{at::zeros({3, 96, 64}, at::kByte),
                                   at::zeros({3, 72, 112}, at::kByte)};
  ImageSize fixed;
  for (std::size_t i = 0; i < steps.size(); ++i) try {
      for (at::Tensor& image : images) image = steps[i](image, random);
      if (const ImageSize own = steps[i].output_size(); own.height > 0) fixed = own;
      for (const at::Tensor& image : images)
        if (fixed.height > 0 && (image.size(1) != fixed.height || image.size(2) != fixed.width))
          return {steps[i].shown() + ": changes the size that a step before it fixed (got " +
                      std::to_string(image.size(1)) + " x " + std::to_string(image.size(2)) +
                      ", expected " + std::to_string(fixed.height) + " x " +
                      std::to_string(fixed.width) + "); give it `output_size()`",
                  i, false};
    } catch (const std::exception& error) {
      const std::string text = error.what();
      return {text.substr(0, text.find('\n')), i, false};
    }
  for (const at::Tensor& image : images)
    if (std::string problem = input_problem(image); !problem.empty())
      return {std::move(problem), {}, false};
  const bool one_size = images[0].sizes() == images[1].sizes();
  return {
      {}, {}, one_size, one_size ? ImageSize{images[0].size(1), images[0].size(2)} : ImageSize{}};
}

}  // namespace vlp
