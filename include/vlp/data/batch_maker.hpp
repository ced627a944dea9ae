#pragma once
// From rows of an epoch to a batch: each image is decoded, transformed and tokenized by itself, in
// whichever thread, and written into its place; the last one done completes the batch. An image
// that is missing or broken ends the batch, is left out of it, or makes room for another sample.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vlp/concepts/bad_sample.hpp"
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
#include <ATen/ops/index_select.h>
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

/// What becomes of a row whose image is missing or broken.
enum class BadRow {
  stop,       ///< the batch is an error
  replace,    ///< another row of the epoch takes its place, drawn by seed, epoch and position
  leave_out,  ///< the batch has a row less
};

/// All that turns a row into its part of a batch; immutable, so any thread may use it.
struct BatchMaker {
  /// What the last row of a batch leaves behind. Pixels are whole only if all sizes are equal.
  struct Finished {
    LoadedBatch loaded;            ///< complete
    std::vector<ImageSize> sizes;  ///< [B] of the images after the transforms
    std::vector<BadSample> bad;    ///< that were met, in the order of the rows and the draws
  };

  /// A batch in the making; each row is written by one thread.
  struct Assembly {
    /// A place for each sample.
    /// @param of_epoch  all rows of the epoch
    /// @param first     position among them of the first one in the batch
    /// @param count     rows of the batch
    Assembly(std::shared_ptr<const std::vector<SampleRow>> of_epoch, std::int64_t first,
             std::int64_t count, std::int64_t number)
        : rows(of_epoch->begin() + first, of_epoch->begin() + first + count),
          all_rows(std::move(of_epoch)),
          first_row(first),
          epoch(number),
          sizes(rows.size()),
          token_ids(rows.size()),
          extra_ids(rows.size()),
          unsupervised(rows.size()),
          problems(rows.size()),
          bad(rows.size()),
          unfinished(rows.size()) {}

    std::vector<SampleRow> rows;                             ///< what the batch is made of
    std::shared_ptr<const std::vector<SampleRow>> all_rows;  ///< of the epoch
    std::int64_t first_row;                                  ///< position of `rows` among them
    std::int64_t epoch;                                      ///< from 0
    std::vector<ImageSize> sizes;
    std::vector<std::vector<std::int64_t>> token_ids;
    std::vector<std::vector<std::vector<std::int64_t>>>
        extra_ids;                            ///< of each sample the extra captions
    std::vector<std::int64_t> unsupervised;   ///< of each sample, see `collate_ids`
    std::vector<std::string> problems;        ///< empty = none
    std::vector<std::vector<BadSample>> bad;  ///< of each row what was tried in vain
    std::atomic<std::size_t> unfinished;  ///< samples; who finishes the last completes the batch
    std::mutex mutex;                     ///< guards the definition of `pixels`, not its rows
    at::Tensor pixels;  ///< [B, 3, H, W], of the size of whichever image came first
    std::promise<Finished> promise;
  };

  std::span<const ImageRecord> records;  ///< of the split; must outlive the maker
  Pipeline transforms;                   ///< of images and captions
  AnyTokenizer tokenizer;                ///< of the captions
  std::string prompt;             ///< put before each caption of images that have none of their own
  std::int64_t unsupervised = 1;  ///< of these captions, see `collate_ids`
  std::int64_t extra_captions =
      0;  ///< captions of an image beside a sample's own, as far as there are so many
  bool texts = true;
  bool pinned = false;        ///< all tensors in page-locked memory
  RandomStream augmentation;  ///< epoch, record, caption and repetition are derived from it
  ImageDecoder decode;        ///< from a file to uint8 [3, H, W]
  BadRow bad_row = BadRow::stop;
  RandomStream replacement{0};  ///< epoch and position are derived from it

  /// How many rows are drawn for one whose image can't be used.
  static constexpr std::size_t kDraws = 100;

