// The part of vlp that needs LibTorch: carries out one command.

#include <variant>

#include "src/shared/command.hpp"
#include "src/shared/terminal.hpp"
#include "src/torch/commands.hpp"
#include "src/torch/keep_memory.hpp"
#include "vlp/registry/builtin.hpp"
#include "vlp/registry/load.hpp"
#include "vlp/registry/registry.hpp"

void vlp_torch_add_plugins(vlp::Registry& registry, const vlp::Plugins& files) {
  for (const auto& file : files) vlp::load_plugin(registry, file);
}

int vlp_torch_command(const vlp::TorchCommand& command) {
  vlp::keep_freed_memory();
  vlp::Terminal terminal;
  const auto carry_out = [&](const auto& chosen) {
    vlp::Registry registry;
    vlp::add_builtin_plugins(registry);
    const auto& whole = vlp::completed(chosen, terminal);
    vlp_torch_add_plugins(registry, whole.plugins);
    return vlp::carry_out(whole, registry, terminal);
  };
  return vlp::exit_code_of(terminal, [&] { return std::visit(carry_out, command); });
}
