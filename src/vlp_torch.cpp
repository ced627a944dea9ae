// The part of vlp that needs LibTorch: carries out one command.

#include "command.hpp"
#include "commands.hpp"
#include "keep_memory.hpp"
#include "terminal.hpp"
#include "vlp/registry/load.hpp"
#include "vlp/registry/registry.hpp"

namespace {

int carry_out(const vlp::Command& command, vlp::Terminal& terminal) {
  using Verb = vlp::Command::Verb;
  vlp::Registry registry;
  vlp::add_builtin_plugins(registry);
  for (const auto& file : command.plugins) vlp::load_plugin(registry, file);
  switch (command.verb) {
    case Verb::run:     return vlp::run_command(command, registry, terminal);
    case Verb::check:   return vlp::check_command(command, registry);
    case Verb::list:    return vlp::list_command(command, registry);
    case Verb::help:    return vlp::help_command(command, registry);
    case Verb::caption: return vlp::caption_command(command, registry, terminal);
    case Verb::match:   return vlp::match_command(command, registry, terminal);
    case Verb::trace:   return vlp::trace_command(command, registry, terminal);
  }
  return 1;
}

}  // namespace

int vlp_torch_command(const vlp::Command& command) {
  vlp::keep_freed_memory();
  vlp::Terminal terminal;
  return vlp::exit_code_of(terminal, [&] { return carry_out(command, terminal); });
}
