#include "vlp/weights/torch_file.hpp"

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <optional>

#include "tests/support/torch_bytes.hpp"
#include "vlp/weights/safetensors.hpp"

BOOST_AUTO_TEST_SUITE(torch_file)

using namespace vlp;

namespace {

const std::filesystem::path kFolder = std::filesystem::path(VLP_TEST_DATA) / "weights";

/// The value under keys joined by '/'; integer keys are written as digits.
std::optional<PickleId> follow(const Pickle& pickle, std::string_view path) {
  PickleId value = pickle.root();
  while (!path.empty()) {
    const std::string_view key = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(key.size() + 1, path.size()));
    const auto entries = pickle.items(value);
    std::optional<PickleId> next;
    for (std::size_t i = 0; i + 1 < entries.size(); i += 2) {
      const auto* text = pickle.text(entries[i]);
      const auto* number = pickle.get<std::int64_t>(entries[i]);
      if ((text && *text == key) || (number && std::to_string(*number) == key))
        next = entries[i + 1];
    }
    if (!next) return std::nullopt;
    value = *next;
  }
  return value;
}

std::string refusal(const std::filesystem::path& file) {
  const std::string text =
      message_of<WeightsError>([&] { (void)read_torch_file(file).state_dict(); });
  BOOST_TEST(text.starts_with(file.string() + ": "), text);
  return text;
}

struct Folder : TorchFolder {
  std::string tensor_refusal(const pickled::Tensor& tensor) const {
    return refusal(torch(pickled::whole(pickled::dict({{"w", pickled::tensor(tensor)}}))));
  }
  TensorBytes tensor(const pickled::Tensor& tensor) const {
    return read_torch_file(torch(pickled::whole(pickled::dict({{"w", pickled::tensor(tensor)}}))))
        .state_dict()
        .at("w");
  }
};

using Floats = std::vector<float>;

}  // namespace

BOOST_AUTO_TEST_CASE(stored_files_hold_the_values_that_pytorch_reads) {
  const SafetensorsFile expected = read_safetensors(kFolder / "expected.safetensors");
  std::map<std::string, TorchFile> files;
  for (const auto& [name, tensor] : expected.tensors) {
    const std::size_t slash = name.find('/');
    const std::string file = name.substr(0, slash);
    if (!files.contains(file)) files.emplace(file, read_torch_file(kFolder / file));
    TorchFile& read = files.at(file);
    const auto value = follow(read.pickle(), std::string_view(name).substr(slash + 1));
    BOOST_REQUIRE_MESSAGE(value && read.is_tensor(*value), name);
    const TensorBytes found = read.tensor(*value, name);
    BOOST_TEST(found.dtype == tensor.dtype, name);
    BOOST_TEST(found.shape == tensor.shape, boost::test_tools::per_element());
    BOOST_TEST(std::ranges::equal(found.bytes, tensor.bytes), name);
  }
  BOOST_TEST(files.size() == 8u);
}

BOOST_AUTO_TEST_CASE(plain_values_around_tensors_are_read) {
  const TorchFile file = read_torch_file(kFolder / "nested.bin");
  const Pickle& pickle = file.pickle();
  BOOST_TEST(*pickle.get<std::int64_t>(*follow(pickle, "epoch")) == 3);
  BOOST_TEST(*pickle.get<double>(*follow(pickle, "lr")) == 1e-5);
  BOOST_TEST(pickle.get<PickleNone>(*follow(pickle, "best")));
  BOOST_TEST(*pickle.get<bool>(*follow(pickle, "done")));
  BOOST_TEST(*pickle.text(*follow(pickle, "name")) == "vlp-test é");
  const auto size = pickle.items(*follow(pickle, "config/size"));
  BOOST_TEST(size.size() == 2u);
  BOOST_TEST(*pickle.get<std::int64_t>(size[1]) == 384);
  BOOST_TEST(*pickle.text(pickle.items(*follow(pickle, "config/tags"))[1]) == "b");
  BOOST_TEST(*pickle.get<std::int64_t>(*follow(pickle, "config/neg")) == -1);
  const auto* big = pickle.get<PickleLong>(*follow(pickle, "config/big"));  // 2^70
  BOOST_REQUIRE(big);
  BOOST_TEST(big->bytes.size() == 9u);
  BOOST_TEST(std::to_integer<int>(big->bytes[8]) == 1 << 6);
  BOOST_TEST(std::ranges::count(big->bytes, std::byte{0}) == 8);
}

