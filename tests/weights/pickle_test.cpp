#include "vlp/weights/pickle.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/torch_bytes.hpp"

BOOST_AUTO_TEST_SUITE(pickle)

using namespace vlp;

namespace {

Pickle read(const std::string& bytes) {
  return PickleReader(bytes_of(bytes), "x.pkl",
                      [](std::string_view name) { return name == "torch.FloatStorage"; })
      .read();
}

/// Reads one value in a list, so that its number is known.
template <class T>
T value_of(const std::string& body) {
  const std::string bytes = pickled::whole(body);
  const Pickle pickle = read(bytes);
  const T* value = pickle.get<T>(pickle.root());
  BOOST_REQUIRE(value);
  return *value;
}

std::string refusal(const std::string& bytes) {
  const std::string text = message_of<WeightsError>([&] { (void)read(bytes); });
  BOOST_TEST(text.starts_with("x.pkl: "), text);
  return text;
}

using Type = PickleContainer::Type;

}  // namespace

BOOST_AUTO_TEST_CASE(integers_of_every_spelling_are_read) {
  BOOST_TEST(value_of<std::int64_t>("K\xff") == 255);
  BOOST_TEST(value_of<std::int64_t>("M\xff\xff") == 65535);
  BOOST_TEST(value_of<std::int64_t>("J\xff\xff\xff\xff") == -1);
  BOOST_TEST(value_of<std::int64_t>(std::string("\x8a\x00", 2)) == 0);
  BOOST_TEST(value_of<std::int64_t>("\x8a\x01\xff") == -1);
  BOOST_TEST(value_of<std::int64_t>(std::string("\x8a\x02\xff\x00", 4)) == 255);
  BOOST_TEST(value_of<std::int64_t>(pickled::integer(std::numeric_limits<std::int64_t>::min())) ==
             std::numeric_limits<std::int64_t>::min());
  BOOST_TEST(value_of<std::int64_t>(std::string("\x8b\x01\x00\x00\x00\x80", 6)) == -128);
}

BOOST_AUTO_TEST_CASE(integers_beyond_64_bits_keep_their_bytes) {
  const std::string bytes = pickled::whole("\x8a\xff" + std::string(255, '\x7f'));
  const Pickle pickle = read(bytes);
  const auto* number = pickle.get<PickleLong>(pickle.root());
  BOOST_REQUIRE(number);
  BOOST_TEST(number->bytes.size() == 255u);
  BOOST_TEST(std::to_integer<int>(number->bytes.back()) == 0x7f);
}

BOOST_AUTO_TEST_CASE(scalars_are_read) {
  BOOST_TEST(value_of<bool>("\x88"));
  BOOST_TEST(!value_of<bool>("\x89"));
  BOOST_TEST(value_of<double>(std::string("G\xbf\xf8\0\0\0\0\0\0", 9)) == -1.5);
  (void)value_of<PickleNone>("N");
}

BOOST_AUTO_TEST_CASE(texts_and_bytes_of_every_spelling_are_read) {
  const std::string ab = "ab";
  for (const std::string& body :
       {"X" + pickled::little_endian(2, 4) + ab, "T" + pickled::little_endian(2, 4) + ab,
        "U\x02" + ab, "\x8c\x02" + ab, "\x8d" + pickled::little_endian(2, 8) + ab}) {
    const std::string bytes = pickled::whole(body, 4);
    const Pickle pickle = read(bytes);
    BOOST_REQUIRE(pickle.text(pickle.root()));
    BOOST_TEST(*pickle.text(pickle.root()) == ab);
  }
  for (const std::string& body : {"C\x02" + ab, "B" + pickled::little_endian(2, 4) + ab,
                                  "\x8e" + pickled::little_endian(2, 8) + ab}) {
    const std::string bytes = pickled::whole(body, 4);
    const Pickle pickle = read(bytes);
    BOOST_REQUIRE(pickle.get<PickleBytes>(pickle.root()));
    BOOST_TEST(std::ranges::equal(pickle.get<PickleBytes>(pickle.root())->bytes, bytes_of(ab)));
  }
}

BOOST_AUTO_TEST_CASE(bytes_as_protocol_2_spells_them_are_read) {
  // pickle.dumps(b"a\x80\xff", 2)
  const std::string bytes =
      pickled::whole(pickled::global("_codecs", "encode") + pickled::text("a\xc2\x80\xc3\xbf") +
                     pickled::text("latin1") + "\x86R");
  const Pickle pickle = read(bytes);
  BOOST_REQUIRE(pickle.get<PickleBytes>(pickle.root()));
  BOOST_TEST(
      std::ranges::equal(pickle.get<PickleBytes>(pickle.root())->bytes, bytes_of("a\x80\xff")));
  const std::string none = pickled::whole(pickled::global("__builtin__", "bytes") + ")R");
  BOOST_TEST(read(none).get<PickleBytes>(read(none).root())->bytes.empty());
  for (const std::string& text : {"\xc2", "\xc4\x80", "\xe2\x82\xac"}) {
    const std::string wrong =
        pickled::whole(pickled::global("_codecs", "encode") + pickled::text(text) +
                       pickled::text("latin1") + "\x86R");
    BOOST_TEST(contains(refusal(wrong), "bytes are spelt in an unknown way"));
  }
  BOOST_TEST(
      contains(refusal(pickled::whole(pickled::global("_codecs", "encode") + pickled::text("a") +
                                      pickled::text("rot13") + "\x86R")),
               "bytes are spelt in an unknown way"));
}

