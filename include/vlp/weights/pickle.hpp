#pragma once
// Python's pickle format, read as data: protocols 2 to 4, plain containers, and the names of calls
// that are not made. Objects are the calls that would make them, without their attributes. Nothing
// is executed or looked up. A pickle of n bytes takes at most n + 1 steps and less than 200 n bytes
// of memory, and no more than the two bounds below allow. Includes no torch.
// @see Python's pickletools.py (the instructions)

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/weights/opaque_values.hpp"
#include "vlp/weights/pickle_value.hpp"

namespace vlp {

/// Longest pickle that is read, in bytes; the largest checkpoints' are below a megabyte.
inline constexpr std::size_t kLongestPickle = std::size_t{64} << 20;
/// Most values that one pickle may hold.
inline constexpr std::size_t kMostPickleValues = std::size_t{1} << 22;

/// Reads one pickle.
class PickleReader {
 public:
  /// Whether a global may appear, told by its full name, e.g. "torch.FloatStorage".
  using Allows = std::function<bool(std::string_view)>;

  /// @param bytes   begins with the pickle and may go on after it; must outlive the result
  /// @param source  how messages call it
  /// @param allows  globals beyond those that plain containers and opaque values need
  PickleReader(std::span<const std::byte> bytes, std::string source, Allows allows)
      : bytes_(bytes), source_(std::move(source)), allows_(std::move(allows)) {}

  /// @throws WeightsError for a global that is not allowed, naming it; for a pickle that is cut
  /// off, malformed, of another
  ///         protocol, or beyond the bounds
  [[nodiscard]] Pickle read() {
    if (peek() != 0x80) fail("doesn't begin as a pickle of protocol 2 or later");
    for (int code = byte(); code != '.'; code = byte()) {
      step(code);
      if (at_ > kLongestPickle)
        fail("the pickle is too long (expected at most " + std::to_string(kLongestPickle) +
             " bytes)");
    }
    out_.root_ = pop();
    out_.size_ = at_;
    return std::move(out_);
  }

 private:
  using Type = PickleContainer::Type;

  [[noreturn]] void fail(const std::string& what) const {
    throw WeightsError(source_ + ": " + what + ", at byte " + std::to_string(at_) +
                       " of the pickle. " +
                       "The file is damaged or not from torch.save; get it again.");
  }

  // Bytes.

  [[nodiscard]] int peek() const {
    return at_ < bytes_.size() ? std::to_integer<int>(bytes_[at_]) : -1;
  }
  std::span<const std::byte> take(std::uint64_t count) {
    if (count > bytes_.size() - at_) fail("the pickle is cut off");
    return bytes_.subspan(std::exchange(at_, at_ + count), count);
  }
  int byte() { return std::to_integer<int>(take(1)[0]); }
  std::uint64_t number(std::size_t count) {
    std::uint64_t value = 0;
    std::size_t shift = 0;
    for (const std::byte b : take(count))
      value |= std::to_integer<std::uint64_t>(b) << (8 * shift++);
    return value;
  }
  std::string_view text(std::uint64_t length) {
    const auto bytes = take(length);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::string_view line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + at_,
                                bytes_.size() - at_);
    const std::size_t length = rest.substr(0, 1000).find('\n');
    if (length == rest.npos)
      fail(rest.size() < 1000 ? "the pickle is cut off" : "a name is too long");
    at_ += length + 1;
    return rest.substr(0, length);
  }

  // The stack. Values above the last mark are all that an instruction may take.

