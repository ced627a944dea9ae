// Any bytes at all as a recipe, the first line as a --set as well: they are read, or refused with a
// RecipeError, and what is read is written in a way that is read again.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "vlp/core/error.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/recipe/write.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string written;
  try {
    vlp::Value recipe = vlp::parse_toml(text, "fuzz");
    vlp::Diagnostics problems;
    vlp::apply_set(recipe, std::string(text.substr(0, text.find('\n'))), problems);
    written = vlp::write_toml(recipe);
  } catch (const vlp::RecipeError&) {
    return 0;
  }
  (void)vlp::parse_toml(written, "written");
  return 0;
}