BOOST_AUTO_TEST_CASE(containers_are_read_in_order) {
  const std::string bytes = pickled::whole(
      "(](K\x01K\x02"
      "eK\x03"
      "a)K\x04\x85K\x05K\x06\x86K\x07K\x08K\x09\x87(K\x0al}K\x0bK\x0cs(K\x0dK\x0e"
      "dt");
  const Pickle pickle = read(bytes);
  const auto items = pickle.items(pickle.root());
  const auto numbers = [&](PickleId id) {
    std::vector<std::int64_t> all;
    for (const PickleId item : pickle.items(id)) all.push_back(*pickle.get<std::int64_t>(item));
    return all;
  };
  using Numbers = std::vector<std::int64_t>;
  BOOST_REQUIRE(items.size() == 8u);
  BOOST_TEST(pickle.is(items[0], Type::list));
  BOOST_TEST((numbers(items[0]) == Numbers{1, 2, 3}));
  BOOST_TEST((numbers(items[1]) == Numbers{}));
  BOOST_TEST((numbers(items[2]) == Numbers{4}));
  BOOST_TEST((numbers(items[3]) == Numbers{5, 6}));
  BOOST_TEST((numbers(items[4]) == Numbers{7, 8, 9}));
  BOOST_TEST((numbers(items[5]) == Numbers{10}));
  BOOST_TEST(pickle.is(items[6], Type::dict));
  BOOST_TEST((numbers(items[6]) == Numbers{11, 12}));
  BOOST_TEST((numbers(items[7]) == Numbers{13, 14}));
}

BOOST_AUTO_TEST_CASE(an_ordered_dict_is_a_dict_and_its_attributes_are_dropped) {
  const std::string bytes =
      pickled::whole(pickled::global("collections", "OrderedDict") + ")R(" + pickled::text("a") +
                     "K\x01u" + pickled::dict({{"_metadata", "}"}}) + "b");
  const Pickle pickle = read(bytes);
  BOOST_TEST(pickle.is(pickle.root(), Type::dict));
  BOOST_REQUIRE(pickle.find(pickle.root(), "a"));
  BOOST_TEST(*pickle.get<std::int64_t>(*pickle.find(pickle.root(), "a")) == 1);
  BOOST_TEST(!pickle.find(pickle.root(), "_metadata"));
  // As Python 2 writes it.
  const std::string old =
      pickled::whole(pickled::global("collections", "OrderedDict") + "(]]" + pickled::text("a") +
                     "aK\x01"
                     "aatR");
  BOOST_TEST(*read(old).get<std::int64_t>(*read(old).find(read(old).root(), "a")) == 1);
}

BOOST_AUTO_TEST_CASE(a_defaultdict_is_a_dict_and_sets_are_lists_and_tuples) {
  const std::string bytes = pickled::whole(
      "(" + pickled::global("collections", "defaultdict") + pickled::global("builtins", "list") +
          "\x85R" + pickled::text("a") + "K\x01s\x8f(K\x02K\x03\x90(K\x04\x91t",
      4);
  const Pickle pickle = read(bytes);
  const auto items = pickle.items(pickle.root());
  BOOST_REQUIRE(items.size() == 3u);
  BOOST_TEST(*pickle.get<std::int64_t>(*pickle.find(items[0], "a")) == 1);
  BOOST_TEST(pickle.is(items[1], Type::list));
  BOOST_REQUIRE(pickle.items(items[1]).size() == 2u);
  BOOST_TEST(*pickle.get<std::int64_t>(pickle.items(items[1])[1]) == 3);
  BOOST_TEST(pickle.is(items[2], Type::tuple));
  BOOST_TEST(*pickle.get<std::int64_t>(pickle.items(items[2])[0]) == 4);
}