  PickleId add(PickleValue value) {
    if (out_.values_.size() >= kMostPickleValues)
      fail("the pickle holds more than " + std::to_string(kMostPickleValues) + " values");
    out_.values_.push_back(value);
    return static_cast<PickleId>(out_.values_.size() - 1);
  }
  void push(PickleId id) { stack_.push_back(id); }
  void push_new(PickleValue value) { push(add(value)); }
  PickleId top() const {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
      fail("takes a value from an empty stack");
    return stack_.back();
  }
  PickleId pop() {
    const PickleId id = top();
    stack_.pop_back();
    return id;
  }
  void pop_value_or_mark() {
    if (!marks_.empty() && stack_.size() == marks_.back())
      marks_.pop_back();
    else
      pop();
  }
  std::vector<PickleId> pop_last(std::size_t count) {
    std::vector<PickleId> items(count);
    for (std::size_t i = count; i > 0; --i) items[i - 1] = pop();
    return items;
  }
  std::vector<PickleId> pop_to_mark() {
    if (marks_.empty()) fail("looks for a mark that is not there");
    std::vector<PickleId> items(stack_.begin() + marks_.back(), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  void push_container(Type type, std::vector<PickleId> items) {
    if (type == Type::dict && items.size() % 2 != 0) fail("a dict has a key without a value");
    push_new(PickleContainer{type, static_cast<std::uint32_t>(out_.containers_.size())});
    out_.containers_.push_back(std::move(items));
  }
  void extend(Type type, const std::vector<PickleId>& items) {
    if (!out_.is(top(), type)) fail("adds items to something that can't have any");
    if (type == Type::dict && items.size() % 2 != 0) fail("a dict has a key without a value");
    std::vector<PickleId>& all = out_.containers_[out_.get<PickleContainer>(top())->index];
    all.insert(all.end(), items.begin(), items.end());
  }

  // Instructions, as pickletools.py names them.

  void step(int code) {
    switch (code) {
      case 0x80: return check_protocol(byte());                                         // PROTO
      case 0x95: return void(take(8));                                                  // FRAME
      case '(':  return marks_.push_back(static_cast<std::uint32_t>(stack_.size()));    // MARK
      case '0':  return pop_value_or_mark();                                            // POP
      case '1':  return void(pop_to_mark());                                            // POP_MARK
      case '2':  return push(top());                                                    // DUP
      case 'N':  return push_new(PickleNone{});                                         // NONE
      case 0x88: return push_new(true);                                                 // NEWTRUE
      case 0x89: return push_new(false);                                                // NEWFALSE
      case 'J':  return push_new(std::int64_t{static_cast<std::int32_t>(number(4))});   // BININT
      case 'K':  return push_new(static_cast<std::int64_t>(number(1)));                 // BININT1
      case 'M':  return push_new(static_cast<std::int64_t>(number(2)));                 // BININT2
      case 'G':  return push_new(std::bit_cast<double>(__builtin_bswap64(number(8))));  // BINFLOAT
      case 0x8a: return push_long(number(1));                                           // LONG1
      case 0x8b: return push_long(number(4));                                           // LONG4
      case 0x8c: return push_new(PickleText{text(number(1))});  // SHORT_BINUNICODE
      case 'X':  return push_new(PickleText{text(number(4))});  // BINUNICODE
      case 0x8d: return push_new(PickleText{text(number(8))});  // BINUNICODE8
      case 'U':
        return push_new(PickleText{text(number(1))});  // SHORT_BINSTRING, a text of Python 2
      case 'T':  return push_new(PickleText{text(number(4))});       // BINSTRING
      case 'C':  return push_new(PickleBytes{take(number(1))});      // SHORT_BINBYTES
      case 'B':  return push_new(PickleBytes{take(number(4))});      // BINBYTES
      case 0x8e: return push_new(PickleBytes{take(number(8))});      // BINBYTES8
      case ']':  return push_container(Type::list, {});              // EMPTY_LIST
      case 'l':  return push_container(Type::list, pop_to_mark());   // LIST
      case 'a':  return extend(Type::list, pop_last(1));             // APPEND
      case 'e':  return extend(Type::list, pop_to_mark());           // APPENDS
      case ')':  return push_container(Type::tuple, {});             // EMPTY_TUPLE
      case 't':  return push_container(Type::tuple, pop_to_mark());  // TUPLE
      case 0x85: return push_container(Type::tuple, pop_last(1));    // TUPLE1
      case 0x86: return push_container(Type::tuple, pop_last(2));    // TUPLE2
      case 0x87: return push_container(Type::tuple, pop_last(3));    // TUPLE3
      case '}':  return push_container(Type::dict, {});              // EMPTY_DICT
      case 'd':  return push_container(Type::dict, pop_to_mark());   // DICT
      case 's':  return extend(Type::dict, pop_last(2));             // SETITEM
      case 'u':  return extend(Type::dict, pop_to_mark());           // SETITEMS
      case 'q':  return remember(number(1));                         // BINPUT
      case 'r':  return remember(number(4));                         // LONG_BINPUT
      case 0x94: return remember(memo_.size());                      // MEMOIZE
      case 'h':  return recall(number(1));                           // BINGET
      case 'j':  return recall(number(4));                           // LONG_BINGET
      case 'c':  return push_global();                               // GLOBAL
      case 0x93: return push_stack_global();                         // STACK_GLOBAL
      case 0x8f: return push_container(Type::list, {});              // EMPTY_SET
      case 0x90: return extend(Type::list, pop_to_mark());           // ADDITEMS
      case 0x91: return push_container(Type::tuple, pop_to_mark());  // FROZENSET
      case 'R':  return call();                                      // REDUCE
      case 0x81: return make_object();                               // NEWOBJ
      case 'b':  return set_attributes();                            // BUILD
      case 'Q':  return push_new(PicklePersistent{pop()});           // BINPERSID
      default:   fail_instruction(code);
    }
  }

  void check_protocol(int protocol) const {
    if (protocol < 2 || protocol > 4)
      fail("unknown protocol (got " + std::to_string(protocol) + ", expected 2 to 4)");
  }

  [[noreturn]] void fail_instruction(int code) const {
    static constexpr std::string_view digits = "0123456789abcdef";
    fail(std::string("unknown instruction 0x") + digits[code / 16] + digits[code % 16]);
  }

  void push_long(std::uint64_t length) {
    if (length > 8) return push_new(PickleLong{take(length)});
    const std::uint64_t unsigned_number = number(length);
    const unsigned unused = 64 - 8 * static_cast<unsigned>(length);
    push_new(unused == 64 ? std::int64_t{0}
                          : static_cast<std::int64_t>(unsigned_number << unused) >> unused);
  }

  void remember(std::uint64_t index) {
    memo_[static_cast<std::uint32_t>(index)] = top();
    if (memo_.size() > kMostPickleValues)
      fail("the pickle remembers more than " + std::to_string(kMostPickleValues) + " values");
  }

  void recall(std::uint64_t index) {
    const auto found = memo_.find(static_cast<std::uint32_t>(index));
    if (found == memo_.end())
      fail("refers to value " + std::to_string(index) + ", which it never remembered");
    push(found->second);
  }

  /// Attributes, such as the _metadata that state_dict() puts on its OrderedDict, are not kept.
  void set_attributes() {
    pop();
    if (!out_.is(top(), Type::dict) && !is_opaque(top()))
      fail("sets attributes of something that has none");
  }

  /// Whether a value is an object of which nothing is known but its class and arguments.
  [[nodiscard]] bool is_opaque(PickleId id) const {
    const auto* made = out_.get<PickleCall>(id);
    return made && is_opaque_name(out_.global(made->function));
  }

  void push_global() {
    const std::string_view module = line();
    push_global(module, line());
  }

  void push_stack_global() {
    const PickleId name = pop();
    const PickleId module = pop();
    if (!out_.text(name) || !out_.text(module))
      fail("a class is named by something that is no text");
    push_global(*out_.text(module), *out_.text(name));
  }

  void push_global(std::string_view module, std::string_view name) {
    const std::string full = std::string(module) + "." + std::string(name);
    if (const auto known = globals_.find(full); known != globals_.end()) return push(known->second);
    const bool plain = full == "collections.OrderedDict" || full == "collections.defaultdict" ||
                       full == "_codecs.encode" || full == "__builtin__.bytes" ||
                       full == "builtins.bytes";
    if (!plain && !is_opaque_name(full) && !allows_(full))
      throw WeightsError(source_ + ": the pickle asks for '" + printable(full) +
                         "' (expected tensors, plain containers and settings only, " +
                         "vlp runs no code from a file). Save it again with "
                         "torch.save(model.state_dict(), FILE), if you trust it.");
    const PickleId id = add(PickleGlobal{static_cast<std::uint32_t>(out_.globals_.size())});
    out_.globals_.push_back(full);
    globals_.emplace(full, id);
    push(id);
  }

  void call() {
    const PickleId arguments = pop();
    const PickleId function = pop();
    const std::string_view name = out_.global(function);
    if (name.empty()) fail("calls something that is no function");
    if (!out_.is(arguments, Type::tuple))
      fail("calls '" + printable(name) + "' without a tuple of arguments");
    if (name == "collections.OrderedDict") return push_ordered_dict(out_.items(arguments));
    if (name == "collections.defaultdict") return push_container(Type::dict, {});
    if (name == "_codecs.encode" || name.ends_with(".bytes"))
      return push_bytes(out_.items(arguments));
    push_new(PickleCall{function, arguments});
  }

  /// An object of a class; its attributes may follow.
  void make_object() {
    const PickleId arguments = pop();
    const PickleId type = pop();
    if (!is_opaque_name(out_.global(type)) || !out_.is(arguments, Type::tuple))
      fail("makes an object of something that is no known class");
    push_new(PickleCall{type, arguments});
  }

  /// OrderedDict() or, as Python 2 writes it, OrderedDict([[key, value], ...]).
  void push_ordered_dict(std::span<const PickleId> arguments) {
    std::vector<PickleId> entries;
    if (arguments.size() > 1 || (arguments.size() == 1 && !out_.is(arguments[0], Type::list)))
      fail("an OrderedDict is made from something else than pairs");
    if (arguments.size() == 1) {
      // Each pair counts as a step, so that a list which is used many times can't multiply the
      // work.
      spend(out_.items(arguments[0]).size());
      for (const PickleId pair : out_.items(arguments[0])) {
        const auto items = out_.items(pair);
        if (items.size() != 2) fail("an OrderedDict is made from something else than pairs");
        entries.insert(entries.end(), items.begin(), items.end());
      }
    }
    push_container(Type::dict, std::move(entries));
  }

  /// Protocol 2 has no bytes: Python spells them as _codecs.encode(text, "latin1"), and none as
  /// bytes().
  void push_bytes(std::span<const PickleId> arguments) {
    if (arguments.empty()) return push_new(PickleBytes{});
    const auto* encoding = arguments.size() == 2 ? out_.text(arguments[1]) : nullptr;
    const auto* encoded = arguments.size() == 2 ? out_.text(arguments[0]) : nullptr;
    if (!encoded || !encoding || *encoding != "latin1") fail("bytes are spelt in an unknown way");
    spend(encoded->size());
    std::string decoded;
    for (std::size_t i = 0; i < encoded->size(); ++i) {
      const auto first = static_cast<unsigned char>((*encoded)[i]);
      if (first < 0x80) {
        decoded += static_cast<char>(first);
        continue;
      }
      const unsigned second =
          i + 1 < encoded->size() ? static_cast<unsigned char>((*encoded)[++i]) : 0u;
      if ((first != 0xc2 && first != 0xc3) || second < 0x80 || second > 0xbf)
        fail("bytes are spelt in an unknown way");
      decoded += static_cast<char>((first & 3u) << 6 | (second & 0x3fu));
    }
    out_.decoded_.push_back(std::move(decoded));
    push_new(PickleBytes{std::as_bytes(std::span(out_.decoded_.back()))});
  }

  /// Copies made from remembered values may not exceed the pickle's own length.
  void spend(std::size_t amount) {
    spent_ += amount;
    if (spent_ > bytes_.size()) fail("repeats a value too often");
  }

  std::span<const std::byte> bytes_;
  std::string source_;
  Allows allows_;
  Pickle out_;
  std::size_t at_ = 0;
  std::size_t spent_ = 0;
  std::vector<PickleId> stack_;
  std::vector<std::uint32_t> marks_;
  std::unordered_map<std::uint32_t, PickleId> memo_;
  std::unordered_map<std::string, PickleId> globals_;
};

}  // namespace vlp
