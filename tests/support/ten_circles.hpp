#pragma once
// A dataset in Flickr30k's format: ten images, "a red circle ." each.

#include <filesystem>
#include <fstream>
#include <string>

namespace vlp_test {

/// Writes results.csv and flickr30k_images/.
inline void write_ten_circles(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder / "flickr30k_images");
  std::ofstream rows(folder / "results.csv", std::ios::binary);
  rows << "image_name| comment_number| comment\n";
  for (int i = 0; i < 10; ++i) {
    const std::string name = std::to_string(i) + ".png";
    rows << name << "| 0| a red circle .\n";
    std::filesystem::copy_file(std::filesystem::path(VLP_TEST_DATA) / "images" / "07_rgb.png",
                               folder / "flickr30k_images" / name);
  }
}

}  // namespace vlp_test
