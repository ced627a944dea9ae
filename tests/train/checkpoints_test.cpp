#include "vlp/train/checkpoints.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"
#include "vlp/core/digest.hpp"

namespace {

namespace fs = std::filesystem;

struct Kept : ScratchFolder {
  std::vector<std::string> warnings;
  fs::path folder = path / "checkpoints";
  vlp::Checkpoints checkpoints{
      folder, {.on_warning = [this](std::string_view text) { warnings.emplace_back(text); }}};

  static vlp::State state_of(std::int64_t step) {
    const auto numbers = std::make_shared<std::array<float, 2>>();
    (*numbers)[0] = static_cast<float>(step);
    vlp::State state;
    state.put("model.layer.weight",
              vlp::TensorBytes{"F32", {2}, std::as_bytes(std::span(*numbers)), numbers});
    state.put("optimizer.exp_avg",
              vlp::TensorBytes{"F32", {2}, std::as_bytes(std::span(*numbers)), numbers});
    state.put("step", step);
    state.put("best", 0.1);
    return state;
  }
  void write(std::int64_t step) const {
    checkpoints.write({{}, step, step / 10 + 1}, state_of(step), "[run]\nseed = 17\n");
  }
  [[nodiscard]] std::int64_t newest() const {
    const auto found = checkpoints.newest();
    return found ? found->step : -1;
  }
};

std::string bytes_of_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(checkpoints, Kept)

BOOST_AUTO_TEST_CASE(a_state_comes_back_as_it_was_and_lies_in_the_files_that_are_promised) {
  write(1108);
  const fs::path place = folder / "step-00001108";
  BOOST_TEST(checkpoints.place_of(1108) == place);
  const auto manifest = nlohmann::json::parse(bytes_of_file(place / "manifest.json"));
  BOOST_TEST(manifest["step"] == 1108);
  BOOST_TEST(manifest["epoch"] == 111);
  for (const char* name : {"model.safetensors", "state.safetensors", "recipe.toml"}) {
    BOOST_TEST(manifest["files"][name]["bytes"] == fs::file_size(place / name), name);
    BOOST_TEST(manifest["files"][name]["sha256"] == vlp::sha256_of_file(place / name).value(),
               name);
  }
  BOOST_TEST(std::distance(fs::directory_iterator(place), fs::directory_iterator()) == 4);
  BOOST_TEST(std::distance(fs::directory_iterator(folder), fs::directory_iterator()) == 1);
  BOOST_TEST(bytes_of_file(place / "recipe.toml") == "[run]\nseed = 17\n");

  const vlp::State back = vlp::read_checkpoint(place), expected = state_of(1108);
  BOOST_TEST(back.entries().size() == 4U);
  BOOST_TEST(back.integer("step") == 1108);
  BOOST_TEST(back.number("best") == 0.1);
  for (const char* name : {"model.layer.weight", "optimizer.exp_avg"})
    BOOST_TEST(std::ranges::equal(back.tensor(name).bytes, expected.tensor(name).bytes), name);
}

BOOST_AUTO_TEST_CASE(the_oldest_go_and_newer_ones_stay) {
  BOOST_TEST(newest() == -1);
  for (const std::int64_t step : {5, 10, 15, 100'000'000}) write(step);
  BOOST_TEST(newest() == 100'000'000);
  checkpoints.keep(2, 15);
  BOOST_TEST(checkpoints.steps() == (std::vector<std::int64_t>{10, 15, 100'000'000}),
             boost::test_tools::per_element());
  checkpoints.remove(10);
  checkpoints.remove(11);
  BOOST_TEST(checkpoints.steps() == (std::vector<std::int64_t>{15, 100'000'000}),
             boost::test_tools::per_element());
  write(15);  // again
  BOOST_TEST(vlp::checkpoint_damage(folder / "step-00000015") == "");
  BOOST_TEST(std::distance(fs::directory_iterator(folder), fs::directory_iterator()) == 2);
}

BOOST_AUTO_TEST_CASE(every_single_bit_counts) {
  write(10);
  for (const char* name : {"model.safetensors", "state.safetensors", "recipe.toml"}) {
    const fs::path file = folder / "step-00000010" / name;
    const std::string whole = bytes_of_file(file);
    for (std::size_t at = 0; at < whole.size(); at += 7) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
      std::ofstream(file, std::ios::binary) << bytes;
      BOOST_TEST(vlp::checkpoint_damage(folder / "step-00000010") ==
                 std::string(name) + " has other content than was written");
    }
    std::ofstream(file, std::ios::binary) << whole.substr(0, whole.size() - 1);
    BOOST_TEST(vlp_test::contains(vlp::checkpoint_damage(folder / "step-00000010"),
                                  std::string(name) + " has another size"));
    fs::remove(file);
    BOOST_TEST(vlp::checkpoint_damage(folder / "step-00000010") ==
               std::string(name) + " is missing");
    std::ofstream(file, std::ios::binary) << whole;
  }
  BOOST_TEST(newest() == 10);
}

BOOST_AUTO_TEST_CASE(without_a_whole_manifest_a_folder_does_not_count) {
  for (const std::int64_t step : {10, 20, 30, 40}) write(step);
  fs::remove(folder / "step-00000040/manifest.json");
  fs::resize_file(folder / "step-00000030/manifest.json", 40);
  fs::copy_file(folder / "step-00000010/manifest.json", folder / "step-00000020/manifest.json",
                fs::copy_options::overwrite_existing);
  fs::create_directories(folder / "step-x");
  fs::create_directories(folder / "step-50");
  BOOST_TEST(newest() == 10);
  BOOST_TEST(warnings.size() == 3U);
  BOOST_TEST(vlp_test::contains(warnings,
                                "step-00000040: damaged, and not used: manifest.json is "
                                "missing; the one before it is looked at"));
  BOOST_TEST(vlp_test::contains(warnings, "manifest.json can't be understood"));
  BOOST_TEST(vlp_test::contains(warnings, "manifest.json is of another step"));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_leaves_the_others_and_nothing_of_itself) {
  write(10);
  vlp::State broken = state_of(20);
  broken.put("text", std::string("\xff"));  // not UTF-8: fails behind model.safetensors
  BOOST_CHECK_THROW(checkpoints.write({{}, 20, 1}, broken, ""), vlp::WeightsError);
  BOOST_TEST(std::distance(fs::directory_iterator(folder), fs::directory_iterator()) == 1);
  BOOST_TEST(newest() == 10);

  std::ofstream(path / "file") << "in the way";
  const vlp::Checkpoints nowhere(path / "file", {});
  BOOST_CHECK_EXCEPTION(nowhere.write({{}, 1, 1}, state_of(1), ""), vlp::DiskError,
                        vlp_test::says("step-00000001: can't be made ("));
}

BOOST_AUTO_TEST_SUITE_END()
