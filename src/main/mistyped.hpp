#pragma once
// Slips on a command line that the parser has refused, since it would say no more than that
// something is missing.

#include <span>
#include <string>

namespace CLI {
class App;
}

namespace vlp {

/// @param app        with all commands
/// @param arguments  of the command line, in their order
/// @return  an unknown command, or the unknown flags of a known one, a line each with the nearest
///          right name; empty = none is unknown
[[nodiscard]] std::string mistyped(const CLI::App& app, std::span<const std::string> arguments);

}  // namespace vlp
