#pragma once
// Captioner: writes synthetic captions for web images (CapFilt's first half; Li et al. 2022, section 3.3).
// Contract: one text an image; all randomness comes from the stream given.

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/component.hpp"
#include "vlp/core/random.hpp"

namespace vlp {

template <class C>
concept Captioner = std::move_constructible<C> && requires(C captioner, const at::Tensor& pixels, RandomStream& random) {
  { captioner(pixels, random) } -> std::same_as<std::vector<std::string>>;  // [B, 3, H, W] -> B texts
};

/// Any captioner as a value; copies share it.
class AnyCaptioner {
 public:
  static constexpr std::string_view kind = "captioner";

  template <class C>
    requires(!std::same_as<C, AnyCaptioner>) && Captioner<C>
  AnyCaptioner(C captioner)
      : call_([c = std::make_shared<C>(std::move(captioner))](const at::Tensor& pixels, RandomStream& random) {
          return (*c)(pixels, random);
        }) {}

  [[nodiscard]] std::vector<std::string> operator()(const at::Tensor& pixels, RandomStream& random) { return call_(pixels, random); }

 private:
  std::function<std::vector<std::string>(const at::Tensor&, RandomStream&)> call_;
};
static_assert(Captioner<AnyCaptioner>);

template <Captioner T>
AnyCaptioner kind_of(ComponentTag<T>);

}  // namespace vlp
