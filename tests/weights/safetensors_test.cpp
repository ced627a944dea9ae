#include "vlp/weights/safetensors.hpp"

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"
#include "vlp/core/atomic_file.hpp"
#include "vlp/core/error.hpp"

BOOST_AUTO_TEST_SUITE(safetensors)

using namespace vlp;
using vlp_test::contains;
using vlp_test::message_of;

namespace {

template <class T>
TensorBytes tensor_of(std::string dtype, std::vector<std::int64_t> shape, std::vector<T> values) {
  const auto owner = std::make_shared<const std::vector<T>>(std::move(values));
  return {std::move(dtype), std::move(shape), std::as_bytes(std::span(*owner)), owner};
}

template <class T>
std::vector<T> values_of(const TensorBytes& tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

struct Folder : ScratchFolder {
  /// Writes a file with this header and so many zero bytes of data.
  std::filesystem::path file(const std::string& header, std::size_t data_bytes) const {
    std::string text(8, '\0');
    const std::uint64_t length = header.size();
    std::memcpy(text.data(), &length, 8);
    return raw(text + header + std::string(data_bytes, '\0'));
  }
  std::filesystem::path raw(const std::string& bytes) const {
    const auto name = path / "x.safetensors";
    std::ofstream(name, std::ios::binary) << bytes;
    return name;
  }
  std::string refusal(const std::string& header, std::size_t data_bytes) const {
    const auto name = file(header, data_bytes);
    const std::string text = message_of<WeightsError>([&] { (void)read_safetensors(name); });
    BOOST_TEST(text.starts_with(name.string() + ": "), text);
    return text;
  }
};

std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(what_is_written_is_read_back_bit_by_bit, Folder) {
  const auto name = path / "all.safetensors";
  const NamedTensors tensors{
      {"flags", tensor_of<std::uint8_t>("BOOL", {3}, {1, 0, 1})},
      {"w", tensor_of<float>("F32", {2, 2}, {1.5f, -0.0f, 3e-45f, -7})},
      {"d", tensor_of<double>("F64", {1}, {0.1})},
      {"h", tensor_of<std::uint16_t>("F16", {2}, {0x3c00, 0x7bff})},
      {"b", tensor_of<std::uint16_t>("BF16", {1, 1}, {0x3f80})},
      {"i64", tensor_of<std::int64_t>("I64", {}, {-5})},
      {"i32", tensor_of<std::int32_t>("I32", {1}, {7})},
      {"i16", tensor_of<std::int16_t>("I16", {1}, {-7})},
      {"i8", tensor_of<std::int8_t>("I8", {1}, {-1})},
      {"u8", tensor_of<std::uint8_t>("U8", {1}, {255})},
      {"empty", tensor_of<float>("F32", {0, 3}, {})},
  };
  const Metadata metadata{{"format", "pt"}, {"quote \" é", "line\nbreak"}};
  write_safetensors(name, tensors, metadata);

  const SafetensorsFile file = read_safetensors(name);
  BOOST_TEST((file.metadata == metadata));
  BOOST_TEST(file.tensors.size() == tensors.size());
  for (const auto& [key, written] : tensors) {
    const TensorBytes& read = file.tensor(key);
    BOOST_TEST(read.dtype == written.dtype);
    BOOST_TEST(read.shape == written.shape, boost::test_tools::per_element());
    BOOST_TEST(std::ranges::equal(read.bytes, written.bytes), key);
  }
}

BOOST_FIXTURE_TEST_CASE(tensors_are_aligned_in_the_file, Folder) {
  const auto name = path / "aligned.safetensors";
  write_safetensors(name, {{"odd", tensor_of<std::uint8_t>("U8", {3}, {1, 2, 3})},
                           {"double", tensor_of<double>("F64", {1}, {1})},
                           {"float", tensor_of<float>("F32", {1}, {1})}});
  std::uint64_t length = 0;
  const std::string bytes = file_bytes(name);
  std::memcpy(&length, bytes.data(), 8);
  BOOST_TEST(length % 8 == 0u);
  const SafetensorsFile file = read_safetensors(name);
  for (const auto& [key, tensor] : file.tensors)
    BOOST_TEST(
        reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % *item_size(tensor.dtype) == 0u,
        key);
}

BOOST_FIXTURE_TEST_CASE(tensors_of_one_dtype_keep_their_order, Folder) {
  const auto name = path / "order.safetensors";
  write_safetensors(
      name, {{"z", tensor_of<float>("F32", {1}, {1})}, {"a", tensor_of<float>("F32", {1}, {2})}});
  const SafetensorsFile file = read_safetensors(name);
  BOOST_TEST((file.tensor("z").bytes.data() < file.tensor("a").bytes.data()));
}

BOOST_FIXTURE_TEST_CASE(a_file_of_another_writer_is_read, Folder) {
  // Header as the format's own library writes it: no spaces between tokens, filled up to 8 bytes.
  const auto name = file(
      R"({"__metadata__":{"format":"pt"},"t":{"dtype":"I16","shape":[2],"data_offsets":[0,4]}}   )",
      4);
  const SafetensorsFile read = read_safetensors(name);
  BOOST_TEST(read.metadata.at("format") == "pt");
  BOOST_TEST(values_of<std::int16_t>(read.tensor("t")) == (std::vector<std::int16_t>{0, 0}),
             boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_tensor_outlives_its_file_object_and_its_name, Folder) {
  const auto name = path / "short.safetensors";
  write_safetensors(name, {{"w", tensor_of<float>("F32", {2}, {1, 2})}});
  TensorBytes tensor;
  {
    tensor = read_safetensors(name).tensor("w");
  }
  std::filesystem::remove(name);
  BOOST_TEST(values_of<float>(tensor) == (std::vector<float>{1, 2}),
             boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_file_without_tensors_is_fine, Folder) {
  write_safetensors(path / "none.safetensors", {});
  BOOST_TEST(read_safetensors(path / "none.safetensors").tensors.empty());
}

BOOST_AUTO_TEST_CASE(stored_malformed_files_are_refused) {
  const std::filesystem::path folder = std::filesystem::path(VLP_TEST_DATA) / "weights";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"bad_json", "the header is not JSON at byte"},
      {"hole", "tensor 'b' leaves a hole before it at byte 4"},
      {"huge_header",
       "header length out of range (got 4611686018427387904 bytes, expected at most 2)"},
      {"offset_beyond_file",
       "tensor 'w' ends beyond the file (got byte 32 of the data, expected at most 16)"},
      {"overlap", "tensor 'b' overlaps the one before it at byte 8"},
      {"shape_overflow", "tensor 'w': the size of shape [4611686018427387904, 4] overflows"},
      {"size_mismatch", "shape and bytes differ (got 16 bytes, expected 20 for F32 [5])"},
  };
  for (const auto& [stem, expected] : cases) {
    const auto name = folder / ("refuse_" + stem + ".safetensors");
    const std::string text = message_of<WeightsError>([&] { (void)read_safetensors(name); });
    BOOST_TEST(text.starts_with(name.string() + ": "), text);
    BOOST_TEST(contains(text, expected), text);
  }
}

BOOST_FIXTURE_TEST_CASE(every_rule_of_the_header_is_checked, Folder) {
  const auto entry = [](const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
           "}}";
  };
  const std::vector<std::tuple<std::string, std::size_t, std::string>> cases{
      {"", 0, "doesn't begin with '{'"},
      {"[]", 0, "doesn't begin with '{'"},
      {" {}", 0, "doesn't begin with '{'"},
      {"{} x", 0, "not JSON at byte"},
      {"{}", 4, "bytes that belong to no tensor (got 4 bytes of data, expected 0)"},
      {R"({"w":1})", 0, "tensor 'w' is not described by an object"},
      {R"({"w":{}})", 0, "tensor 'w' has no string 'dtype'"},
      {R"({"w":{"dtype":"F32"}})", 0, "tensor 'w' has no array 'shape'"},
      {R"({"w":{"dtype":"F32","shape":[]}})", 0, "tensor 'w' has no array 'data_offsets'"},
      {entry("4", "[1]", "[0,4]"), 4, "no string 'dtype'"},
      {entry("\"F33\"", "[1]", "[0,4]"), 4, "unknown dtype (got F33, expected one of F64"},
      {entry("\"F32\"", "[-1]", "[0,4]"), 4, "'shape' holds something else"},
      {entry("\"F32\"", "[1.0]", "[0,4]"), 4, "'shape' holds something else"},
      {entry("\"F32\"", "[\"1\"]", "[0,4]"), 4, "'shape' holds something else"},
      {entry("\"F32\"", "[18446744073709551615]", "[0,4]"), 4, "'shape' holds something else"},
      {entry("\"F32\"", "[0,9223372036854775807,3]", "[0,0]"), 0, "overflows"},
      {entry("\"F32\"", "[1]", "[4,0]"), 4, "'data_offsets' is not [begin, end]"},
      {entry("\"F32\"", "[1]", "[4]"), 4, "'data_offsets' is not [begin, end]"},
      {entry("\"F32\"", "[1]", "[0,4,4]"), 4, "'data_offsets' is not [begin, end]"},
      {entry("\"F32\"", "[1]", "[-4,0]"), 4, "'data_offsets' holds something else"},
      {entry("\"F32\"", "[1]", "[0,4]"), 8, "bytes that belong to no tensor"},
      {entry("\"F32\"", "[1]", "[4,8]"), 8, "tensor 'w' leaves a hole before it at byte 0"},
      {entry("\"F32\"", "[[]]", "[0,4]"), 4, "'shape' holds something else"},
      {entry("\"F32\"", "[[1]]", "[0,4]"), 4, "nests too deeply"},
      {entry("\"F32\"", "[1e999]", "[0,4]"), 4, "out of range"},
      {R"({"__metadata__":[]})", 0, "__metadata__ is not an object"},
      {R"({"__metadata__":{"a":1}})", 0, "__metadata__ 'a' is not a string"},
      {R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       4, "has 'w' twice"},
      {R"({"w":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}})", 4,
       "has 'dtype' twice"},
      {"{\"\xff\":1}", 0, "not JSON at byte"},
  };
  for (const auto& [header, data, expected] : cases) {
    const std::string text = refusal(header, data);
    BOOST_TEST(contains(text, expected), header << " -> " << text);
  }
}

BOOST_FIXTURE_TEST_CASE(files_that_are_too_short_or_missing_are_refused, Folder) {
  const auto refused = [](const std::filesystem::path& name) {
    return message_of<WeightsError>([&] { (void)read_safetensors(name); });
  };
  BOOST_TEST(contains(refused(raw("")), "too short for a header length (got 0 bytes"));
  BOOST_TEST(contains(refused(raw("1234567")), "got 7 bytes"));
  BOOST_TEST(contains(refused(path / "nowhere"), "there is no such file"));
  BOOST_TEST(contains(refused(path), "not a regular file"));
}

BOOST_FIXTURE_TEST_CASE(every_truncation_is_refused, Folder) {
  const auto name = path / "whole.safetensors";
  write_safetensors(name, {{"w", tensor_of<float>("F32", {2}, {1, 2})}});
  const std::string whole = file_bytes(name);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto cut = raw(whole.substr(0, length));
    BOOST_CHECK_THROW((void)read_safetensors(cut), WeightsError);
  }
}

BOOST_FIXTURE_TEST_CASE(a_missing_tensor_is_named, Folder) {
  write_safetensors(path / "none.safetensors", {});
  const SafetensorsFile file = read_safetensors(path / "none.safetensors");
  BOOST_TEST(contains(message_of<WeightsError>([&] { (void)file.tensor("w"); }),
                      "none.safetensors: tensor 'w' is missing"));
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_written_is_refused_and_leaves_nothing, Folder) {
  const TensorBytes one = tensor_of<float>("F32", {1}, {1});
  TensorBytes wrong = one;
  wrong.shape = {2};
  const auto refused = [&](const NamedTensors& tensors, const Metadata& metadata = {}) {
    return message_of<WeightsError>(
        [&] { write_safetensors(path / "w.safetensors", tensors, metadata); });
  };
  BOOST_TEST(contains(refused({{"a", one}, {"a", one}}), "tensor name 'a' is used twice"));
  BOOST_TEST(contains(refused({{"__metadata__", one}}), "reserved"));
  BOOST_TEST(
      contains(refused({{"a", wrong}}), "tensor 'a' can't be written (got 4 bytes for F32 [2])"));
  BOOST_TEST(contains(refused({{"\xff", one}}), "not UTF-8"));
  BOOST_TEST(contains(refused({}, {{"a", "\xff"}}), "not UTF-8"));
  BOOST_TEST(std::filesystem::is_empty(path));
  const auto nowhere = path / "no" / "folder.safetensors";
  BOOST_TEST(contains(message_of<WeightsError>([&] { write_safetensors(nowhere, {}); }),
                      nowhere.string() + ": can't be created (No such file"));
}

BOOST_FIXTURE_TEST_CASE(a_write_that_stops_half_way_keeps_the_old_file, Folder) {
  const auto name = path / "kept";
  std::ofstream(name) << "old";
  {
    AtomicFile<vlp::WeightsError> file(name);
    file.write(std::as_bytes(std::span("new", 3)));
    BOOST_TEST(file_bytes(name) == "old");
  }
  BOOST_TEST(file_bytes(name) == "old");
  BOOST_TEST(std::distance(std::filesystem::directory_iterator(path), {}) == 1);
  AtomicFile<vlp::WeightsError> file(name);
  file.write(std::as_bytes(std::span("new", 3)));
  file.commit();
  BOOST_TEST(file_bytes(name) == "new");
  BOOST_TEST(std::distance(std::filesystem::directory_iterator(path), {}) == 1);
}

BOOST_AUTO_TEST_SUITE_END()
