#pragma once
// Exceptions of code that doesn't know vlp's errors: a component's author, the standard library,
// LibTorch. `named` puts the component's name before what they say, and takes LibTorch's stack out
// of it. Includes no torch: LibTorch's stack is told by the words that it begins with.

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/core/error.hpp"

namespace vlp {

/// What an exception says, apart from the stack that LibTorch puts behind it.
struct MessageAndStack {
  std::string message;  ///< without line ends at its end
  std::string stack;    ///< empty where there is none
};

/// Divides the text of an exception where LibTorch's stack begins.
[[nodiscard]] inline MessageAndStack without_stack(std::string_view text) {
  const std::size_t stack = text.find("\nException raised from ");
  std::string_view message = text.substr(0, stack);
  while (message.ends_with('\n')) message.remove_suffix(1);
  return {std::string(message),
          stack == text.npos ? std::string() : std::string(text.substr(stack + 1))};
}

/// What a component threw that is no `Error`, with the component's name before it.
class ComponentError : public Error {
 public:
  /// `message` names the component, `stack` is LibTorch's or empty.
  ComponentError(ExitCode code, const std::string& message, std::string stack = {})
      : Error(code, message), stack_(std::make_shared<const std::string>(std::move(stack))) {}
  /// LibTorch's stack; empty where there is none.
  [[nodiscard]] const std::string& stack() const noexcept { return *stack_; }

 private:
  std::shared_ptr<const std::string> stack_;  // shared: an exception that is copied must not throw
};

namespace detail {

/// What goes wrong at run time in a dataset are its files; all else is a mistake of the program.
[[nodiscard]] inline ExitCode code_of(std::string_view kind, const std::exception& error) {
  const bool at_run_time = dynamic_cast<const std::runtime_error*>(&error) != nullptr;
  return kind == "dataset" && at_run_time ? ExitCode::data : ExitCode::unexpected;
}

[[noreturn]] inline void throw_named(std::string_view shown, const std::exception& error) {
  auto [message, stack] = without_stack(error.what());
  throw ComponentError(code_of(shown.substr(0, shown.find(' ')), error),
                       std::string(shown) + ": " + message, std::move(stack));
}

}  // namespace detail

/// Calls into a component. An `Error` passes as it is, so that of components in each other the
/// inner one is named; any other exception becomes `KIND 'NAME': what it says`.
/// @param shown  the component as messages call it: `loss 'itc'`
/// @param call   what is done
/// @return       what `call` returns
/// @throws ComponentError for what `call` throws that is a std::exception and no `Error`
template <class Call>
decltype(auto) named(std::string_view shown, Call&& call) {
  try {
    return std::forward<Call>(call)();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    detail::throw_named(shown, error);
  }
}

}  // namespace vlp
