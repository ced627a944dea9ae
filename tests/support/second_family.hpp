#pragma once
// The plugins of a second family of models, one for each kind.

#include <filesystem>
#include <string>
#include <vector>

namespace vlp_test {

/// Encoder, decoder, model and format, as the build has made them.
inline std::vector<std::filesystem::path> family_plugins() {
  const std::filesystem::path folder = std::filesystem::path(VLP_BUILD_DIR) / "tests" / "plugins";
  return {folder / "encoder" / "tiny_patches.so", folder / "decoder" / "tiny_prefix.so",
          folder / "model" / "tiny_git.so", folder / "format" / "tiny_git.so"};
}

}  // namespace vlp_test
