#include "vlp/weights/read_weights.hpp"

#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include "tests/support/torch_bytes.hpp"
#include "vlp/weights/safetensors.hpp"

BOOST_AUTO_TEST_SUITE(reading_weights)

using namespace vlp;

namespace {

const std::filesystem::path kFolder = std::filesystem::path(VLP_TEST_DATA) / "weights";

std::string refusal(const std::filesystem::path& file) {
  const std::string text = message_of<WeightsError>([&] { (void)read_weights(file); });
  BOOST_TEST(text.starts_with(file.string() + ": "), text);
  return text;
}

TensorBytes one(float value) {
  const auto owner = std::make_shared<const float>(value);
  return {"F32", {1}, std::as_bytes(std::span(owner.get(), 1)), owner};
}

struct Shards : TorchFolder {
  /// Two shards, one of each format, with tensors a and b, c.
  Shards() {
    write_safetensors(path / "s1", {{"a", one(1)}});
    write_safetensors(path / "s2", {{"b", one(2)}, {"c", one(3)}});
  }
  std::filesystem::path index(const std::string& weight_map) const {
    return write_file(path / "model.safetensors.index.json",
                      R"({"metadata":{"total_size":12},"weight_map":)" + weight_map + "}");
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_stored_malformed_file_is_refused) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (!entry.path().filename().string().starts_with("refuse_")) continue;
    const std::string text = refusal(entry.path());
    BOOST_TEST(!text.empty(), entry.path());
    ++count;
  }
  BOOST_TEST(count == 21u);
}

