#pragma once
// What is known of a plugin that was opened from a file.

#include <string>

namespace vlp {

/// A plugin that was opened from a file.
struct PluginInfo {
  std::string file;  ///< absolute, without symbolic links
  std::string name, version;
};

}  // namespace vlp
