#pragma once
// How the program ends when something is thrown: what it says, and its exit code.

#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"

namespace vlp {

/// What a person is told, and the exit code.
struct Failure {
  std::string text;
  int code = 1;
};

namespace detail {

/// LibTorch's stack, tens of lines long, where it is asked for; else how to ask.
inline std::string asked_stack(const std::string& stack) {
  if (stack.empty()) return {};
  const char* asked = std::getenv("VLP_STACK");
  return asked && std::string_view(asked) == "1"
             ? "\n" + stack.substr(0, stack.find_last_not_of('\n') + 1)
             : "\nVLP_STACK=1 shows the calls that led there.";
}

}  // namespace detail

/// Of the exception that is being handled. What is no std::exception is thrown again.
inline Failure failure_of_exception() {
  try {
    throw;
  } catch (const ComponentError& error) {
    return {std::string("error: ") + error.what() + detail::asked_stack(error.stack()),
            static_cast<int>(error.code())};
  } catch (const InterruptedError& interrupted) {
    return {interrupted.what(), static_cast<int>(interrupted.code())};
  } catch (const Error& error) {  // it may quote what LibTorch said
    const auto [message, stack] = without_stack(error.what());
    return {"error: " + message + detail::asked_stack(stack), static_cast<int>(error.code())};
  } catch (const std::exception& error) {
    const auto [message, stack] = without_stack(error.what());
    return {"unexpected error: " + message + detail::asked_stack(stack),
            static_cast<int>(ExitCode::unexpected)};
  }
}

}  // namespace vlp