BOOST_AUTO_TEST_CASE(objects_of_known_classes_stay_names_without_attributes) {
  const std::string bytes = pickled::whole(
      pickled::global("argparse", "Namespace") + ")\x81" + pickled::dict({{"lr", "K\x01"}}) + "b" +
      pickled::global("numpy", "dtype") + pickled::text("f4") + "\x89\x88\x87R(K\x03Ntb\x86");
  const Pickle pickle = read(bytes);
  const auto items = pickle.items(pickle.root());
  BOOST_REQUIRE(items.size() == 2u);
  const auto* object = pickle.get<PickleCall>(items[0]);
  BOOST_REQUIRE(object);
  BOOST_TEST(pickle.global(object->function) == "argparse.Namespace");
  BOOST_TEST(pickle.items(object->arguments).empty());
  const auto* dtype = pickle.get<PickleCall>(items[1]);
  BOOST_REQUIRE(dtype);
  BOOST_TEST(*pickle.text(pickle.items(dtype->arguments)[0]) == "f4");
}

BOOST_AUTO_TEST_CASE(remembered_values_are_the_same_value) {
  const std::string bytes = pickled::whole("(]q\x05h\x05r" + pickled::little_endian(0xffffffff, 4) +
                                           "j" + pickled::little_endian(0xffffffff, 4) +
                                           "K\x07"
                                           "at");
  const Pickle pickle = read(bytes);
  const auto items = pickle.items(pickle.root());
  BOOST_REQUIRE(items.size() == 3u);
  BOOST_TEST(items[0] == items[1]);
  BOOST_TEST(items[1] == items[2]);
  BOOST_TEST(pickle.items(items[0]).size() == 1u);
}

BOOST_AUTO_TEST_CASE(protocol_4_is_read) {
  const std::string bytes = pickled::whole("\x95" + pickled::little_endian(9, 8) +
                                               "]\x94\x8c\x05torch\x94\x8c\x0c"
                                               "FloatStorage\x94\x93\x94h\x03\x86",
                                           4);
  const Pickle pickle = read(bytes);
  const auto items = pickle.items(pickle.root());
  BOOST_REQUIRE(items.size() == 2u);
  BOOST_TEST(pickle.global(items[0]) == "torch.FloatStorage");
  BOOST_TEST(items[0] == items[1]);
}

BOOST_AUTO_TEST_CASE(calls_and_persistent_ids_stay_data) {
  const std::string bytes =
      pickled::whole(pickled::global("torch", "FloatStorage") + "K\x01\x85RK\x02Q\x86");
  const Pickle pickle = read(bytes);
  const auto items = pickle.items(pickle.root());
  const auto* call = pickle.get<PickleCall>(items[0]);
  BOOST_REQUIRE(call);
  BOOST_TEST(pickle.global(call->function) == "torch.FloatStorage");
  BOOST_TEST(*pickle.get<std::int64_t>(pickle.items(call->arguments)[0]) == 1);
  BOOST_TEST(*pickle.get<std::int64_t>(pickle.get<PicklePersistent>(items[1])->id) == 2);
}

BOOST_AUTO_TEST_CASE(globals_are_refused_by_name) {
  BOOST_TEST(contains(
      refusal(pickled::whole(pickled::global("posix", "system") + pickled::text("true") + "\x85R")),
      "the pickle asks for 'posix.system' (expected tensors, plain containers and settings "
      "only"));
  BOOST_TEST(contains(refusal(pickled::whole("\x8c\x08"
                                             "builtins\x8c\x04"
                                             "eval\x93",
                                             4)),
                      "asks for 'builtins.eval'"));
  BOOST_TEST(
      contains(refusal(pickled::whole(pickled::global("a\x1b[2J", "b"))), "asks for 'a?[2J.b'"));
  // A name never used is refused all the same.
  BOOST_TEST(contains(refusal(pickled::whole(pickled::global("os", "remove") + "0N")),
                      "asks for 'os.remove'"));
}

