#pragma once
// Filter: judges whether a text matches its image (CapFilt's second half; Li et al. 2022, section 3.3).

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/component.hpp"

namespace vlp {

template <class F>
concept Filter = std::move_constructible<F> && requires(F filter, const at::Tensor& pixels, const std::vector<std::string>& texts) {
  { filter(pixels, texts) } -> std::same_as<std::vector<double>>;  // [B, 3, H, W] and B texts -> B match probabilities, 0-1
};

/// Any filter as a value; copies share it.
class AnyFilter {
 public:
  static constexpr std::string_view kind = "filter";

  template <class F>
    requires(!std::same_as<F, AnyFilter>) && Filter<F>
  AnyFilter(F filter)
      : call_([f = std::make_shared<F>(std::move(filter))](const at::Tensor& pixels, const std::vector<std::string>& texts) {
          return (*f)(pixels, texts);
        }) {}

  [[nodiscard]] std::vector<double> operator()(const at::Tensor& pixels, const std::vector<std::string>& texts) {
    return call_(pixels, texts);
  }

 private:
  std::function<std::vector<double>(const at::Tensor&, const std::vector<std::string>&)> call_;
};
static_assert(Filter<AnyFilter>);

template <Filter T>
AnyFilter kind_of(ComponentTag<T>);

}  // namespace vlp
