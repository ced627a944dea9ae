#include "vlp/blip/temperature.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch_folder.hpp"
#include "tests/support/torch_bytes.hpp"
#include "vlp/weights/read_weights.hpp"
#include "vlp/weights/safetensors.hpp"

BOOST_AUTO_TEST_SUITE(blip_temperature)

using namespace vlp;

namespace {

TensorMap read_back(const std::filesystem::path& path) {
  WeightFile file = read_weight_file(path);
  take_temperature(file);
  return std::move(file.tensors);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_temperature_comes_back_bit_by_bit_from_the_metadata) {
  const ScratchFolder scratch;
  const auto file = scratch.path / "model.safetensors";
  for (const double value : {0.07, 0.1 + 0.2, 1.0 / 3, 1e-3}) {
    NamedTensors tensors{{"weight", scalar_bytes(2)}, {"temp", scalar_bytes(value)}};
    Metadata metadata{{"format", "pt"}};
    move_temperature(tensors, metadata);
    BOOST_TEST(tensors.size() == 1u);
    write_safetensors(file, tensors, metadata);
    const TensorMap found = read_back(file);
    BOOST_TEST(found.at("temp").shape.empty());
    BOOST_TEST(Numbers(found.at("temp"))[0] == value);
  }
}

BOOST_AUTO_TEST_CASE(a_stored_tensor_wins_and_a_tensor_of_another_shape_stays) {
  const ScratchFolder scratch;
  const auto file = scratch.path / "model.safetensors";
  write_safetensors(file, {{"temp", scalar_bytes(0.5)}}, {{"temp", "0.07"}});
  BOOST_TEST(Numbers(read_back(file).at("temp"))[0] == 0.5);
  TensorBytes list = scalar_bytes(0.5);
  list.shape = {1};
  NamedTensors tensors{{"temp", list}};
  Metadata metadata;
  move_temperature(tensors, metadata);
  BOOST_TEST(tensors.size() == 1u);
  BOOST_TEST(metadata.empty());
}

BOOST_AUTO_TEST_CASE(without_metadata_there_is_none_and_wrong_metadata_are_refused) {
  const ScratchFolder scratch;
  const auto file = scratch.path / "model.safetensors";
  write_safetensors(file, {{"weight", scalar_bytes(1)}}, {{"format", "pt"}});
  BOOST_TEST(!read_back(file).contains("temp"));
  for (const std::string wrong : {"", "warm", "0", "-1", "inf", "0.07 "}) {
    write_safetensors(file, {{"weight", scalar_bytes(1)}}, {{"temp", wrong}});
    const std::string text = message_of<WeightsError>([&] { (void)read_back(file); });
    BOOST_TEST(contains(text, "metadata 'temp' is no temperature (got \"" + wrong +
                                  "\", expected a number above 0)"),
               text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