  /// Prepares one row; with the last one fulfils the promise, with the batch or with the first
  /// row's DataError.
  void add_row(Assembly& assembly, std::size_t row) const {
    prepare_or_replace(assembly, row);
    if (assembly.unfinished.fetch_sub(1, std::memory_order_acq_rel) == 1) finish(assembly);
  }

 private:
  [[nodiscard]] const ImageRecord& record_of(const SampleRow& row) const {
    return records[static_cast<std::size_t>(row.record)];
  }

  void prepare_or_replace(Assembly& assembly, std::size_t row) const {
    const SampleRow& sample = assembly.rows[row];
    const auto epoch = static_cast<std::uint64_t>(assembly.epoch);
    if (prepare_or_note(assembly, row,
                        augmentation.derive(epoch)
                            .derive(static_cast<std::uint64_t>(sample.record))
                            .derive(static_cast<std::uint64_t>(sample.caption))
                            .derive(static_cast<std::uint64_t>(sample.repetition))))
      return;
    const std::vector<BadSample>& bad = assembly.bad[row];
    if (bad_row == BadRow::leave_out) return;
    if (bad_row == BadRow::stop) {
      note_problem(assembly, row,
                   bad.front().error +
                       " dataset.on_bad = \"skip\" goes on without such images; `vlp check RECIPE "
                       "--images` finds them all.");
      return;
    }
    RandomStream draw =
        replacement.derive(epoch).derive(static_cast<std::uint64_t>(assembly.first_row) + row);
    const std::vector<SampleRow>& rows = *assembly.all_rows;
    for (std::size_t i = 0; i < kDraws; ++i) {
      assembly.rows[row] = rows[draw.below(rows.size())];
      if (prepare_or_note(assembly, row, draw.derive("augmentation"))) return;
    }
    note_problem(assembly, row,
                 "no sample takes its place, since " + std::to_string(kDraws) +
                     " others that were drawn can't be used either. The last one: " +
                     bad.back().error + " Check that the images are where the dataset has them.");
  }

  void note_problem(Assembly& assembly, std::size_t row, const std::string& what) const {
    const std::vector<BadSample>& bad = assembly.bad[row];
    assembly.problems[row] =
        "image '" +
        (bad.empty() ? record_of(assembly.rows[row]).image_id : bad.front().image_id).text() +
        "': " + what;
  }

  /// @return  false if the image can't be used, which `bad` then says; true if the row is prepared,
  ///          or has a problem that no other row would solve
  bool prepare_or_note(Assembly& assembly, std::size_t row, RandomStream random) const {
    std::string what;
    try {
      std::optional<DecodedImage> image = usable_image(assembly, row);
      if (!image) return false;
      prepare(assembly, row, *std::move(image), random);
      return true;
    } catch (const ReadError& error) {
      what = error.what();
      if (bad_row != BadRow::stop) what += " The image may be sound, so it isn't skipped.";
    } catch (const c10::Error& error) {
      what = error.what_without_backtrace();
    } catch (const std::exception& error) {
      what = error.what();
    } catch (...) {
      what = "an exception that is not a std::exception.";
    }
    assembly.problems[row] =
        "image '" + record_of(assembly.rows[row]).image_id.text() + "': " + what;
    return true;
  }

  /// The decoded image; nothing if it is missing or broken, which `bad` then says.
  /// @throws ReadError and whatever else isn't the image's fault
  std::optional<DecodedImage> usable_image(Assembly& assembly, std::size_t row) const {
    const SampleRow& sample = assembly.rows[row];
    const ImageRecord& record = record_of(sample);
    const auto bad = [&](const char* reason, const std::exception& error) {
      assembly.bad[row].push_back({record.image_id, reason, error.what(), sample.record});
    };
    try {
      return decode(record.file);
    } catch (const ReadError&) {
      throw;
    } catch (const MissingFileError& error) {
      bad(bad_reasons::kMissing, error);
    } catch (const DataError& error) {
      bad(bad_reasons::kUndecodable, error);
    }
    return std::nullopt;
  }

