#pragma once
// Batches of decoded, transformed and tokenized samples, prepared by worker threads ahead of the
// consumer. What comes out, and in which order, depends on seed and epoch only, never on the
// threads.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vlp/concepts/bad_sample.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/concepts/tokenizer.hpp"
#include "vlp/concepts/transform.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/state.hpp"
#include "vlp/data/batch_maker.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/data/pipeline.hpp"
#include "vlp/data/sampler.hpp"
#include "vlp/data/worker_pool.hpp"
#include "vlp/image/decode.hpp"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

namespace vlp {

/// Which batches of an epoch a process takes. Processes train on one order of batches: of every
/// `size * run` batches in a row, process r takes the `run` ones from r * run on, so that their
/// updates put together are those of one process with size * run micro-batches.
struct BatchShare {
  std::int64_t rank = 0;  ///< of this process
  std::int64_t size = 1;  ///< processes
  std::int64_t run = 1;   ///< batches in a row: the micro-batches of an update
  bool even = true;       ///< all take as many, and what is left over is nobody's; false = every
                          ///< batch is somebody's, and a process may have none

  /// Batches of an epoch for this process.
  [[nodiscard]] std::int64_t of(std::int64_t batches) const {
    if (size == 1) return batches;
    const std::int64_t rounds = batches / (size * run), rest = batches % (size * run);
    return rounds * run + (even ? 0 : std::clamp<std::int64_t>(rest - rank * run, 0, run));
  }
  /// Where the process's i-th batch stands among all.
  [[nodiscard]] std::int64_t position(std::int64_t i) const {
    return size == 1 ? i : i / run * (size * run) + rank * run + i % run;
  }
};

/// How a `Loader` makes batches.
struct LoaderOptions {
  std::int64_t batch_size = 1;  ///< samples
  bool shuffle = false;         ///< a new order each epoch
  bool drop_last = false;       ///< leave out an incomplete last batch, unless it is the only one
  std::int64_t workers = 1;     ///< threads
  std::int64_t prefetch = 2;    ///< batches prepared ahead of the consumer
  std::int64_t extra_captions = 0;  ///< captions that come with a sample beside its own, of the
                                    ///< same image; see `Batch::extra_captions`
  bool images_only = false;         ///< one row an image, in order, without texts
  BatchShare share = {};            ///< which batches
  BadRow bad_row = BadRow::stop;    ///< `leave_out` with `images_only` alone: a batch may then have
                                    ///< fewer rows, or none
  /// From a file to uint8 [3, H, W].
  ImageDecoder decode = ImageFiles();
};

/// How a sample becomes tensors.
struct SamplePreparation {
  const Pipeline& transforms;     ///< their images are float32 [3, H, W] of one size for all
  const AnyTokenizer& tokenizer;  ///< of the captions
  const std::string& prompt;      ///< put before each caption, not supervised; empty = none
};

/// Iterates over the batches of an epoch. For one consumer thread; the records must outlive it.
/// Batches are on the CPU, with pixels in page-locked memory if the context's device is a GPU.
class Loader {
 public:
  /// @param records     a split
  /// @param mode        all captions, or one of each image
  /// @param prepare     transforms, tokenizer and prompt
  /// @param options     sizes and threads
  /// @param ctx         device and seeds
  /// @throws DataError    if there are no samples
  /// @throws RecipeError  if batch_size, workers or prefetch is below 1
  /// @throws ContractError  if rows with texts shall be left out
  Loader(std::span<const ImageRecord> records, CaptionsPerImage mode,
         const SamplePreparation& prepare, LoaderOptions options, const Context& ctx)
      : options_(std::move(options)),
        mode_(mode),
        order_(ctx.facts.seeds.derive("sampler")),
        maker_{.records = records,
               .transforms = prepare.transforms,
               .tokenizer = prepare.tokenizer,
               .prompt = prepare.prompt,
               .unsupervised = prompt_length(prepare.tokenizer, prepare.prompt),
               .extra_captions = options_.extra_captions,
               .texts = !options_.images_only,
               .pinned = ctx.machine.device.type == DeviceName::Type::cuda && pinning_works(),
               .augmentation = ctx.facts.seeds.derive("augmentation"),
               .decode = options_.decode,
               .bad_row = options_.bad_row,
               .replacement = ctx.facts.seeds.derive("replacement")},
        row_count_(options_.images_only ? static_cast<std::int64_t>(records.size())
                                        : rows_per_epoch(records, mode)) {
    if (options_.batch_size < 1 || options_.workers < 1 || options_.prefetch < 1)
      throw RecipeError("loader: sizes below 1 (got batch_size " +
                        std::to_string(options_.batch_size) + ", workers " +
                        std::to_string(options_.workers) + ", prefetch " +
                        std::to_string(options_.prefetch) + ", expected at least 1). Raise them.");
    if (options_.bad_row == BadRow::leave_out && !options_.images_only)
      throw ContractError(
          "loader: rows with texts can't be left out. Let others take their places, or load images "
          "only.");
    if (row_count_ == 0)
      throw DataError(
          "loader: no samples (got an empty split). Raise its share in dataset.split, or "
          "dataset.subset.");
    if (batches_per_epoch() == 0 && options_.share.even)
      throw DataError("loader: too few batches for all processes (got " +
                      std::to_string(all_batches()) + ", expected at least " +
                      std::to_string(options_.share.size * options_.share.run) +
                      ", a process's share of an update each). Use fewer processes or smaller "
                      "batches.");
  }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Batches of a whole epoch, of this process's share.
  [[nodiscard]] std::int64_t batches_per_epoch() const { return options_.share.of(all_batches()); }

