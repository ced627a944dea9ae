#pragma once
// What a component can say of the size of images before it is built. Includes no torch.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "vlp/concepts/component.hpp"
#include "vlp/core/foreign_errors.hpp"

namespace vlp {

/// What is wrong with images of a height and width in pixels, for whoever is asked before it is
/// built; empty = nothing. The function is empty where nothing is known.
using ImageProblem = std::function<std::string(std::int64_t height, std::int64_t width)>;

/// @return  what the function says, or nothing if there is none
[[nodiscard]] inline std::string problem_of(const ImageProblem& says, std::int64_t height,
                                            std::int64_t width) {
  return says ? says(height, width) : std::string();
}

/// What a component of these options says of itself, by `static std::string image_problem(const
/// Options&, height, width)`; an empty function if it says nothing.
/// @param kind  of the component, for messages
template <class T>
[[nodiscard]] ImageProblem image_problem_of(const options_of<T>& options, std::string_view kind) {
  using Type = typename detail::Described<T>::type;
  if constexpr (requires { Type::image_problem(options, 1, 1); })
    return [options, shown = shown_component<T>(kind)](std::int64_t height, std::int64_t width) {
      return named(shown, [&] { return Type::image_problem(options, height, width); });
    };
  else
    return {};
}

}  // namespace vlp
