// Any bytes at all as each of the JSON files around a model's weights: they become tables of a
// recipe, or are refused with a WeightsError.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/scratch_files.hpp"
#include "vlp/blip/hugging_face.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/write.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const vlp::BlipConfig config =
        vlp::read_blip_config(written_file("config.json", bytes), vlp::Console());
    (void)vlp::write_toml(vlp::blip_recipe(config, {}, {}, {}));
  } catch (const vlp::WeightsError&) {
  }
  const auto path = written_file("preprocessor_config.json", bytes);
  try {
    (void)vlp::read_image_processor(path.parent_path(), vlp::BlipConfig(), vlp::Console());
  } catch (const vlp::WeightsError&) {
  }
  try {
    (void)vlp::generate_table(vlp::read_config_file(path), 512);
  } catch (const vlp::WeightsError&) {
  }
  return 0;
}
