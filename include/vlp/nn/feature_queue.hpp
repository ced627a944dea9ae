#pragma once
// Feature queue: the momentum encoders' embeddings of earlier batches, kept as further negatives
// (He et al. 2020, section 3.2; Li et al. 2021). Entries are columns, named and shaped as in BLIP's
// own checkpoints. Nothing here waits for the device.

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/random.hpp"
#include "vlp/core/state.hpp"

namespace vlp {

/// Image and text embeddings side by side, with the number of the image of each entry. The width E
/// is that of the first features seen; until then the queue holds nothing, unless a state was
/// loaded.
class FeatureQueue {
 public:
  /// Image number of an entry that no batch has brought: equal to none.
  static constexpr std::int64_t kNoImage = -100;

  /// @param size    Q, entries; 0 disables the queue
  /// @param device  where entries live
  /// @param random  from which the first entries are drawn
  FeatureQueue(std::int64_t size, at::Device device, RandomStream random)
      : size_(size), device_(device), random_(random) {}

  /// Q, entries.
  [[nodiscard]] std::int64_t size() const { return size_; }
  /// Where the next entry goes, in [0, Q).
  [[nodiscard]] std::int64_t pointer() const { return pointer_; }
  /// @return  [E, Q] unit columns; undefined before `open`
  [[nodiscard]] const at::Tensor& images() const { return images_; }
  /// @return  [E, Q] unit columns; undefined before `open`
  [[nodiscard]] const at::Tensor& texts() const { return texts_; }
  /// @return  [Q] int64, the image's number of each entry; undefined before `open`
  [[nodiscard]] at::Tensor image_index() const {
    return index_.defined() ? index_.squeeze(0) : index_;
  }

  /// Makes sure that there are entries as wide as `features`, with their dtype if that is float64,
  /// else float32: random ones the first time.
  /// @param features  [B, E]
  /// @param console   told when the entries of a warm start have another width, and random ones
  ///                  take their place
  /// @throws ShapeError if the queue holds entries of another width
  void open(const at::Tensor& features, const Console& console = {}) {
    if (size_ == 0) return;
    const std::int64_t width = features.size(1);
    const at::ScalarType dtype = features.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    if (images_.defined() && images_.size(0) != width) {
      const std::string sizes = "(got " + std::to_string(images_.size(0)) +
                                " numbers an entry, expected " + std::to_string(width) +
                                ", the model's)";
      if (!warm_)
        throw ShapeError("feature queue: its entries don't fit the embeddings " + sizes +
                         ". Keep the model's embedding_width.");
      console.note("feature queue: the weights' queues don't fit the embeddings " + sizes +
                   "; it starts with random entries");
      images_.reset();
    }
    warm_ = false;
    if (!images_.defined()) fill_at_random(width, dtype);
    images_ = images_.to(dtype);
    texts_ = texts_.to(dtype);
  }

  /// Writes a batch over the oldest entries; of more rows than entries the last Q remain.
  /// @param images       [B, E] unit rows
  /// @param texts        [B, E] unit rows
  /// @param image_index  [B] int64; undefined = not known
  /// @throws ShapeError if the three don't fit together, or not the queue
  void push(const at::Tensor& images, const at::Tensor& texts, const at::Tensor& image_index) {
    if (size_ == 0) return;
    const std::int64_t rows = images.size(0);
    if (images.sizes() != texts.sizes() || (image_index.defined() && image_index.numel() != rows))
      throw ShapeError("feature queue: images, texts and their numbers must be one each (got " +
                       std::to_string(rows) + ", " + std::to_string(texts.size(0)) + " and " +
                       std::to_string(image_index.defined() ? image_index.numel() : rows) +
                       "). Push the two embeddings of the same pairs.");
    const at::NoGradGuard no_grad;
    open(images);
    const std::int64_t skipped = std::max<std::int64_t>(0, rows - size_);
    pointer_ = (pointer_ + skipped) % size_;
    for (std::int64_t row = skipped; row < rows;) {
      const std::int64_t count = std::min(rows - row, size_ - pointer_);
      images_.narrow(1, pointer_, count).copy_(images.narrow(0, row, count).t());
      texts_.narrow(1, pointer_, count).copy_(texts.narrow(0, row, count).t());
      at::Tensor index = index_.squeeze(0).narrow(0, pointer_, count);
      if (image_index.defined())
        index.copy_(image_index.narrow(0, row, count));
      else
        index.fill_(kNoImage);
      row += count;
      pointer_ = (pointer_ + count) % size_;
    }
  }