BOOST_AUTO_TEST_CASE(the_dict_around_the_weights_is_taken_off) {
  const TensorMap tensors = read_torch_file(kFolder / "nested.bin").state_dict();
  BOOST_TEST(tensors.size() == 2u);
  BOOST_TEST(tensors.contains("layer.weight"));
  BOOST_TEST(tensors.contains("layer.bias"));
}

BOOST_AUTO_TEST_CASE(settings_that_training_scripts_save_are_passed_over) {
  for (const char* name : {"settings.bin", "settings_protocol_4.bin"}) {
    TorchFile file = read_torch_file(kFolder / name);
    const TensorMap tensors = file.state_dict();
    BOOST_REQUIRE_EQUAL(tensors.size(), 2u);
    BOOST_TEST(values_of<float>(tensors.at("module.w")) == (Floats{1, 2, 3}),
               boost::test_tools::per_element());
    BOOST_TEST(values_of<float>(tensors.at("module.b")) == (Floats{4}),
               boost::test_tools::per_element());
    BOOST_REQUIRE_EQUAL(file.notes().size(), 1u);
    BOOST_TEST(file.notes()[0] ==
               "left out what stands beside the weights (10 entries, such as 'optimizer', "
               "'config', 'args', 'numbers', 'paths', 'history')");
  }
}

BOOST_AUTO_TEST_CASE(tensors_in_order_are_views_and_others_are_copies) {
  const MappedFile file = map_file(kFolder / "views.bin");
  const TensorMap tensors = TorchFile(file, "views").state_dict();
  const auto inside = [&](const char* name) {
    const auto* begin = tensors.at(name).bytes.data();
    return begin >= file.bytes.data() && begin < file.bytes.data() + file.bytes.size();
  };
  for (const char* name : {"base", "shared_again", "row_slice"}) BOOST_TEST(inside(name), name);
  for (const char* name : {"transposed", "column", "expanded", "permuted", "strided"})
    BOOST_TEST(!inside(name), name);
  BOOST_TEST(tensors.at("base").bytes.data() == tensors.at("shared_again").bytes.data());
}

BOOST_AUTO_TEST_CASE(stored_malformed_files_are_refused) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"eval_inside_state_dict", "the pickle asks for '__builtin__.eval'"},
      {"getattr", "the pickle asks for '__builtin__.getattr'"},
      {"missing_storage", "tensor 'w' lies in a storage that the file lacks (got '0')"},
      {"negative_size", "tensor 'w' reaches beyond its storage (got offset 0, sizes [-4]"},
      {"numpy_function", "the pickle asks for 'numpy.loadtxt'"},
      {"object", "the pickle asks for 'commands.Popen'"},  // protocol 2's name for subprocess
      {"os_system", "the pickle asks for 'posix.system'"},
      {"short_storage",
       "tensor 'w' lies in a storage of another size (got 8 bytes, expected 4 items of F32)"},
      {"size_beyond_storage", "sizes [64] and strides [1], expected them within 4 items"},
      {"stride_beyond_storage", "sizes [4] and strides [99], expected them within 4 items"},
      {"torch_load", "the pickle asks for 'torch.serialization.load'"},
      {"truncated_pickle", "the pickle is cut off"},
      {"truncated_zip", "the zip archive is cut off or damaged"},
  };
  for (const auto& [stem, expected] : cases) {
    const std::string text = refusal(kFolder / ("refuse_" + stem + ".bin"));
    BOOST_TEST(contains(text, expected), text);
  }
}