BOOST_AUTO_TEST_CASE(malformed_pickles_are_refused) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "doesn't begin as a pickle"},
      {"}.", "doesn't begin as a pickle"},
      {"\x80\x01N.", "unknown protocol (got 1, expected 2 to 4)"},
      {"\x80\x05N.", "unknown protocol (got 5, expected 2 to 4)"},
      {"\x80\x02N", "the pickle is cut off"},
      {"\x80\x02", "the pickle is cut off"},
      {"\x80\x02X\xff\xff\xff\xff"
       "a.",
       "the pickle is cut off"},
      {"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
       "a.",
       "the pickle is cut off"},
      {std::string("\x80\x02\x8b\xff\xff\xff\xff\0.", 8), "the pickle is cut off"},
      {"\x80\x02"
       "ctorch",
       "the pickle is cut off"},
      {"\x80\x02"
       "c" +
           std::string(2000, 'a'),
       "a name is too long"},
      {pickled::whole("\xfe"), "unknown instruction 0xfe, at byte 3"},
      {pickled::whole("i"), "unknown instruction 0x69"},
      {pickled::whole("o"), "unknown instruction 0x6f"},
      {pickled::whole(")\x81"), "takes a value from an empty stack"},
      {pickled::whole("N)\x81"), "makes an object of something that is no known class"},
      {pickled::whole(pickled::global("torch", "FloatStorage") + ")\x81"),
       "makes an object of something that is no known class"},
      {pickled::whole(pickled::global("argparse", "Namespace") + "N\x81"),
       "makes an object of something that is no known class"},
      {pickled::whole(pickled::global("argparse", "Namespace") + "Nb"),
       "sets attributes of something that has none"},
      {pickled::whole(pickled::global("torch", "FloatStorage") + ")RNb"),
       "sets attributes of something that has none"},
      {pickled::whole(pickled::global("argparse", "Namespace") + ")\x81Na"),
       "adds items to something that can't have any"},
      {pickled::whole(""), "takes a value from an empty stack"},
      {pickled::whole("N("), "takes a value from an empty stack"},
      {pickled::whole("N(2"), "takes a value from an empty stack"},
      {pickled::whole("N\x87"), "takes a value from an empty stack"},
      {pickled::whole("a"), "takes a value from an empty stack"},
      {pickled::whole("Nt"), "looks for a mark that is not there"},
      {pickled::whole("h\x07"), "refers to value 7, which it never remembered"},
      {pickled::whole("j\xff\xff\xff\xff"), "refers to value 4294967295"},
      {pickled::whole(")Na"), "adds items to something that can't have any"},
      {pickled::whole("}Na"), "adds items to something that can't have any"},
      {pickled::whole("]NNs"), "adds items to something that can't have any"},
      {pickled::whole("}(Nu"), "a dict has a key without a value"},
      {pickled::whole("(Nd"), "a dict has a key without a value"},
      {pickled::whole("N)R"), "calls something that is no function"},
      {pickled::whole(pickled::global("torch", "FloatStorage") + "NR"),
       "without a tuple of arguments"},
      {pickled::whole(pickled::global("collections", "OrderedDict") + "N\x85R"),
       "made from something else than pairs"},
      {pickled::whole(pickled::global("collections", "OrderedDict") + "]Na\x85R"),
       "made from something else than pairs"},
      {pickled::whole("NNb"), "sets attributes of something that has none"},
      {pickled::whole("NN\x93", 4), "a class is named by something that is no text"},
  };
  for (const auto& [bytes, expected] : cases)
    BOOST_TEST(contains(refusal(bytes), expected), expected << " <- " << refusal(bytes));
}

BOOST_AUTO_TEST_CASE(deep_nesting_and_cycles_are_harmless) {
  constexpr std::size_t deep = 100'000;
  const std::string nested = pickled::whole(std::string(deep, ']') + std::string(deep - 1, 'a'));
  const Pickle pickle = read(nested);
  BOOST_TEST(pickle.items(pickle.root()).size() == 1u);
  std::string tuples = ")";
  for (std::size_t i = 0; i < deep; ++i) tuples += "\x85";
  const std::string whole = pickled::whole(tuples);
  BOOST_TEST(read(whole).values().size() == deep + 1);
  const std::string cycle = pickled::whole(
      "]q\x01h\x01"
      "a");
  const Pickle itself = read(cycle);
  BOOST_TEST(itself.items(itself.root())[0] == itself.root());
}

BOOST_AUTO_TEST_CASE(what_is_repeated_takes_no_more_than_the_pickle) {
  // Doubling by reference: 2^40 values for a reader that copies, 41 here.
  std::string doubling = ")";
  for (int i = 0; i < 40; ++i) doubling += "2\x86";
  const std::string bytes = pickled::whole(doubling);
  BOOST_TEST(read(bytes).values().size() == 41u);
  // An OrderedDict from one remembered list, again and again.
  std::string pairs = "](";
  for (int i = 0; i < 1000; ++i) pairs += "NN\x86";
  std::string copies = pairs + "eq\x01" + pickled::global("collections", "OrderedDict") + "q\x02";
  for (int i = 0; i < 1000; ++i) copies += "h\x02h\x01\x85R";
  BOOST_TEST(contains(refusal(pickled::whole(copies)), "repeats a value too often"));
}

BOOST_AUTO_TEST_CASE(too_many_values_are_refused) {
  const std::string bytes = pickled::whole(std::string(kMostPickleValues + 1, 'N'));
  BOOST_TEST(contains(refusal(bytes), "holds more than 4194304 values"));
}

BOOST_AUTO_TEST_CASE(every_truncation_is_refused) {
  const std::string bytes = pickled::whole(pickled::dict(
      {{"w", pickled::global("torch", "FloatStorage")}, {"x", pickled::integers({1, 2})}}));
  for (std::size_t length = 0; length < bytes.size(); ++length)
    BOOST_CHECK_THROW((void)read(bytes.substr(0, length)), WeightsError);
}

BOOST_AUTO_TEST_SUITE_END()
