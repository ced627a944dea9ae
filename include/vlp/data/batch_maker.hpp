#pragma once
// From rows of an epoch to a batch: each image is decoded, transformed and tokenized by itself, in
// whichever thread, and written into its place; the last one done completes the batch.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/concepts/tokenizer.hpp"
#include "vlp/concepts/transform.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/random.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/data/pipeline.hpp"
#include "vlp/data/sampler.hpp"
#include "vlp/image/decode.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>

namespace vlp {

/// File to uint8 [3, H, W]; called from several threads at once.
using ImageDecoder = std::function<DecodedImage(const std::filesystem::path&)>;

/// A batch on the CPU and where its rows come from.
struct LoadedBatch {
  Batch batch;  ///< without texts, pixels, image_index and image_ids only
  std::vector<std::int64_t> record_index;  ///< [B] positions among the records
};

/// All that turns a row into its part of a batch; immutable, so any thread may use it.
struct BatchMaker {
  /// What the last row of a batch leaves behind. Pixels are whole only if all sizes are equal.
  struct Finished {
    LoadedBatch loaded;            ///< complete
    std::vector<ImageSize> sizes;  ///< [B] of the images after the transforms
  };

  /// A batch in the making; each row is written by one thread.
  struct Assembly {
    /// A place for each sample.
    Assembly(std::vector<SampleRow> samples, std::int64_t of_epoch)
        : rows(std::move(samples)),
          epoch(of_epoch),
          sizes(rows.size()),
          token_ids(rows.size()),
          extra_ids(rows.size()),
          problems(rows.size()),
          unfinished(rows.size()) {}

    std::vector<SampleRow> rows;  ///< what the batch is made of
    std::int64_t epoch;           ///< from 0
    std::vector<ImageSize> sizes;
    std::vector<std::vector<std::int64_t>> token_ids;
    std::vector<std::vector<std::vector<std::int64_t>>>
        extra_ids;                        ///< of each sample the extra captions
    std::vector<std::string> problems;    ///< empty = none
    std::atomic<std::size_t> unfinished;  ///< samples; who finishes the last completes the batch
    std::mutex mutex;                     ///< guards the definition of `pixels`, not its rows
    at::Tensor pixels;  ///< [B, 3, H, W], of the size of whichever image came first
    std::promise<Finished> promise;
  };

  std::span<const ImageRecord> records;  ///< of the split; must outlive the maker
  Pipeline transforms;                   ///< of images and captions
  AnyTokenizer tokenizer;                ///< of the captions
  std::string prompt;                    ///< put before each caption
  std::int64_t unsupervised = 1;         ///< see `collate_ids`
  std::int64_t extra_captions =
      0;  ///< captions of an image beside a sample's own, as far as there are so many
  bool texts = true;
  bool pinned = false;        ///< all tensors in page-locked memory
  RandomStream augmentation;  ///< epoch, record, caption and repetition are derived from it
  ImageDecoder decode;        ///< from a file to uint8 [3, H, W]

  /// Prepares one row; with the last one fulfils the promise, with the batch or with the first
  /// row's DataError.
  void add_row(Assembly& assembly, std::size_t row) const {
    prepare_or_note(assembly, row);
    if (assembly.unfinished.fetch_sub(1, std::memory_order_acq_rel) == 1) finish(assembly);
  }

 private:
  [[nodiscard]] const ImageRecord& record_of(const SampleRow& row) const {
    return records[static_cast<std::size_t>(row.record)];
  }

  void prepare_or_note(Assembly& assembly, std::size_t row) const {
    std::string what;
    try {
      prepare(assembly, row);
      return;
    } catch (const c10::Error& error) {
      what = error.what_without_backtrace();
    } catch (const std::exception& error) {
      what = error.what();
    } catch (...) {
      what = "an exception that is not a std::exception.";
    }
    assembly.problems[row] =
        "image '" + record_of(assembly.rows[row]).image_id.text() + "': " + what;
  }