  void prepare(Assembly& assembly, std::size_t row, DecodedImage decoded,
               RandomStream random) const {
    const SampleRow& sample = assembly.rows[row];
    const ImageRecord& record = record_of(sample);
    const at::Tensor image = transforms(std::move(decoded.pixels), random);
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
    const std::string& before = record.prompt_or(prompt);
    assembly.unsupervised[row] =
        record.prompt.empty() ? unsupervised : prompt_length(tokenizer, record.prompt);
    RandomStream of_text = random.derive(
        "text");  // so that what happens to a caption doesn't depend on the image steps
    const std::string caption =
        transforms(record.captions[static_cast<std::size_t>(sample.caption)], of_text);
    assembly.token_ids[row] = tokenizer.encode(with_prompt(before, caption));
    for (const std::size_t other : other_captions(sample, random.derive("further"))) {
      RandomStream of_other = of_text.derive(static_cast<std::uint64_t>(other));
      assembly.extra_ids[row].push_back(
          tokenizer.encode(with_prompt(before, transforms(record.captions[other], of_other))));
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
    std::vector<std::int64_t> rows, before;
    for (std::size_t row = 0; row < assembly.rows.size(); ++row)
      if (k < assembly.extra_ids[row].size()) {
        ids.push_back(assembly.extra_ids[row][k]);
        rows.push_back(static_cast<std::int64_t>(row));
        before.push_back(assembly.unsupervised[row]);
      }
    Texts texts = collate_ids(ids, tokenizer.special().pad, before);
    if (rows.size() < assembly.rows.size()) texts.image_rows = at::tensor(rows, at::kLong);
    return texts;
  }

  /// Judges the rows in their order, so that the same problem is reported whatever the threads did.
  void finish(Assembly& assembly) const {
    try {
      LoadedBatch loaded;
      std::vector<ImageSize> sizes;
      std::vector<BadSample> bad;
      std::vector<std::int64_t> kept;
      for (std::size_t row = 0; row < assembly.rows.size(); ++row) {
        if (!assembly.problems[row].empty()) throw DataError(assembly.problems[row]);
        for (BadSample& sample : assembly.bad[row]) bad.push_back(std::move(sample));
        if (bad_row == BadRow::leave_out && !assembly.bad[row].empty()) continue;
        const ImageRecord& record = record_of(assembly.rows[row]);
        loaded.batch.image_ids.push_back(record.image_id.text());
        loaded.record_index.push_back(assembly.rows[row].record);
        sizes.push_back(assembly.sizes[row]);
        kept.push_back(static_cast<std::int64_t>(row));
      }
      loaded.batch.pixels = std::move(assembly.pixels);
      if (kept.size() < assembly.rows.size() && !kept.empty())
        loaded.batch.pixels = loaded.batch.pixels.index_select(0, at::tensor(kept, at::kLong));
      loaded.batch.image_index = at::tensor(loaded.record_index, at::kLong);
      if (texts) {
        loaded.batch.texts =
            collate_ids(assembly.token_ids, tokenizer.special().pad, assembly.unsupervised);
        for (std::size_t k = 0; std::cmp_less(k, extra_captions); ++k)
          if (Texts texts = extra_texts(assembly, k); texts.token_ids.size(0) > 0)
            loaded.batch.extra_captions.push_back(std::move(texts));
      }
      if (pinned)
        for_each_tensor(loaded.batch, [](at::Tensor& tensor) {
          if (tensor.defined() && !tensor.is_pinned()) tensor = tensor.pin_memory();
        });
      assembly.promise.set_value({std::move(loaded), std::move(sizes), std::move(bad)});
    } catch (...) {
      assembly.promise.set_exception(std::current_exception());
    }
  }
};

}  // namespace vlp
