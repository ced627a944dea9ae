#pragma once
// Transform: one step from a decoded image to the encoder's input. Contract: pure and callable from any thread; all
// randomness comes from the stream it is given, which depends on seed, epoch and sample only.

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/component.hpp"
#include "vlp/core/random.hpp"

namespace vlp {

/// Height and width in pixels; 0 = not fixed by this transform.
struct ImageSize {
  std::int64_t height = 0;  ///< pixels
  std::int64_t width = 0;   ///< pixels
};

/// A decoded image is uint8 [3, H, W], RGB; it may lie interleaved in memory. A transform may offer `output_size()`.
template <class T>
concept Transform = std::move_constructible<T> && requires(const T& transform, const at::Tensor& image, RandomStream& random) {
  { transform(image, random) } -> std::same_as<at::Tensor>;  // [3, H', W'], uint8 or float32
};

/// Any transform as a value.
class AnyTransform {
 public:
  static constexpr std::string_view kind = "transform";

  template <class T>
    requires(!std::same_as<T, AnyTransform>) && Transform<T>
  AnyTransform(T transform) {
    if constexpr (requires {
                    { transform.output_size() } -> std::convertible_to<ImageSize>;
                  })
      size_ = transform.output_size();
    call_ = [t = std::make_shared<const T>(std::move(transform))](const at::Tensor& image, RandomStream& random) {
      return (*t)(image, random);
    };
  }

  [[nodiscard]] at::Tensor operator()(const at::Tensor& image, RandomStream& random) const { return call_(image, random); }
  /// The size that comes out whatever goes in; zeros where that is not fixed.
  [[nodiscard]] ImageSize output_size() const { return size_; }

 private:
  std::function<at::Tensor(const at::Tensor&, RandomStream&)> call_;
  ImageSize size_;
};
static_assert(Transform<AnyTransform>);

template <Transform T>
AnyTransform kind_of(ComponentTag<T>);

}  // namespace vlp
