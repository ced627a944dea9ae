#pragma once
// Opens plugins from `NAME.so`. Every refusal says what was found and what was expected; nothing is
// skipped, and nothing is ever closed again, because objects and autograd nodes outlive any scope
// that could own the library.

#include <filesystem>
#include <string>

#include <dlfcn.h>

#include "vlp/core/error.hpp"
#include "vlp/registry/fingerprint.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/registry/registry.hpp"

namespace vlp {

/// Opens a plugin and adds its components. A file that the registry has already is taken once.
/// @throws PluginError if it can't be opened, is no plugin, was built for another vlp, or clashes
/// with another
inline void load_plugin(Registry& registry, const std::filesystem::path& file) {
  const std::string where = file.string();
  if (!std::filesystem::exists(file))
    throw PluginError(where + ": plugin not found. Build one with `./dev build FILE.hpp`.");
  const std::string real_file = std::filesystem::canonical(file).string();
  for (const PluginInfo& opened : registry.plugins())
    if (opened.file == real_file) return;
  void* library =
      dlopen(std::filesystem::absolute(file).c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) throw PluginError(where + ": can't be opened: " + dlerror());
  const auto entry = reinterpret_cast<const vlp_plugin_info* (*)()>(dlsym(library, "vlp_plugin"));
  if (!entry)
    throw PluginError(where +
                      ": not a vlp plugin (got no symbol `vlp_plugin`). End its header with "
                      "VLP_PLUGIN(...) and build it with `./dev build FILE.hpp`.");

  const vlp_plugin_info& info = *entry();
  if (info.struct_size != sizeof(vlp_plugin_info))
    throw PluginError(where + ": built for another plugin interface (got struct size " +
                      std::to_string(info.struct_size) + ", expected " +
                      std::to_string(sizeof(vlp_plugin_info)) + "). Rebuild it with this vlp.");
  if (std::string(info.fingerprint) != VLP_FINGERPRINT)
    throw PluginError(where + ": built for another vlp\n  got      " + info.fingerprint +
                      "\n  expected " VLP_FINGERPRINT "\n  Rebuild it with this vlp.");
  if (file.stem() != info.name)
    throw PluginError(where + ": file name and plugin name differ (got '" + info.name +
                      "', expected '" + file.stem().string() +
                      "'). Rename the file or its VLP_PLUGIN line.");
  try {
    info.add_to(registry, info.version, where.c_str());
  } catch (const PluginError&) {
    throw;
  } catch (const std::exception& error) {
    throw PluginError(where + ": failed while adding its components: " + error.what());
  }
  registry.add_plugin_file({real_file, info.name, info.version});
}

}  // namespace vlp
