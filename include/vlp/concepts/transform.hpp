#pragma once
// Transform: one step of images from decoding to the encoder's input, or one step of captions from
// the dataset to the tokenizer. Contract: pure and callable from any thread; all randomness comes
// from the stream it is given, which depends on seed, epoch and sample only.

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/component.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/core/random.hpp"

namespace vlp {

/// Height and width in pixels; 0 = not fixed by this transform.
struct ImageSize {
  std::int64_t height = 0;  ///< pixels
  std::int64_t width = 0;   ///< pixels
};

/// A decoded image is uint8 [3, H, W], RGB; it may lie interleaved in memory. A transform of images
/// may offer `output_size()`.
template <class T>
concept ImageTransform =
    std::move_constructible<T> &&
    requires(const T& transform, const at::Tensor& image, RandomStream& random) {
      { transform(image, random) } -> std::same_as<at::Tensor>;  // [3, H', W'], uint8 or float32
    };

/// A caption is UTF-8, without the prompt.
template <class T>
concept TextTransform = std::move_constructible<T> &&
                        requires(const T& transform, std::string_view text, RandomStream& random) {
                          { transform(text, random) } -> std::same_as<std::string>;
                        };

template <class T>
concept Transform = ImageTransform<T> || TextTransform<T>;

/// Any transform as a value: of images or of texts.
class AnyTransform {
 public:
  static constexpr std::string_view kind = "transform";

  /// What a recipe can know of a transform before it is built.
  struct Traits {
    bool is_text = false;  ///< whether it changes captions, not images
  };
  template <class T>
  [[nodiscard]] static Traits traits(const options_of<T>&) {
    return {.is_text = TextTransform<T>};
  }

  template <class T>
    requires(!std::same_as<T, AnyTransform>) && Transform<T>
  AnyTransform(T transform) : shown_(shown_component<T>(kind)) {
    static_assert(!(ImageTransform<T> && TextTransform<T>),
                  "a transform is of images or of texts, not of both");
    const auto self = std::make_shared<const T>(std::move(transform));
    if constexpr (TextTransform<T>) {
      of_text_ = [self](std::string_view text, RandomStream& random) {
        return (*self)(text, random);
      };
    } else {
      if constexpr (requires {
                      { self->output_size() } -> std::convertible_to<ImageSize>;
                    })
        size_ = named(shown_, [&] { return ImageSize(self->output_size()); });
      of_image_ = [self](const at::Tensor& image, RandomStream& random) {
        return (*self)(image, random);
      };
    }
  }

  /// Whether it changes captions, not images.
  [[nodiscard]] bool is_text() const { return static_cast<bool>(of_text_); }
  /// As messages call it: `transform 'resize'`.
  [[nodiscard]] const std::string& shown() const { return shown_; }
  /// @throws ContractError if it is a transform of texts
  /// @throws ShapeError    if what it gives is no image, or not of the size that it says
  [[nodiscard]] at::Tensor operator()(const at::Tensor& image, RandomStream& random) const {
    if (!of_image_)
      throw ContractError(
          "transform: changes texts (got an image, expected a text). Ask is_text() first.");
    at::Tensor changed = named(shown_, [&] { return of_image_(image, random); });
    check(changed);
    return changed;
  }
  /// @throws ContractError if it is a transform of images
  [[nodiscard]] std::string operator()(std::string_view text, RandomStream& random) const {
    if (!of_text_)
      throw ContractError(
          "transform: changes images (got a text, expected an image). Ask is_text() first.");
    return named(shown_, [&] { return of_text_(text, random); });
  }
  /// The size that comes out whatever goes in; zeros where that is not fixed, and for texts.
  [[nodiscard]] ImageSize output_size() const { return size_; }

 private:
  void check(const at::Tensor& image) const {
    const bool is_image = image.defined() && image.dim() == 3 && image.size(0) == 3 &&
                          (image.scalar_type() == at::kByte || image.scalar_type() == at::kFloat);
    if (is_image &&
        (size_.height == 0 || (image.size(1) == size_.height && image.size(2) == size_.width)))
      return;
    const std::string got = image.defined() ? std::string(c10::toString(image.scalar_type())) +
                                                  " " + c10::str(image.sizes())
                                            : "an undefined tensor";
    if (!is_image)
      throw ShapeError(shown_ + ": gave no image (got " + got +
                       ", expected uint8 or float32 [3, H, W]). Return one image, its channels "
                       "first.");
    throw ShapeError(shown_ + ": gave an image of another size than it says (got " + got +
                     ", expected [3, " + std::to_string(size_.height) + ", " +
                     std::to_string(size_.width) + "]). Let output_size() tell what comes out.");
  }

  std::function<at::Tensor(const at::Tensor&, RandomStream&)> of_image_;
  std::function<std::string(std::string_view, RandomStream&)> of_text_;
  ImageSize size_;
  std::string shown_;  // in messages
};
static_assert(Transform<AnyTransform>);

template <Transform T>
AnyTransform kind_of(ComponentTag<T>);

}  // namespace vlp
