#pragma once
// Tokenizer: text to ids and back. Contract: immutable after construction, callable from any
// thread; `encode` gives a text's ids without padding, at most the tokenizer's own `max_length`.
// What begins and ends a text, [CLS] and [SEP], it may put there itself, the end also where it cut;
// otherwise `AnyTokenizer` puts it there. Special ids follow the vocabulary, [DEC] and [ENC]
// included in its size. `static std::int64_t longest_text(const Options&)`, if it is there, says
// the most ids of a text, its beginning and end included whoever puts them there, so that a model
// with fewer positions is found with the recipe. `static Options from_folder(Options, folder)`, if
// it is there, says under which options the same tokenizer is made of the files that `write` has
// left in a folder, which is how a run's model is opened where its vocabulary has been moved.
// `encode_whole(text)`, if it is there, gives what `encode` does of a text that isn't cut.
// Includes no torch.

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/component.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/core/special_tokens.hpp"
#include "vlp/recipe/read.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

template <class T>
concept Tokenizer =
    std::move_constructible<T> &&
    requires(const T& tokenizer, std::string_view text, std::span<const std::int64_t> ids,
             const std::filesystem::path& folder) {
      { tokenizer.encode(text) } -> std::same_as<std::vector<std::int64_t>>;
      { tokenizer.decode(ids) } -> std::same_as<std::string>;  // special tokens skipped
      { tokenizer.special() } -> std::same_as<SpecialTokens>;
      { tokenizer.vocabulary_size() } -> std::same_as<std::int64_t>;
      tokenizer.write(folder);  // the files from which it can be made again
    };

/// Any tokenizer as a value.
class AnyTokenizer {
 public:
  static constexpr std::string_view kind = "tokenizer";

  /// What a recipe can know of a tokenizer before it is built.
  struct Traits {
    std::int64_t longest_text = 0;  ///< ids that it gives at most; 0 = not known
    /// Its options, made of the files that `write` has left in a folder; empty = they stay as they
    /// are.
    std::function<Table(const std::filesystem::path& folder)> from_folder;
  };
  template <class T>
  [[nodiscard]] static Traits traits(const options_of<T>& options) {
    Traits traits;
    if constexpr (requires { T::longest_text(options); })
      traits.longest_text = T::longest_text(options);
    if constexpr (requires(const std::filesystem::path& folder) {
                    { T::from_folder(options, folder) } -> std::same_as<options_of<T>>;
                  })
      traits.from_folder = [options](const std::filesystem::path& folder) {
        return *write_options(T::from_folder(options, folder)).template as<Table>();
      };
    return traits;
  }

  template <class T>
    requires(!std::same_as<T, AnyTokenizer>) && Tokenizer<T>
  AnyTokenizer(T tokenizer)
      : self_(std::make_shared<const Holder<T>>(std::move(tokenizer))),
        shown_(shown_component<T>(kind)),
        vocabulary_size_(named(shown_, [&] { return self_->vocabulary_size(); })),
        special_(named(shown_, [&] { return self_->special(); })) {
    for (const std::int64_t id : {special_.pad, special_.sep, special_.decode, special_.encode})
      if (id < 0 || id >= vocabulary_size_)
        throw ContractError(shown_ + ": a special token outside the vocabulary (got " +
                            std::to_string(id) + ", expected 0 to " +
                            std::to_string(vocabulary_size_ - 1) +
                            " for pad, sep, decode and encode). Let vocabulary_size() count them.");
  }

  /// @return  [CLS] ... [SEP], or what stands for them: they are put there if the tokenizer doesn't
  /// @throws ContractError if the tokenizer gives an id outside its vocabulary
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view text) const {
    return completed(named(shown_, [&] { return self_->encode(text); }), text);
  }
  /// The same of a text that isn't cut, however long; nothing if the tokenizer can't tell.
  /// @throws ContractError as `encode`
  [[nodiscard]] std::optional<std::vector<std::int64_t>> encode_whole(std::string_view text) const {
    auto ids = named(shown_, [&] { return self_->encode_whole(text); });
    if (ids) ids = completed(*std::move(ids), text);
    return ids;
  }
  [[nodiscard]] std::string decode(std::span<const std::int64_t> ids) const {
    return named(shown_, [&] { return self_->decode(ids); });
  }
  [[nodiscard]] SpecialTokens special() const { return special_; }
  [[nodiscard]] std::int64_t vocabulary_size() const { return vocabulary_size_; }
  void write(const std::filesystem::path& folder) const {
    named(shown_, [&] { self_->write(folder); });
  }

 private:
  /// Checked, with its beginning and its end.
  [[nodiscard]] std::vector<std::int64_t> completed(std::vector<std::int64_t> ids,
                                                    std::string_view text) const {
    for (const std::int64_t id : ids)
      if (id < 0 || id >= vocabulary_size_)
        throw ContractError(shown_ + ": an id outside the vocabulary (got " + std::to_string(id) +
                            " for \"" + std::string(text) + "\", expected 0 to " +
                            std::to_string(vocabulary_size_ - 1) +
                            "). Let vocabulary_size() count every id that encode gives.");
    if (ids.empty() || ids.front() != special_.begin()) ids.insert(ids.begin(), special_.begin());
    if (ids.size() == 1 || ids.back() != special_.sep) ids.push_back(special_.sep);
    return ids;
  }

  struct Base {
    virtual ~Base() = default;
    virtual std::vector<std::int64_t> encode(std::string_view text) const = 0;
    virtual std::optional<std::vector<std::int64_t>> encode_whole(std::string_view text) const = 0;
    virtual std::string decode(std::span<const std::int64_t> ids) const = 0;
    virtual SpecialTokens special() const = 0;
    virtual std::int64_t vocabulary_size() const = 0;
    virtual void write(const std::filesystem::path& folder) const = 0;
  };
  template <class T>
  struct Holder final : Base {
    explicit Holder(T t) : tokenizer(std::move(t)) {}
    std::vector<std::int64_t> encode(std::string_view text) const override {
      return tokenizer.encode(text);
    }
    std::optional<std::vector<std::int64_t>> encode_whole(std::string_view text) const override {
      if constexpr (requires {
                      {
                        tokenizer.encode_whole(text)
                      } -> std::convertible_to<std::optional<std::vector<std::int64_t>>>;
                    })
        return tokenizer.encode_whole(text);
      else
        return std::nullopt;
    }
    std::string decode(std::span<const std::int64_t> ids) const override {
      return tokenizer.decode(ids);
    }
    SpecialTokens special() const override { return tokenizer.special(); }
    std::int64_t vocabulary_size() const override { return tokenizer.vocabulary_size(); }
    void write(const std::filesystem::path& folder) const override { tokenizer.write(folder); }
    T tokenizer;
  };
  std::shared_ptr<const Base> self_;
  std::string shown_;  // in messages
  std::int64_t vocabulary_size_;
  SpecialTokens special_;
};
static_assert(Tokenizer<AnyTokenizer>);

template <Tokenizer T>
AnyTokenizer kind_of(ComponentTag<T>);

}  // namespace vlp
