#pragma once
// `open_model` for all commands, compiled once.

#include <string>

#include "vlp/assemble/open_model.hpp"
#include "vlp/registry/registry.hpp"

namespace vlp {

/// What `open_model` returns for the same arguments.
[[nodiscard]] OpenedModel opened_model(const std::string& name, const Registry& registry, const OpenModelArguments& arguments);

}  // namespace vlp