  /// Begins an epoch, abandoning the one under way.
  /// @param epoch        from 0
  /// @param first_batch  batches to skip, 0 to batches_per_epoch()
  void start_epoch(std::int64_t epoch, std::int64_t first_batch = 0) {
    if (first_batch < 0 || first_batch > batches_per_epoch())
      throw DataError("loader: no such batch (got " + std::to_string(first_batch) +
                      ", expected 0 to " + std::to_string(batches_per_epoch()) +
                      "). Start the epoch from batch 0.");
    if (workers_) workers_->discard();
    ready_.clear();
    rows_ = std::make_shared<const std::vector<SampleRow>>(
        options_.images_only ? image_rows()
                             : epoch_rows(maker_.records, mode_, options_.shuffle, order_, epoch));
    epoch_ = epoch;
    delivered_ = scheduled_ = first_batch;
    schedule();
  }

  /// @return  the next batch, waiting for it if need be; nothing at the end of the epoch or before
  ///          the first
  /// @throws DataError  naming the first image of this batch that can't be used; the batch counts
  /// as delivered
  [[nodiscard]] std::optional<LoadedBatch> next() {
    if (ready_.empty()) return std::nullopt;
    std::future<BatchMaker::Finished> front = std::move(ready_.front());
    ready_.pop_front();
    ++delivered_;
    schedule();
    BatchMaker::Finished finished = front.get();
    for (BadSample& sample : finished.bad) bad_.push_back(std::move(sample));
    if (!size_ && !finished.sizes.empty()) size_ = finished.sizes.front();
    for (std::size_t row = 0; row < finished.sizes.size(); ++row)
      require_size(finished.loaded.batch.image_ids[row], finished.sizes[row], *size_);
    return std::move(finished.loaded);
  }

  /// @return  the images of the batches delivered since the last call that couldn't be used, in the
  ///          order in which they were met, an image as often as it was
  [[nodiscard]] std::vector<BadSample> take_bad() { return std::exchange(bad_, {}); }

  /// Whether the epoch has no further batch.
  [[nodiscard]] bool exhausted() const { return ready_.empty(); }

  /// Saves epoch and batches delivered. Of several processes each saves the same.
  void save(State& state) const {
    state.put("epoch", epoch_);
    state.put("delivered", delivered_);
    state.put("rows", row_count_);
    state.put("batch_size", options_.batch_size);
    state.put("processes", options_.share.size);
  }
  /// Starts the saved epoch at the next batch.
  /// @throws DataError  if dataset, batch size or number of processes have changed since
  void load(const State& state) {
    const auto in_words = [](std::int64_t rows, std::int64_t batch, std::int64_t processes) {
      return std::to_string(rows) + " samples in batches of " + std::to_string(batch) +
             (processes == 1 ? "" : " for " + std::to_string(processes) + " processes");
    };
    const std::int64_t rows = state.integer("rows"), batch = state.integer("batch_size"),
                       processes = state.integer("processes");
    if (rows != row_count_ || batch != options_.batch_size || processes != options_.share.size)
      throw DataError("loader: the checkpoint belongs to other data (got " +
                      in_words(row_count_, options_.batch_size, options_.share.size) +
                      ", expected " + in_words(rows, batch, processes) +
                      "). Resume with the dataset, the batch size and the number of processes of "
                      "the checkpoint.");
    start_epoch(state.integer("epoch"), state.integer("delivered"));
  }
  /// The same where they may have changed: the epoch goes on behind as many samples as were
  /// delivered, as nearly as whole updates allow; other samples may have been among them.
  void load_changed(const State& state) {
    const std::int64_t samples =
        state.integer("delivered") * state.integer("batch_size") * state.integer("processes");
    const std::int64_t batches =
        std::min(samples / (options_.batch_size * options_.share.size), batches_per_epoch());
    const bool as_it_is = options_.share.size == 1 || batches == batches_per_epoch();
    start_epoch(state.integer("epoch"),
                as_it_is ? batches : batches / options_.share.run * options_.share.run);
  }