  /// image_queue [E, Q], text_queue [E, Q], idx_queue [1, Q] and queue_ptr [1]; nothing before
  /// `open`.
  void save(State& state) const {
    if (!images_.defined()) return;
    put_tensor(state, "image_queue", images_);
    put_tensor(state, "text_queue", texts_);
    put_tensor(state, "idx_queue", index_);
    put_tensor(state, "queue_ptr", at::full({1}, pointer_, at::kLong));
  }
  /// @throws WeightsError if an entry is missing, or the sizes don't fit this queue
  void load(const State& state) {
    images_.reset();
    warm_ = false;
    pointer_ = 0;
    if (size_ == 0 || !state.has("image_queue")) return;
    const at::Tensor images = get_tensor(state, "image_queue"),
                     texts = get_tensor(state, "text_queue"),
                     index = get_tensor(state, "idx_queue"),
                     pointer = get_tensor(state, "queue_ptr");
    if (!fits(images, texts) || index.numel() != size_ || !valid_pointer(pointer))
      throw WeightsError("checkpoint: the feature queue doesn't fit (got " + described(images) +
                         ", expected " + std::to_string(size_) +
                         " entries). Resume with the recipe that wrote it.");
    take(images, texts, index.reshape({1, size_}).to(at::kLong), pointer);
  }

  /// Takes over the queues of a checkpoint of BLIP's own, if it has queues of this size; their
  /// image numbers belong to another dataset and are forgotten.
  /// @param tensors  image_queue and text_queue, with queue_ptr or ptr_queue
  /// @param console  told what became of them
  void warm_start(const State& tensors, const Console& console) {
    if (size_ == 0 || !tensors.has("image_queue") || !tensors.has("text_queue")) return;
    const at::Tensor images = get_tensor(tensors, "image_queue"),
                     texts = get_tensor(tensors, "text_queue");
    if (!fits(images, texts)) {
      console.note("feature queue: the weights' queues are not taken over (got " +
                   described(images) + ", expected " + std::to_string(size_) +
                   " entries); it starts with random entries");
      return;
    }
    const char* name = tensors.has("queue_ptr") ? "queue_ptr" : "ptr_queue";
    const at::Tensor pointer = tensors.has(name) ? get_tensor(tensors, name) : at::Tensor();
    take(images, texts, at::full({1, size_}, kNoImage, at::kLong),
         valid_pointer(pointer) ? pointer : at::zeros({1}, at::kLong));
    warm_ = true;
    console.note("feature queue: starts with the weights' " + described(images));
  }

 private:
  [[nodiscard]] bool fits(const at::Tensor& images, const at::Tensor& texts) const {
    return images.dim() == 2 && images.sizes() == texts.sizes() && images.size(1) == size_ &&
           images.is_floating_point() && texts.is_floating_point();
  }
  [[nodiscard]] bool valid_pointer(const at::Tensor& pointer) const {
    if (!pointer.defined() || pointer.numel() != 1 || pointer.is_floating_point()) return false;
    const std::int64_t value = pointer.item<std::int64_t>();
    return value >= 0 && value < size_;
  }
  static std::string described(const at::Tensor& queue) {
    return queue.dim() == 2 ? std::to_string(queue.size(1)) + " entries of " +
                                  std::to_string(queue.size(0)) + " numbers"
                            : "a tensor of " + std::to_string(queue.dim()) + " dimensions";
  }

  void take(const at::Tensor& images, const at::Tensor& texts, const at::Tensor& index,
            const at::Tensor& pointer) {
    const auto precise = [](const at::Tensor& x) {
      return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    };
    images_ = images.to(device_, precise(images));
    texts_ = texts.to(device_, precise(texts));
    index_ = index.to(device_);
    pointer_ = pointer.item<std::int64_t>();
  }

  void fill_at_random(std::int64_t width, at::ScalarType dtype) {
    RandomStream random = random_;
    const at::Generator generator = at::detail::createCPUGenerator(random.next());
    const auto columns = [&] {
      const at::Tensor drawn = at::randn({width, size_}, generator, at::kFloat);
      return (drawn / drawn.norm(2, {0}, /*keepdim=*/true)).to(device_, dtype);
    };
    images_ = columns();
    texts_ = columns();
    index_ = at::full({1, size_}, kNoImage, at::TensorOptions(device_).dtype(at::kLong));
    pointer_ = 0;
  }

  std::int64_t size_;
  at::Device device_;
  RandomStream random_;
  at::Tensor images_, texts_, index_;  // [E, Q], [E, Q], [1, Q]
  std::int64_t pointer_ = 0;
  bool warm_ = false;  // entries come from a warm start, and their width is not checked yet
};
static_assert(Stateful<FeatureQueue>);

}  // namespace vlp
