#pragma once
// The captions that a metric has been given, checked, in order, and as part of a checkpoint.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/state.hpp"

namespace vlp {

/// What a metric has seen so far. Its state is one tensor "captions", U8: for each image its id, candidate, number of
/// references and references, each text as its length in 8 bytes, little-endian, and its bytes.
class ScoredCaptions {
 public:
  /// @param metric  named in errors
  explicit ScoredCaptions(std::string_view metric) : metric_(metric) {}

  /// @throws DataError if the image came before or has no reference
  void add(const ScoredCaption& caption) {
    const std::string where = "metric '" + metric_ + "': image '" + caption.image_id + "'";
    if (caption.references.empty()) throw DataError(where + " has no reference (expected at least 1). Leave it out or give it one.");
    if (!ids_.insert(caption.image_id).second)
      throw DataError(where + " has a second candidate (expected one an image). Remove one of the two.");
    captions_.push_back(caption);
  }

  /// In the order in which they came.
  [[nodiscard]] const std::vector<ScoredCaption>& all() const { return captions_; }

  void save(State& state) const {
    auto bytes = std::make_shared<std::string>();
    for (const ScoredCaption& caption : captions_) {
      put(*bytes, caption.image_id);
      put(*bytes, caption.candidate);
      put_number(*bytes, caption.references.size());
      for (const std::string& reference : caption.references) put(*bytes, reference);
    }
    state.put(
        "captions",
        TensorBytes{
            .dtype = "U8", .shape = {static_cast<std::int64_t>(bytes->size())}, .bytes = std::as_bytes(std::span(*bytes)), .owner = bytes});
  }

  /// The captions that `save` wrote. @throws WeightsError if the entry is missing or broken
  [[nodiscard]] static std::vector<ScoredCaption> read(const State& state) {
    std::span<const std::byte> bytes = state.tensor("captions").bytes;
    std::vector<ScoredCaption> captions;
    while (!bytes.empty()) {
      ScoredCaption caption{.image_id = take(bytes), .candidate = take(bytes), .references = {}};
      for (std::uint64_t left = take_number(bytes); left > 0; --left) caption.references.push_back(take(bytes));
      captions.push_back(std::move(caption));
    }
    return captions;
  }

 private:
  static void put_number(std::string& bytes, std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(number >> shift & 0xff);
  }
  static void put(std::string& bytes, std::string_view text) {
    put_number(bytes, text.size());
    bytes += text;
  }

  static std::span<const std::byte> take_bytes(std::span<const std::byte>& bytes, std::uint64_t size) {
    if (size > bytes.size())
      throw WeightsError("checkpoint: a metric's captions are cut off (got " + std::to_string(bytes.size()) + " bytes, expected " +
                         std::to_string(size) + "). Use another checkpoint.");
    const auto taken = bytes.first(static_cast<std::size_t>(size));
    bytes = bytes.subspan(taken.size());
    return taken;
  }
  static std::uint64_t take_number(std::span<const std::byte>& bytes) {
    std::uint64_t number = 0;
    int shift = 0;
    for (const std::byte byte : take_bytes(bytes, 8)) {
      number |= std::to_integer<std::uint64_t>(byte) << shift;
      shift += 8;
    }
    return number;
  }
  static std::string take(std::span<const std::byte>& bytes) {
    const auto text = take_bytes(bytes, take_number(bytes));
    return {reinterpret_cast<const char*>(text.data()), text.size()};
  }

  std::string metric_;
  std::vector<ScoredCaption> captions_;
  std::unordered_set<std::string> ids_;
};

}  // namespace vlp