 private:
  /// Batches of a whole epoch, of all processes.
  [[nodiscard]] std::int64_t all_batches() const {
    const std::int64_t whole = row_count_ / options_.batch_size;
    const bool rest = row_count_ % options_.batch_size != 0;
    return options_.drop_last ? std::max<std::int64_t>(whole, 1) : whole + (rest ? 1 : 0);
  }

  static bool pinning_works() {
    try {
      return at::empty({1}, at::TensorOptions().pinned_memory(true)).is_pinned();
    } catch (const std::exception&) {
      return false;  // slower copies, nothing else
    }
  }

  static void require_size(const std::string& image_id, const ImageSize& size,
                           const ImageSize& expected) {
    const auto text = [](const ImageSize& s) {
      return std::to_string(s.height) + " x " + std::to_string(s.width);
    };
    if (size.height != expected.height || size.width != expected.width)
      throw DataError("image '" + image_id +
                      "': another size than the images before it after the transforms (got " +
                      text(size) + ", expected " + text(expected) + "). Add a `resize` transform.");
  }

  [[nodiscard]] std::vector<SampleRow> image_rows() const {
    std::vector<SampleRow> rows(maker_.records.size());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].record = static_cast<std::int64_t>(i);
    return rows;
  }

  /// ATen's thread count has a part that each thread owns and parts that all share (MKL's, and the
  /// default of threads to come), so the shared ones are put back once all workers have set their
  /// own to 1. Each worker asks for its count first: the first question sets it to the default.
  static std::unique_ptr<WorkerPool> start_workers(std::int64_t count) {
    const int intra_op = at::get_num_threads();
    auto pool = std::make_unique<WorkerPool>(count, [] {
      if (at::get_num_threads() != 1) at::set_num_threads(1);
      c10::GradMode::set_enabled(false);
    });
    at::set_num_threads(intra_op);
    return pool;
  }

  void schedule() {
    if (!workers_) workers_ = start_workers(options_.workers);
    for (; scheduled_ < batches_per_epoch() &&
           static_cast<std::int64_t>(ready_.size()) < options_.prefetch;
         ++scheduled_) {
      const std::int64_t first = options_.share.position(scheduled_) * options_.batch_size;
      const std::int64_t count =
          std::min(options_.batch_size, static_cast<std::int64_t>(rows_->size()) - first);
      const auto assembly = std::make_shared<BatchMaker::Assembly>(rows_, first, count, epoch_);
      ready_.push_back(assembly->promise.get_future());
      for (std::size_t row = 0; row < assembly->rows.size(); ++row)
        workers_->submit([this, assembly, row] { maker_.add_row(*assembly, row); });
    }
  }

  const LoaderOptions options_;
  const CaptionsPerImage mode_;
  const RandomStream order_;
  const BatchMaker maker_;
  const std::int64_t row_count_;

  std::shared_ptr<const std::vector<SampleRow>> rows_;  ///< of the epoch
  std::vector<BadSample> bad_;                          ///< not taken yet
  std::int64_t epoch_ = 0, delivered_ = 0, scheduled_ = 0;
  std::optional<ImageSize> size_;  ///< of the first image delivered
  std::deque<std::future<BatchMaker::Finished>>
      ready_;                            ///< in the order of delivery, at most `prefetch`
  std::unique_ptr<WorkerPool> workers_;  ///< last, so that its threads end before what they use
};
static_assert(Stateful<Loader>);

}  // namespace vlp
