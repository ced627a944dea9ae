// The part of vlp that needs LibTorch: carries out one command.

#include <exception>
#include <limits>
#include <string>

#include <fmt/format.h>
#include <malloc.h>

#include "command.hpp"
#include "commands.hpp"
#include "terminal.hpp"
#include "vlp/core/error.hpp"
#include "vlp/registry/load.hpp"
#include "vlp/registry/registry.hpp"

namespace {

/// Activations of a few dozen megabytes come and go at every layer. By default each is mapped and unmapped anew, which
/// costs a CPU up to half its time in page faults; kept, the memory is used again and never grows beyond its peak.
void keep_freed_memory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
}

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
    case Verb::trace:   return vlp::trace_command(command, registry, terminal);
  }
  return 1;
}

}  // namespace

int vlp_torch_command(const vlp::Command& command) {
  keep_freed_memory();
  vlp::Terminal terminal;
  try {
    return carry_out(command, terminal);
  } catch (const vlp::Error& error) {
    terminal.line(std::string("error: ") + error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    terminal.line(std::string("unexpected error: ") + error.what());
    return 1;
  }
}
