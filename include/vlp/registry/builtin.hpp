#pragma once
// The plugins that vlp ships with, for programs that choose components by name. Their function is
// no inline one: the build makes it of the headers in plugins/, and a program is linked with it
// (`./dev build FILE.cpp`), or compiled with share/vlp/builtin_plugins.cpp of an installed tree.

#include "vlp/registry/registry.hpp"

namespace vlp {

/// Adds every plugin under plugins/, by kind and name.
/// @throws PluginError if the registry already has a component of one of these names
void add_builtin_plugins(Registry& registry);

}  // namespace vlp
