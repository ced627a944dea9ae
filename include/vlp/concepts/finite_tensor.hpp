#pragma once
// Tensors of a pass in words: their range, and which image's rows aren't finite. Everything here
// waits for the device.

#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/core/message.hpp"
#include "vlp/core/non_finite.hpp"

namespace vlp {

namespace detail {

/// Four digits.
[[nodiscard]] inline std::string short_number(double x) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g", x);
  return text.data();
}

}  // namespace detail

/// `[2, 4] Float, 1 of 8 not finite (nan 1), others -0.5 to 2`. Waits for the device.
[[nodiscard]] inline std::string range_of(const at::Tensor& tensor) {
  std::string text = shape_text(tensor.sizes().vec()) + " " + c10::toString(tensor.scalar_type());
  if (tensor.numel() == 0 || !tensor.is_floating_point()) return text;
  const at::Tensor values = tensor.detach().to(at::kDouble), finite = values.isfinite();
  const auto count = [](const at::Tensor& mask) { return mask.sum().item<std::int64_t>(); };
  const std::int64_t bad = values.numel() - count(finite);
  if (bad > 0) {
    std::vector<std::string> kinds;
    for (const auto& [name, mask] :
         {std::pair("nan", values.isnan()), std::pair("inf", values.isposinf()),
          std::pair("-inf", values.isneginf())})
      if (const std::int64_t found = count(mask); found > 0)
        kinds.push_back(std::string(name) + " " + std::to_string(found));
    text += ", " + std::to_string(bad) + " of " + std::to_string(values.numel()) + " not finite (" +
            joined(kinds) + ")";
  }
  if (bad == values.numel()) return text;
  const at::Tensor rest = values.masked_select(finite);
  return text + (bad > 0 ? ", others " : ", ") + detail::short_number(rest.min().item<double>()) +
         " to " + detail::short_number(rest.max().item<double>());
}

/// Whether a tensor holds neither NaN nor infinity. Waits for the device.
[[nodiscard]] inline bool is_finite(const at::Tensor& tensor) {
  return tensor.isfinite().all().item<bool>();
}

/// What is said of a tensor that isn't finite.
/// @param what  the tensor, in the plural: "the image states"
[[nodiscard]] inline std::string not_finite_text(std::string_view what, const at::Tensor& tensor) {
  return std::string(what) + " are not finite (got " + range_of(tensor) +
         ", expected finite numbers). Check the model's weights, or compute in fp32.";
}

/// Looks at every row of a tensor. Waits for the device.
/// @param rows   [R, ...]
/// @param what   (row) -> the row, in the plural: "the image states"
/// @param image  (row) -> the image that it belongs to, from 0
/// @throws NonFiniteRow for the first row that isn't finite
inline void require_finite_rows(const at::Tensor& rows,
                                const std::function<std::string(std::int64_t)>& what,
                                const std::function<std::int64_t(std::int64_t)>& image) {
  if (rows.numel() == 0 || rows.is_meta() || is_finite(rows)) return;
  const at::Tensor finite = rows.isfinite().reshape({rows.size(0), -1}).all(1).cpu();
  for (std::int64_t row = 0; row < rows.size(0); ++row)
    if (!finite[row].item<bool>())
      throw NonFiniteRow(image(row), not_finite_text(what(row), rows[row]));
}

}  // namespace vlp