BOOST_AUTO_TEST_CASE(every_truncation_of_both_layouts_is_refused) {
  for (const char* name : {"views.bin", "legacy_format.bin"}) {
    const std::string whole = file_bytes(kFolder / name);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const std::string cut = whole.substr(0, length);
      BOOST_CHECK_THROW((void)TorchFile({bytes_of(cut), {}}, "cut"), WeightsError);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(offsets_sizes_and_strides_within_the_storage_are_read, Folder) {
  BOOST_TEST(
      values_of<float>(tensor({.sizes = {2}, .strides = {1}, .offset = 2})) == (Floats{3, 4}),
      boost::test_tools::per_element());
  BOOST_TEST(values_of<float>(tensor({.sizes = {2, 2}, .strides = {1, 2}})) == (Floats{1, 3, 2, 4}),
             boost::test_tools::per_element());
  BOOST_TEST(values_of<float>(tensor({.sizes = {2, 2}, .strides = {0, 3}})) == (Floats{1, 4, 1, 4}),
             boost::test_tools::per_element());
  BOOST_TEST(
      values_of<float>(tensor({.sizes = {1, 1}, .strides = {99, -0}, .offset = 3})) == (Floats{4}),
      boost::test_tools::per_element());
  BOOST_TEST(values_of<float>(tensor({.sizes = {}, .strides = {}, .offset = 1})) == (Floats{2}),
             boost::test_tools::per_element());
  BOOST_TEST(tensor({.sizes = {3, 0}, .strides = {1, 1}, .offset = 4}).bytes.empty());
}

BOOST_FIXTURE_TEST_CASE(tensors_that_reach_beyond_their_storage_are_refused, Folder) {
  constexpr auto huge = std::numeric_limits<std::int64_t>::max();
  for (const pickled::Tensor& wrong : {
           pickled::Tensor{.offset = 1},
           pickled::Tensor{.offset = -1},
           pickled::Tensor{.offset = huge},
           pickled::Tensor{.sizes = {}, .strides = {}, .offset = 4},
           pickled::Tensor{.sizes = {5}},
           pickled::Tensor{.sizes = {huge}},
           pickled::Tensor{.sizes = {huge, huge}, .strides = {0, 0}},
           pickled::Tensor{.sizes = {2}, .strides = {huge}},
           pickled::Tensor{.sizes = {3, 3}, .strides = {huge / 2 + 1, huge / 2 + 1}},
           pickled::Tensor{.strides = {-1}},
           pickled::Tensor{.strides = {-1}, .offset = 3},
           pickled::Tensor{.strides = {1, 1}},
           pickled::Tensor{.strides = {}},
           pickled::Tensor{.sizes = {0, huge, huge}, .strides = {1, 1, 1}},
       })
    BOOST_TEST(contains(tensor_refusal(wrong), "tensor 'w' reaches beyond its storage"));
}

BOOST_FIXTURE_TEST_CASE(expanded_tensors_may_not_outgrow_the_file, Folder) {
  const std::int64_t fits = (std::int64_t{16} << 20) / 4;
  BOOST_TEST(tensor({.sizes = {fits}, .strides = {0}}).bytes.size() == std::size_t{16} << 20);
  BOOST_TEST(contains(tensor_refusal({.sizes = {std::int64_t{1} << 60}, .strides = {0}}),
                      "too large to be copied"));
  // Many at once count together.
  std::vector<std::pair<std::string, std::string>> entries;
  for (int i = 0; i < 3; ++i)
    entries.emplace_back("w" + std::to_string(i),
                         pickled::tensor({.sizes = {fits / 2}, .strides = {0}}));
  BOOST_TEST(
      contains(refusal(torch(pickled::whole(pickled::dict(entries)))), "too large to be copied"));
}

BOOST_FIXTURE_TEST_CASE(malformed_descriptions_of_tensors_are_refused, Folder) {
  BOOST_TEST(
      contains(tensor_refusal({.key = "../0"}), "a storage that the file lacks (got '../0')"));
  BOOST_TEST(contains(tensor_refusal({.key = "1"}), "a storage that the file lacks (got '1')"));
  BOOST_TEST(contains(tensor_refusal({.items = 3}), "got 16 bytes, expected 3 items of F32"));
  BOOST_TEST(contains(tensor_refusal({.items = std::int64_t{1} << 62}),
                      "got 16 bytes, expected 4611686018427387904 items of F32"));
  BOOST_TEST(contains(tensor_refusal({.items = -1}), "a storage is described in an unknown way"));
  BOOST_TEST(contains(tensor_refusal({.storage = "ComplexFloatStorage"}),
                      "has an unknown dtype (got a torch.ComplexFloatStorage"));
  BOOST_TEST(
      contains(tensor_refusal({.storage = "MadeUpStorage"}), "asks for 'torch.MadeUpStorage'"));
  BOOST_TEST(contains(tensor_refusal({.sizes = std::vector<std::int64_t>(65, 1),
                                      .strides = std::vector<std::int64_t>(65, 1)}),
                      "too many dimensions (got 65, expected at most 64)"));
  BOOST_TEST(contains(tensor_refusal({.more = pickled::dict({{"neg", "\x88"}})}),
                      "conjugated or negated lazily"));
  BOOST_TEST(tensor({.more = "}"}).bytes.size() == 16u);
  BOOST_TEST(contains(tensor_refusal({.more = "}}"}), "is made in an unknown way"));

  const auto refused = [&](const std::string& value) {
    return refusal(torch(pickled::whole(pickled::dict({{"w", value}}))));
  };
  const auto v2 = pickled::global("torch._utils", "_rebuild_tensor_v2");
  BOOST_TEST(contains(refused(v2 + ")R"), "is made in an unknown way"));
  BOOST_TEST(contains(refused(v2 + "(NNNNNNtR"), "has no storage or no offset"));
  BOOST_TEST(contains(refused(v2 + "(NQ" + pickled::integer(0) + "))\x89NtR"),
                      "is described in an unknown way"));
  BOOST_TEST(contains(refused(v2 + "(" + pickled::storage({}) + pickled::integer(0) + "N)\x89NtR"),
                      "has no list of sizes"));
  BOOST_TEST(
      contains(refused(v2 + "(" + pickled::storage({}) + pickled::integer(0) + "N\x85)\x89NtR"),
               "a size that is no 64-bit integer"));
  const auto parameter = pickled::global("torch._utils", "_rebuild_parameter");
  BOOST_TEST(contains(refused(parameter + ")R"), "is made in an unknown way"));
  BOOST_TEST(contains(refused(parameter + "N\x85R"), "is made in an unknown way"));
  BOOST_TEST(contains(refused(parameter + parameter + pickled::tensor({}) + "\x85R\x85R"),
                      "is made in an unknown way"));
}

BOOST_FIXTURE_TEST_CASE(the_dict_of_tensors_is_checked, Folder) {
  const auto refused = [&](const std::string& body) {
    return refusal(torch(pickled::whole(body)));
  };
  BOOST_TEST(contains(refused("N"), "holds no dict of tensors"));
  BOOST_TEST(contains(refused(pickled::tensor({})), "holds no dict of tensors"));
  BOOST_TEST(contains(refused("}"), "the dict holds no tensor (got nothing under a text)"));
  BOOST_TEST(contains(refused(pickled::dict({{"epoch", "N"}, {"args", "N"}})),
                      "the dict holds no tensor (got 'epoch', 'args')"));
  BOOST_TEST(contains(refused("}K\x01" + pickled::tensor({}) + "s"), "a tensor's name is no text"));
  BOOST_TEST(
      contains(refused(pickled::dict({{"w", pickled::tensor({})}, {"w", pickled::tensor({})}})),
               "tensor 'w' stands there twice"));
  const auto wrapped = torch(pickled::whole(pickled::dict(
      {{"epoch", "N"}, {"state_dict", pickled::dict({{"w", pickled::tensor({})}, {"n", "N"}})}})));
  BOOST_TEST(read_torch_file(wrapped).state_dict().size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(harmless_values_beside_the_weights_are_read, Folder) {
  const auto file = torch(pickled::whole(pickled::dict({
      {"w", pickled::tensor({})},
      {"size", pickled::global("torch", "Size") + pickled::integers({1, 2}) + "\x85R"},
      {"device", pickled::global("torch", "device") + pickled::text("cuda") + "\x85R"},
      {"dtype", pickled::global("torch", "float16")},
  })));
  BOOST_TEST(read_torch_file(file).state_dict().size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(archives_are_read_whatever_their_folder_is_called, Folder) {
  const std::string pickle = pickled::whole(pickled::dict({{"w", pickled::tensor({})}}));
  for (const std::string& prefix : {"", "archive/", ".tmp/", "a b/é/", "data/"}) {
    const auto file = write_zip(
        path / "y.bin", {{prefix + "data.pkl", pickle}, {prefix + "data/0", four_floats()}});
    BOOST_TEST(values_of<float>(read_torch_file(file).state_dict().at("w")) == (Floats{1, 2, 3, 4}),
               boost::test_tools::per_element());
  }
  const auto zip64 = write_zip(
      path / "y.bin", {{"x/data.pkl", pickle, 0, true}, {"x/data/0", four_floats(), 0, true}});
  BOOST_TEST(values_of<float>(read_torch_file(zip64).state_dict().at("w")) == (Floats{1, 2, 3, 4}),
             boost::test_tools::per_element());
  // Bytes before the archive move everything.
  const auto moved = write_file(path / "z.bin", "PK........." + file_bytes(zip64));
  BOOST_TEST(values_of<float>(read_torch_file(moved).state_dict().at("w")) == (Floats{1, 2, 3, 4}),
             boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(other_archives_are_refused, Folder) {
  const std::string pickle = pickled::whole(pickled::dict({{"w", pickled::tensor({})}}));
  const ZipEntry data{"x/data.pkl", pickle};
  const ZipEntry storage{"x/data/0", four_floats()};
  const auto refused = [&](const std::vector<ZipEntry>& entries) {
    return refusal(write_zip(path / "y.bin", entries));
  };
  BOOST_TEST(contains(refused({}), "no directory of its entries"));
  BOOST_TEST(
      contains(refused({{"readme.txt", "x", 9}}), "a zip archive, but not one of torch.save"));
  BOOST_TEST(contains(refused({data, {"y/data.pkl", pickle}, storage}),
                      "several data.pkl (got 'x/data.pkl' and 'y/data.pkl'"));
  BOOST_TEST(
      contains(refused({data, data, storage}), "the zip archive has the entry 'x/data.pkl' twice"));
  BOOST_TEST(contains(refused({data, storage, storage}),
                      "the zip archive has the entry 'x/data/0' twice"));
  BOOST_TEST(contains(refused({{"x/data.pkl", pickle, 9}, storage}),
                      "'x/data.pkl' of the zip archive is compressed"));
  BOOST_TEST(contains(refused({data, {"x/data/0", four_floats(), 9}}),
                      "'x/data/0' of the zip archive is compressed"));
  BOOST_TEST(contains(refused({data, storage, {"x/byteorder", "big"}}),
                      "not little-endian (got byte order 'big')"));
  BOOST_TEST(contains(refused({data, storage, {"x/byteorder", ""}}),
                      "not little-endian (got byte order '')"));
  BOOST_TEST(contains(refused({data, storage, {"x/version", "11\n"}}),
                      "unknown version of the format (got '11', expected 1 to 10)"));
  BOOST_TEST(
      contains(refused({data, storage, {"x/version", "x"}}), "unknown version of the format"));
  BOOST_TEST(contains(refused({data, storage, {"x/constants.pkl", ""}}), "a TorchScript program"));
  BOOST_TEST(contains(refused({data, {"x/data/1", four_floats()}}),
                      "a storage that the file lacks (got '0')"));
}

BOOST_FIXTURE_TEST_CASE(entries_beyond_the_archive_are_refused, Folder) {
  const std::string pickle = pickled::whole(pickled::dict({{"w", pickled::tensor({})}}));
  const std::string whole = file_bytes(torch(pickle));
  // Sizes of the last entry but one in the directory: 8 bytes, at 20 bytes after its signature. The
  // local header has the same, at 18.
  for (const std::string& size :
       {std::string("\x00\x00\x00\x40", 4), std::string("\xfe\xff\xff\xff", 4)}) {
    std::string broken = whole;
    const std::size_t name = broken.rfind("x/data/0");
    broken.replace(name - 26, 8, size + size);
    const std::size_t local = broken.find("x/data/0");
    broken.replace(local - 12, 8, size + size);
    const std::string text = refusal(write_file(path / "y.bin", broken));
    BOOST_TEST((contains(text, "ends beyond the zip archive") || contains(text, "is damaged")),
               text);
  }
}

BOOST_AUTO_TEST_CASE(every_changed_byte_of_an_archive_is_read_or_refused) {
  const std::string whole = file_bytes(kFolder / "views.bin");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int change : {1, 0x80, 0xff}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ change);
      try {
        for (const auto& [name, tensor] :
             TorchFile({bytes_of(changed), {}}, "changed").state_dict())
          BOOST_REQUIRE(tensor.bytes.size() == byte_size(tensor.dtype, tensor.shape));
      } catch (const WeightsError&) {
      }
    }
  }
}

BOOST_FIXTURE_TEST_CASE(the_layout_before_2020_is_checked, Folder) {
  const std::string whole = file_bytes(kFolder / "legacy_format.bin");
  const auto refused = [&](const std::string& bytes) {
    return refusal(write_file(path / "old.bin", bytes));
  };
  std::string other = whole;
  other[4] ^= 1;
  BOOST_TEST(contains(refused(other), "a pickle, but not one of torch.save"));
  other = whole;
  other[18] ^= 1;
  BOOST_TEST(contains(refused(other), "unknown version of the format from before 2020"));
  other = whole;
  other[73] = '\x89';
  BOOST_TEST(contains(refused(other), "not little-endian"));
  BOOST_TEST(contains(refused(whole + "x"), "goes on after its last storage (got 1 bytes more)"));
  BOOST_TEST(contains(refused(whole.substr(0, whole.size() - 1)), "cut off within its storages"));
  other = whole;
  other[416 + 5] ^= 1;  // the first key of the list
  BOOST_TEST(contains(refused(other), "lists a storage that no tensor uses"));
  other = whole;
  other[459 + 7] = '\x7f';  // the count of items
  BOOST_TEST(contains(refused(other), "cut off within its storages"));
}

BOOST_AUTO_TEST_SUITE_END()
