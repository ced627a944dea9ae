#pragma once
// What texts look at: the states of images, with the keys and values that cross-attention has made
// of them, made once for all passes over these images (the "memory" of an encoder-decoder
// transformer; Vaswani et al. 2017, section 3.2.3). Letters: I images, N image tokens, De their
// width, R rows chosen, D width of the text.

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

namespace vlp {

/// Keys and values of images in one cross-attention, before they are split into heads.
struct KeysAndValues {
  at::Tensor keys;    ///< [I, N, D]
  at::Tensor values;  ///< [I, N, D]
};

/// Image states wherever a text sees an image; stands for the tensor where no keys and values are
/// wanted. Copies and selections share what has been made: parts that hold one cross-attention in
/// common share its keys and values too. Belongs to the passes over one batch: what was made with a
/// graph keeps it, and is out of date once weights change. Not thread-safe.
class ImageMemory {
 public:
  /// No image.
  ImageMemory() = default;
  /// @param states  [I, N, De]; implicit, because states are all that a memory needs
  ImageMemory(at::Tensor states)
      : whole_(states.defined() ? std::make_shared<Whole>(std::move(states)) : nullptr) {}

  /// Whether there is an image.
  [[nodiscard]] bool defined() const { return whole_ != nullptr; }
  /// [I, N, De], or [R, N, De] of a selection; empty without an image.
  [[nodiscard]] std::vector<std::int64_t> sizes() const {
    if (!whole_) return {};
    std::vector<std::int64_t> sizes = whole_->states.sizes().vec();
    if (rows_.defined()) sizes.at(0) = rows_.size(0);
    return sizes;
  }
  /// @return  [I, N, De], or [R, N, De] of a selection; undefined without an image
  [[nodiscard]] const at::Tensor& states() const {
    if (whole_ && !rows_.defined()) return whole_->states;
    if (whole_ && !selected_.defined()) selected_ = whole_->states.index_select(0, rows_);
    return selected_;
  }
  /// The same as `states()`.
  operator const at::Tensor&() const { return states(); }

  /// Some of the images, each as often as wanted, in any order.
  /// @param rows  [R] int64 on the states' device
  [[nodiscard]] ImageMemory select(const at::Tensor& rows) const {
    ImageMemory chosen;
    chosen.whole_ = whole_;
    chosen.rows_ = rows_.defined() ? rows_.index_select(0, rows) : rows;
    return chosen;
  }

  /// Keys and values of these images in one cross-attention.
  /// @param attention  which one; told apart by its address
  /// @param project    makes `KeysAndValues` of the states of all images; called only if they
  ///                   aren't there yet
  /// @return           of a selection, its rows
  template <class Project>
  [[nodiscard]] KeysAndValues keys_and_values(const void* attention, Project&& project) const {
    auto found = whole_->made.find(attention);
    if (found == whole_->made.end())
      found = whole_->made.emplace(attention, project(whole_->states)).first;
    const KeysAndValues& made = found->second;
    return rows_.defined()
               ? KeysAndValues{made.keys.index_select(0, rows_), made.values.index_select(0, rows_)}
               : made;
  }

 private:
  struct Whole {
    explicit Whole(at::Tensor of) : states(std::move(of)) {}
    at::Tensor states;                                    // [I, N, De]
    std::unordered_map<const void*, KeysAndValues> made;  // by the cross-attention that made them
  };

  std::shared_ptr<Whole> whole_;
  at::Tensor rows_;              // [R]; undefined = all
  mutable at::Tensor selected_;  // states of the rows, once asked for
};

}  // namespace vlp
