#pragma once
// Dataset: images with their captions, divided into splits. It lists files; decoding belongs to the
// loader. Contract: the constructor reads and checks the lists (it throws DataError naming file and
// line, and all missing images at once, unless `Facts::bad` allows as many: they stay in the list
// then, with the path where they should be); afterwards a dataset is immutable and may be read from
// any thread. Includes no torch.

#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/component.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/core/image_id.hpp"

namespace vlp {

/// Which part of a dataset.
enum class Split { train, validation, test };

/// How captions make training samples: every caption of an image each epoch, or one drawn per
/// epoch.
enum class CaptionsPerImage { all, one };

/// One image with all its captions, as written in the dataset.
struct ImageRecord {
  ImageId image_id;                   ///< stable name, e.g. "1000092795.jpg" or 391895
  std::string file;                   ///< where the image lies
  std::vector<std::string> captions;  ///< raw text, in the dataset's order
  std::int64_t repeat = 1;            ///< times that an epoch of training has its samples
  std::string prompt = {};            ///< before its captions; empty = the model's

  /// What stands before the image's captions and isn't supervised.
  /// @param usual  the model's prompt, of images that have none of their own
  [[nodiscard]] const std::string& prompt_or(const std::string& usual) const {
    return prompt.empty() ? usual : prompt;
  }
};

template <class D>
concept Dataset = std::move_constructible<D> && requires(const D& dataset, Split split) {
  { dataset.records(split) } -> std::convertible_to<std::span<const ImageRecord>>;
  { dataset.captions_per_image() } -> std::same_as<CaptionsPerImage>;
};

/// Any dataset as a value.
class AnyDataset {
 public:
  static constexpr std::string_view kind = "dataset";

  template <class D>
    requires(!std::same_as<D, AnyDataset>) && Dataset<D>
  AnyDataset(D dataset)
      : self_(std::make_shared<const Holder<D>>(std::move(dataset))),
        shown_(shown_component<D>(kind)) {}

  [[nodiscard]] std::span<const ImageRecord> records(Split split) const {
    return named(shown_, [&] { return self_->records(split); });
  }
  [[nodiscard]] CaptionsPerImage captions_per_image() const {
    return named(shown_, [&] { return self_->captions_per_image(); });
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual std::span<const ImageRecord> records(Split split) const = 0;
    virtual CaptionsPerImage captions_per_image() const = 0;
  };
  template <class D>
  struct Holder final : Base {
    explicit Holder(D d) : dataset(std::move(d)) {}
    std::span<const ImageRecord> records(Split split) const override {
      return dataset.records(split);
    }
    CaptionsPerImage captions_per_image() const override { return dataset.captions_per_image(); }
    D dataset;
  };
  std::shared_ptr<const Base> self_;
  std::string shown_;  // in messages
};
static_assert(Dataset<AnyDataset>);

template <Dataset T>
AnyDataset kind_of(ComponentTag<T>);

}  // namespace vlp