BOOST_FIXTURE_TEST_CASE(the_format_is_told_by_content, TorchFolder) {
  const auto wrong_name = path / "model.safetensors";
  std::filesystem::copy_file(kFolder / "parameter.bin", wrong_name);
  BOOST_TEST(read_weights(wrong_name).size() == 2u);
  std::filesystem::copy_file(kFolder / "expected.safetensors", path / "pytorch_model.bin");
  BOOST_TEST(read_weights(path / "pytorch_model.bin").size() == 39u);
  std::filesystem::copy_file(kFolder / "legacy_format.bin", path / "old");
  BOOST_TEST(read_weights(path / "old").size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(one_reading_gives_tensors_and_the_texts_beside_them, TorchFolder) {
  const auto file = path / "texts.safetensors";
  const auto owner = std::make_shared<const double>(2.0);
  write_safetensors(file, {{"x", {"F64", {}, std::as_bytes(std::span(owner.get(), 1)), owner}}},
                    {{"by", "someone"}});
  const WeightFile read = read_weight_file(file);
  BOOST_TEST(read.source == file.string());
  BOOST_TEST(read.tensors.contains("x"));
  BOOST_TEST(read.metadata.at("by") == "someone");
  BOOST_TEST(read_weight_file(kFolder / "parameter.bin").metadata.empty());
}

BOOST_FIXTURE_TEST_CASE(files_that_are_no_weights_are_named, TorchFolder) {
  const auto refused = [&](const std::string& bytes) {
    return refusal(write_file(path / "x", bytes));
  };
  BOOST_TEST(contains(refused(""), "the file is empty"));
  BOOST_TEST(contains(
      refused("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 990400000\n"),
      "a Git LFS pointer"));
  BOOST_TEST(contains(refused("<!DOCTYPE html>\n<html>"), "an HTML or XML page"));
  BOOST_TEST(contains(refused("\xef\xbb\xbf\r\n  <html>"), "an HTML or XML page"));
  BOOST_TEST(contains(refused("\x1f\x8b\x08" + std::string(20, '\0')), "a gzip file"));
  BOOST_TEST(contains(refused("BZh91AY"), "a bzip2 file"));
  BOOST_TEST(contains(refused(std::string("\xfd"
                                          "7zXZ\0",
                                          6)),
                      "an xz file"));
  BOOST_TEST(contains(refused("\x89HDF\r\n\x1a\n"), "an HDF5 file"));
  BOOST_TEST(
      contains(refused("model.bin" + std::string(248, '\0') + "ustar  " + std::string(300, '\0')),
               "a tar archive"));
  BOOST_TEST(contains(refused(R"({"error":"Repository not found"})"),
                      "a JSON file, but no index of shards"));
  BOOST_TEST(
      contains(refused("Entry not found"),
               "no file of weights (got one that begins with the bytes 45 6e 74 72 79 20 6e 6f"));
  BOOST_TEST(contains(refused("x"), "no file of weights (got one that begins with the bytes 78,"));
  BOOST_TEST(contains(refused(std::string("PK\x03\x04", 4)), "cut off or damaged"));
  BOOST_TEST(contains(refused("\x80"), "the pickle is cut off"));
  BOOST_TEST(contains(refused(pickled::whole("N")), "a pickle, but not one of torch.save"));
  BOOST_TEST(contains(refusal(path / "nowhere"), "there is no such file"));
  BOOST_TEST(contains(refusal(path), "not a regular file"));
}

BOOST_FIXTURE_TEST_CASE(shards_of_both_formats_are_put_together, Shards) {
  const TensorMap tensors = read_weights(index(R"({"a":"s1","b":"s2","c":"s2"})"));
  BOOST_TEST(tensors.size() == 3u);
  BOOST_TEST(values_of<float>(tensors.at("c")).at(0) == 3.0f);

  std::filesystem::copy_file(kFolder / "parameter.bin", path / "pytorch_model-00001-of-00002.bin");
  const auto file = write_file(
      path / "pytorch_model.bin.index.json",
      R"({"weight_map":{"w":"pytorch_model-00001-of-00002.bin","b":"pytorch_model-00001-of-00002.bin","a":"s1"}})");
  const TensorMap mixed = read_weights(file);
  BOOST_TEST(mixed.size() == 3u);
  BOOST_TEST(mixed.at("w").shape == (std::vector<std::int64_t>{3, 2}),
             boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(shards_that_disagree_with_their_index_are_all_listed, Shards) {
  const std::string text = refusal(index(R"({"a":"s1","b":"s1","c":"s2","d":"s3","e":"s3"})"));
  BOOST_TEST(contains(text, "the shards don't agree with their index"), text);
  BOOST_TEST(contains(text, "\n  missing tensor: b (expected in s1)"), text);
  BOOST_TEST(contains(text, "\n  unexpected tensor: b in s2"), text);
  BOOST_TEST(contains(text, "\n  missing file: s3 (2 tensors, e.g. d)"), text);
  std::string many = R"({"a":"s1")";
  for (int i = 0; i < 30; ++i) many += R"(,"x)" + std::to_string(i) + R"(":"s1")";
  BOOST_TEST(contains(refusal(index(many + "}")), "\n  and 10 more"));
}

BOOST_FIXTURE_TEST_CASE(what_shards_hold_and_their_index_does_not_name_is_used_and_said, Shards) {
  const WeightFile one_left = read_weight_file(index(R"({"a":"s1","b":"s2"})"));
  BOOST_REQUIRE_EQUAL(one_left.tensors.size(), 3u);
  BOOST_TEST(values_of<float>(one_left.tensors.at("c")).at(0) == 3.0f);
  BOOST_REQUIRE_EQUAL(one_left.notes.size(), 1u);
  BOOST_TEST(one_left.notes[0] ==
             "the shards hold 1 tensor that the index doesn't name (c); used all the same, as in "
             "transformers");
  BOOST_TEST(read_weight_file(index(R"({"a":"s1","b":"s2","c":"s2"})")).notes.empty());
  // A shard that isn't named is not looked for.
  BOOST_TEST(read_weights(index(R"({"a":"s1"})")).size() == 1u);
  // Which of two unnamed tensors is meant nobody knows.
  write_safetensors(path / "s3", {{"c", one(4)}, {"d", one(5)}});
  BOOST_TEST(contains(refusal(index(R"({"a":"s1","b":"s2","d":"s3"})")),
                      "\n  unexpected tensor: c in s2 and in s3"));
}

BOOST_FIXTURE_TEST_CASE(what_was_passed_over_in_a_file_is_said, Shards) {
  const WeightFile whole = read_weight_file(kFolder / "settings.bin");
  BOOST_REQUIRE_EQUAL(whole.notes.size(), 1u);
  BOOST_TEST(whole.notes[0].starts_with("left out what stands beside the weights (10 entries"));
  std::filesystem::copy_file(kFolder / "settings.bin", path / "s4");
  const WeightFile shard = read_weight_file(index(R"({"a":"s1","module.w":"s4","module.b":"s4"})"));
  BOOST_REQUIRE_EQUAL(shard.notes.size(), 1u);
  BOOST_TEST(shard.notes[0].starts_with("s4: left out what stands beside"), shard.notes[0]);
}

BOOST_FIXTURE_TEST_CASE(an_index_reaches_no_file_outside_its_folder, Shards) {
  std::filesystem::create_directory(path / "inner");
  for (const std::string& name :
       {"../s1", "/etc/passwd", "inner/s1", "..", ".", "", "a\\\\b", "s1\\u0000"}) {
    const std::string text = refusal(index(R"({"a":")" + name + R"("})"));
    BOOST_TEST(contains(text, "the index names a file outside its folder"), text);
  }
}

BOOST_FIXTURE_TEST_CASE(a_malformed_index_is_refused, Shards) {
  const auto refused = [&](const std::string& text) {
    return refusal(write_file(path / "i.json", text));
  };
  BOOST_TEST(contains(refused("{"), "the index is not JSON at byte"));
  BOOST_TEST(contains(refused(R"({"weight_map":[]})"), "got no object \"weight_map\""));
  BOOST_TEST(contains(refused(R"({"weight_map":{}})"), "the index names no tensor"));
  BOOST_TEST(
      contains(refused(R"({"weight_map":{"a":1}})"), "the index names no file for tensor 'a'"));
  BOOST_TEST(contains(refused(R"({"weight_map":{"a":"s1","a":"s2"}})"), "the index has 'a' twice"));
  BOOST_TEST(contains(refused(R"({"metadata":)" + std::string(100'000, '[')),
                      "the index nests too deeply"));
  // An index as a shard would let two indices name each other without end.
  BOOST_TEST(contains(message_of<WeightsError>([&] {
                        (void)read_weights(index(R"({"a":"model.safetensors.index.json"})"));
                      }),
                      "an index of shards where a shard was expected"));
}

BOOST_FIXTURE_TEST_CASE(the_weights_of_a_folder_are_found, TorchFolder) {
  const auto found = [&] { return find_weights(path).filename().string(); };
  const auto refused = [&] { return message_of<WeightsError>([&] { (void)find_weights(path); }); };
  BOOST_TEST(contains(refused(), "no weights in this folder"));
  write_file(path / "config.json", "{}");
  write_file(path / "last.ckpt", "x");
  BOOST_TEST(found() == "last.ckpt");
  write_file(path / "optimizer.pt", "x");
  BOOST_TEST(contains(refused(), "several files of weights (got last.ckpt, optimizer.pt"));
  write_file(path / "blip.pth", "x");
  BOOST_TEST(found() == "blip.pth");
  write_file(path / "other.bin", "x");
  BOOST_TEST(
      contains(refused(), "several files of weights (got blip.pth, other.bin, expected one"));
  write_file(path / "pytorch_model.bin.index.json", "x");
  BOOST_TEST(found() == "pytorch_model.bin.index.json");
  write_file(path / "pytorch_model.bin", "x");
  BOOST_TEST(found() == "pytorch_model.bin");
  write_file(path / "model.safetensors.index.json", "x");
  BOOST_TEST(found() == "model.safetensors.index.json");
  write_file(path / "model.safetensors", "x");
  BOOST_TEST(found() == "model.safetensors");
  std::filesystem::remove(path / "model.safetensors");
  std::filesystem::create_symlink(path / "nothing", path / "model.safetensors");
  BOOST_TEST(contains(refused(), "model.safetensors: a link to a file that is not there"));
  BOOST_TEST(contains(message_of<WeightsError>([&] { (void)find_weights(path / "config.json"); }),
                      "not a folder"));
  BOOST_TEST(contains(message_of<WeightsError>([&] { (void)find_weights(path / "nowhere"); }),
                      "not a folder"));
}

BOOST_AUTO_TEST_SUITE_END()
