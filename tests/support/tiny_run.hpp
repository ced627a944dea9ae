#pragma once
// A folder with a tiny dataset in Flickr30k's format and a recipe for it: 40 one-coloured pictures,
// 5 captions each.

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/scratch_folder.hpp"
#include "vlp/image/encode.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/registry/builtin.hpp"
#include "vlp/run.hpp"

namespace vlp_test {

namespace fs = std::filesystem;

inline std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class TinyRun {
  ScratchFolder scratch_;

 public:
  fs::path root = scratch_.path;
  vlp::Registry registry;

  TinyRun() {
    vlp::add_builtin_plugins(registry);
    fs::create_directories(root / "data" / "flickr30k_images");
    write_data();
    write("vocab.txt",
          "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nan\nthe\npicture\nof\nred\ngreen\nblue\nyellow\n."
          "\n");
    write("recipe.toml", R"([dataset]
use = "flickr30k"
split = { train = 0.6, validation = 0.2, test = 0.2 }
[tokenizer]
use = "wordpiece"
vocabulary = ")" + (root / "vocab.txt").string() +
                             R"("
max_length = 10
[[transform]]
use = "resize"
size = 16
[[transform]]
use = "normalize"
[model]
use = "blip"
[model.encoder]
use = "vit"
patch = 8
width = 16
depth = 1
heads = 2
[model.decoder]
use = "bert_cross_attention"
width = 16
depth = 1
heads = 2
dropout = 0.1
[[loss]]
use = "lm"
[[metric]]
use = "bleu"
[[metric]]
use = "cider"
[optimizer]
use = "adamw"
lr = 3e-3
[schedule]
use = "linear"
[train]
epochs = 3
batch_size = 8
clip_norm = 1.0
[evaluate]
batch_size = 4
best = "CIDEr"
[generate]
beams = 2
max_length = 8
[report]
contact_sheet = 4
)");
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(root / name, std::ios::binary) << text;
  }

  [[nodiscard]] vlp::Report run(const std::string& out, std::vector<std::string> sets = {},
                                std::int64_t threads = 2) const {
    vlp::RunArguments arguments;
    arguments.out = root / out;
    arguments.data_dir = root / "data";
    arguments.threads = threads;
    return vlp::run(vlp::load_recipe(root / "recipe.toml", sets), registry, arguments);
  }

 private:
  void write_data() const {
    const std::array<std::string, 4> names{"red", "green", "blue", "yellow"};
    const std::array<std::array<std::uint8_t, 3>, 4> colours{
        {{200, 20, 20}, {20, 180, 20}, {20, 20, 200}, {220, 210, 20}}};
    std::ofstream csv(root / "data" / "results.csv");
    csv << "image_name| comment_number| comment\n";
    for (std::size_t i = 0; i < 40; ++i) {
      const std::string name = std::to_string(1000 + i) + ".jpg", colour = names[i % 4];
      std::vector<std::uint8_t> rgb;
      for (int p = 0; p < 24 * 20; ++p)
        for (const std::uint8_t c : colours[i % 4])
          rgb.push_back(static_cast<std::uint8_t>(c + (p * 7 + i) % 20));
      vlp::write_jpeg(root / "data" / "flickr30k_images" / name,
                      {.rgb = rgb, .height = 20, .width = 24});
      for (int k = 0; k < 5; ++k)
        csv << name << "| " << k << "| " << (k % 2 ? "the " : "a ") << colour << " picture"
            << (k > 2 ? " ." : "") << "\n";
    }
  }
};

}  // namespace vlp_test