  void prepare(Assembly& assembly, std::size_t row) const {
    const SampleRow& sample = assembly.rows[row];
    const ImageRecord& record = record_of(sample);
    RandomStream random = augmentation.derive(static_cast<std::uint64_t>(assembly.epoch))
                              .derive(static_cast<std::uint64_t>(sample.record))
                              .derive(static_cast<std::uint64_t>(sample.caption))
                              .derive(static_cast<std::uint64_t>(sample.repetition));
    DecodedImage decoded = decode(record.file);
    at::Tensor image = transforms(std::move(decoded.pixels), random);
    decoded.share.release();  // from here on it is as large as all are
    if (image.dim() != 3 || image.size(0) != 3 || image.scalar_type() != at::kFloat)
      throw DataError("not an input of a model after the transforms (got " +
                      std::string(c10::toString(image.scalar_type())) + " with " +
                      std::to_string(image.dim()) +
                      " dimensions, expected Float [3, H, W]). Add a `normalize` transform.");
    assembly.sizes[row] = {image.size(1), image.size(2)};
    at::Tensor pixels;
    {
      const std::lock_guard lock(assembly.mutex);
      if (!assembly.pixels.defined())
        assembly.pixels = at::empty(
            {static_cast<std::int64_t>(assembly.rows.size()), 3, image.size(1), image.size(2)},
            at::TensorOptions().dtype(at::kFloat).pinned_memory(pinned));
      pixels = assembly.pixels;
    }
    if (pixels.size(2) == image.size(1) && pixels.size(3) == image.size(2))
      pixels.select(0, static_cast<std::int64_t>(row)).copy_(image);
    if (!texts) return;
    RandomStream of_text = random.derive(
        "text");  // so that what happens to a caption doesn't depend on the image steps
    const std::string caption =
        transforms(record.captions[static_cast<std::size_t>(sample.caption)], of_text);
    assembly.token_ids[row] = tokenizer.encode(with_prompt(prompt, caption));
    for (const std::size_t other : other_captions(sample, random.derive("further"))) {
      RandomStream of_other = of_text.derive(static_cast<std::uint64_t>(other));
      assembly.extra_ids[row].push_back(
          tokenizer.encode(with_prompt(prompt, transforms(record.captions[other], of_other))));
    }
  }

  /// @return  positions of captions of the sample's image, its own not among them, at most
  ///          `extra_captions`, in random order
  [[nodiscard]] std::vector<std::size_t> other_captions(const SampleRow& sample,
                                                        RandomStream random) const {
    std::vector<std::size_t> others;
    if (extra_captions == 0) return others;
    for (std::size_t caption = 0; caption < record_of(sample).captions.size(); ++caption)
      if (std::cmp_not_equal(caption, sample.caption)) others.push_back(caption);
    random.shuffle(std::span<std::size_t>(others));
    if (std::cmp_greater(others.size(), extra_captions))
      others.resize(static_cast<std::size_t>(extra_captions));
    return others;
  }

  /// @return  the k-th extra caption of every sample that has one
  [[nodiscard]] Texts extra_texts(const Assembly& assembly, std::size_t k) const {
    std::vector<std::vector<std::int64_t>> ids;
    std::vector<std::int64_t> rows;
    for (std::size_t row = 0; row < assembly.rows.size(); ++row)
      if (k < assembly.extra_ids[row].size()) {
        ids.push_back(assembly.extra_ids[row][k]);
        rows.push_back(static_cast<std::int64_t>(row));
      }
    Texts texts = collate_ids(ids, tokenizer.special().pad, unsupervised);
    if (rows.size() < assembly.rows.size()) texts.image_rows = at::tensor(rows, at::kLong);
    return texts;
  }

  /// Judges the rows in their order, so that the same problem is reported whatever the threads did.
  void finish(Assembly& assembly) const {
    try {
      LoadedBatch loaded;
      for (std::size_t row = 0; row < assembly.rows.size(); ++row) {
        if (!assembly.problems[row].empty()) throw DataError(assembly.problems[row]);
        const ImageRecord& record = record_of(assembly.rows[row]);
        loaded.batch.image_ids.push_back(record.image_id.text());
        loaded.record_index.push_back(assembly.rows[row].record);
      }
      loaded.batch.pixels = std::move(assembly.pixels);
      loaded.batch.image_index = at::tensor(loaded.record_index, at::kLong);
      if (texts) {
        loaded.batch.texts = collate_ids(assembly.token_ids, tokenizer.special().pad, unsupervised);
        for (std::size_t k = 0; std::cmp_less(k, extra_captions); ++k)
          if (Texts texts = extra_texts(assembly, k); texts.token_ids.size(0) > 0)
            loaded.batch.extra_captions.push_back(std::move(texts));
      }
      if (pinned)
        for_each_tensor(loaded.batch, [](at::Tensor& tensor) {
          if (tensor.defined() && !tensor.is_pinned()) tensor = tensor.pin_memory();
        });
      assembly.promise.set_value({std::move(loaded), std::move(assembly.sizes)});
    } catch (...) {
      assembly.promise.set_exception(std::current_exception());
    }
  }
};

}  // namespace vlp
