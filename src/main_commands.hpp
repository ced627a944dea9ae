#pragma once
// The commands that the program carries out without LibTorch. Each prints results to stdout, returns the exit code, and
// throws vlp::Error.

#include "command.hpp"

namespace vlp {

int tokenize_command(const Command& command);
int compare_command(const Command& command);
int score_command(const Command& command);
int tokens_command(const Command& command);

}  // namespace vlp
