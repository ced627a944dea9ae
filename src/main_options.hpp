#pragma once
// The command line of every command.

#include <CLI/CLI.hpp>

#include "command.hpp"

namespace vlp {

/// Adds the commands with their options; parsing fills `command` in, but for its verb.
void add_commands(CLI::App& app, Command& command);

}  // namespace vlp
