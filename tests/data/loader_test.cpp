#include "vlp/data/loader.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "plugins/transform/horizontal_flip.hpp"
#include "plugins/transform/normalize.hpp"
#include "plugins/transform/pre_caption.hpp"
#include "plugins/transform/rand_augment.hpp"
#include "plugins/transform/random_resized_crop.hpp"
#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/support/words.hpp"

BOOST_AUTO_TEST_SUITE(loader)

namespace fs = std::filesystem;
using vlp::AnyTokenizer;
using vlp::AnyTransform;
using vlp::CaptionsPerImage;
using vlp::DataError;
using vlp::ImageRecord;
using vlp::LoadedBatch;
using vlp::Loader;
using vlp::LoaderOptions;
using vlp::RandomStream;

namespace {

/// Images 0.jpg, 1.jpg, ...; image i has the captions "w0 wi", "w1 w1 wi", "w2 w2 w2 wi".
std::vector<ImageRecord> make_records(std::int64_t count) {
  std::vector<ImageRecord> records;
  for (std::int64_t i = 0; i < count; ++i) {
    ImageRecord& record = records.emplace_back(
        ImageRecord{std::to_string(i) + ".jpg", std::to_string(i) + ".jpg", {}});
    std::string caption = "w" + std::to_string(i);
    for (const std::string word : {"w0 ", "w1 ", "w2 "}) {
      caption = word + caption;
      record.captions.push_back(caption);
    }
  }
  return records;
}

/// An image of 2 x 4 pixels whose values are the number in its name.
at::Tensor numbered_image(const fs::path& file) {
  return at::full({3, 2, 4}, std::stoll(file.stem().string()), at::kByte);
}

/// To float32, plus noise below 0.5 from the sample's stream.
const AnyTransform kNoise([](const at::Tensor& image, RandomStream& random) {
  return image.to(at::kFloat) + random.uniform() / 2;
});

struct Setting {
  std::vector<ImageRecord> records = make_records(7);
  CaptionsPerImage mode = CaptionsPerImage::all;
  vlp::Pipeline transforms{.images = {kNoise}, .texts = {}};
  AnyTokenizer tokenizer{vlp::test::Words{}};
  std::string prompt;
  LoaderOptions options;
  vlp::Context ctx;

  Setting() {
    options.batch_size = 4;
    options.shuffle = true;
    options.drop_last = true;
    options.workers = 2;
    options.decode = numbered_image;
  }
  [[nodiscard]] std::unique_ptr<Loader> loader() const {
    return std::make_unique<Loader>(
        records, mode, vlp::SamplePreparation{transforms, tokenizer, prompt}, options, ctx);
  }
};

std::vector<LoadedBatch> rest_of(Loader& loader) {
  std::vector<LoadedBatch> batches;
  while (std::optional<LoadedBatch> batch = loader.next()) batches.push_back(std::move(*batch));
  return batches;
}
std::vector<LoadedBatch> epoch_of(Loader& loader, std::int64_t epoch) {
  loader.start_epoch(epoch);
  return rest_of(loader);
}

bool same(const LoadedBatch& a, const LoadedBatch& b) {
  return a.record_index == b.record_index && a.batch.image_ids == b.batch.image_ids &&
         at::equal(a.batch.pixels, b.batch.pixels) &&
         at::equal(a.batch.image_index, b.batch.image_index) &&
         at::equal(a.batch.texts.token_ids, b.batch.texts.token_ids) &&
         at::equal(a.batch.texts.token_mask, b.batch.texts.token_mask) &&
         at::equal(a.batch.texts.target_index, b.batch.texts.target_index) &&
         at::equal(a.batch.texts.targets, b.batch.texts.targets);
}
bool same(const std::vector<LoadedBatch>& a, const std::vector<LoadedBatch>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const LoadedBatch& x, const LoadedBatch& y) { return same(x, y); });
}

/// All tensors of a batch.
std::vector<at::Tensor> tensors_of(const LoadedBatch& loaded) {
  vlp::Batch batch = loaded.batch;
  std::vector<at::Tensor> tensors;
  vlp::for_each_tensor(batch, [&](const at::Tensor& tensor) {
    if (tensor.defined()) tensors.push_back(tensor);
  });
  return tensors;
}

/// Without a GPU it can't.
bool memory_can_be_pinned() {
  try {
    return at::empty({1}, at::TensorOptions().pinned_memory(true)).is_pinned();
  } catch (const std::exception&) {
    return false;
  }
}

std::string problem_of_next(Loader& loader) {
  return vlp_test::message_of<DataError>([&] { (void)loader.next(); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_batch_has_the_shapes_and_values_of_its_samples) {
  const Setting setting;
  const auto loader = setting.loader();
  const std::vector<LoadedBatch> batches = epoch_of(*loader, 0);
  BOOST_REQUIRE_EQUAL(batches.size(), 5);  // 21 captions
  std::multiset<std::int64_t> seen;
  for (const auto& [batch, record_index] : batches) {
    BOOST_TEST(batch.pixels.sizes() == (at::IntArrayRef{4, 3, 2, 4}));
    BOOST_TEST((batch.pixels.scalar_type() == at::kFloat));
    BOOST_TEST(!batch.pixels.requires_grad());
    BOOST_REQUIRE_EQUAL(record_index.size(), 4);
    for (std::size_t row = 0; row < 4; ++row) {
      const std::int64_t i = record_index[row];
      seen.insert(i);
      BOOST_TEST(batch.image_ids[row] == std::to_string(i) + ".jpg");
      BOOST_TEST(batch.pixels[static_cast<std::int64_t>(row)].floor().eq(i).all().item<bool>());
      const at::Tensor words = batch.texts.token_ids[static_cast<std::int64_t>(row)].masked_select(
          batch.texts.token_mask[static_cast<std::int64_t>(row)]);
      BOOST_TEST(words[-2].item<std::int64_t>() ==
                 vlp::test::Words::kFirst + i);  // the caption's last word, before [SEP]
    }
  }
  BOOST_TEST(seen.size() == 20);
}

BOOST_AUTO_TEST_CASE(processes_share_an_epoch_in_the_order_of_one) {
  Setting setting;
  const auto alone = setting.loader();  // five batches
  const std::vector<LoadedBatch> all = epoch_of(*alone, 1);
  const auto of = [&](std::int64_t rank, std::int64_t size, std::int64_t run) {
    setting.options.share = {rank, size, run};
    std::vector<std::int64_t> positions;
    const auto loader = setting.loader();
    for (const LoadedBatch& batch : epoch_of(*loader, 1))
      for (std::size_t i = 0; i < all.size(); ++i)
        if (batch.record_index == all[i].record_index &&
            batch.batch.pixels.equal(all[i].batch.pixels))
          positions.push_back(static_cast<std::int64_t>(i));
    BOOST_TEST(static_cast<std::int64_t>(positions.size()) == loader->batches_per_epoch());
    return positions;
  };
  using Positions = std::vector<std::int64_t>;
  BOOST_TEST(of(0, 2, 1) == (Positions{0, 2}), boost::test_tools::per_element());
  BOOST_TEST(of(1, 2, 1) == (Positions{1, 3}), boost::test_tools::per_element());
  BOOST_TEST(of(0, 2, 2) == (Positions{0, 1}), boost::test_tools::per_element());
  BOOST_TEST(of(1, 2, 2) == (Positions{2, 3}), boost::test_tools::per_element());
  BOOST_TEST(of(0, 1, 2) == (Positions{0, 1, 2, 3, 4}), boost::test_tools::per_element());
  setting.options.share = {0, 3, 2};
  BOOST_CHECK_THROW((void)setting.loader(), vlp::DataError);
}

BOOST_AUTO_TEST_CASE(every_batch_is_somebodys_if_shares_may_be_uneven) {
  Setting setting;
  const std::vector<LoadedBatch> all = epoch_of(*setting.loader(), 1);
  BOOST_TEST_REQUIRE(all.size() == 5U);
  for (const std::int64_t run : {1, 2, 3})
    for (const std::int64_t size : {1, 2, 3, 7}) {
      std::vector<std::int64_t> takers(all.size());
      for (std::int64_t rank = 0; rank < size; ++rank) {
        setting.options.share = {rank, size, run, /*even=*/false};
        const auto loader = setting.loader();
        const std::vector<LoadedBatch> own = epoch_of(*loader, 1);
        BOOST_TEST(static_cast<std::int64_t>(own.size()) == loader->batches_per_epoch());
        for (std::size_t i = 0; i < own.size(); ++i) {
          const std::int64_t at = setting.options.share.position(static_cast<std::int64_t>(i));
          BOOST_TEST(own[i].record_index == all.at(static_cast<std::size_t>(at)).record_index,
                     boost::test_tools::per_element());
          ++takers.at(static_cast<std::size_t>(at));
        }
      }
      BOOST_TEST(takers == std::vector<std::int64_t>(all.size(), 1),
                 boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(threads_do_not_change_what_comes_out) {
  Setting setting;
  setting.options.workers = 1;
  const auto one = setting.loader();
  const auto expected = epoch_of(*one, 3);
  for (const std::int64_t workers : {2, 5}) {
    setting.options.workers = workers;
    setting.options.prefetch = workers;
    const auto several = setting.loader();
    BOOST_TEST(same(epoch_of(*several, 3), expected));
  }
}

BOOST_AUTO_TEST_CASE(seed_and_epoch_change_order_and_augmentation) {
  Setting setting;
  const auto loader = setting.loader();
  const auto first = epoch_of(*loader, 0);
  BOOST_TEST(same(epoch_of(*loader, 0), first));
  BOOST_TEST(!same(epoch_of(*loader, 1), first));
  setting.ctx.facts.seeds = RandomStream(18);
  const auto other = setting.loader();
  BOOST_TEST(!same(epoch_of(*other, 0), first));
  setting.options.shuffle = false;
  const auto in_order = setting.loader();
  BOOST_TEST(
      !at::equal(epoch_of(*in_order, 0)[0].batch.pixels, epoch_of(*in_order, 1)[0].batch.pixels));
}

BOOST_AUTO_TEST_CASE(a_sample_is_augmented_alike_wherever_it_falls) {
  Setting setting;
  setting.mode = CaptionsPerImage::all;
  setting.options.batch_size = 1;
  const auto shuffled = setting.loader();
  setting.options.shuffle = false;
  setting.options.batch_size = 21;
  const auto in_order = setting.loader();
  const at::Tensor all = epoch_of(*in_order, 0).at(0).batch.pixels;
  for (const auto& [batch, record_index] : epoch_of(*shuffled, 0))
    BOOST_TEST((all == batch.pixels).flatten(1).all(1).any().item<bool>());
}

BOOST_AUTO_TEST_CASE(one_caption_an_image_gives_each_image_once) {
  Setting setting;
  setting.mode = CaptionsPerImage::one;
  setting.options.drop_last = false;
  const auto loader = setting.loader();
  BOOST_TEST(loader->batches_per_epoch() == 2);
  std::multiset<std::int64_t> seen;
  for (const LoadedBatch& batch : epoch_of(*loader, 0))
    seen.insert(batch.record_index.begin(), batch.record_index.end());
  BOOST_TEST(seen == (std::multiset<std::int64_t>{0, 1, 2, 3, 4, 5, 6}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(drop_last_drops_an_incomplete_batch_but_never_the_only_one) {
  Setting setting;
  BOOST_TEST(setting.loader()->batches_per_epoch() == 5);
  setting.options.drop_last = false;
  const auto whole = setting.loader();
  const auto batches = epoch_of(*whole, 0);
  BOOST_REQUIRE_EQUAL(batches.size(), 6);
  BOOST_TEST(batches.back().batch.size() == 1);
  setting.options.drop_last = true;
  setting.options.batch_size = 100;
  const auto small = setting.loader();
  const auto only = epoch_of(*small, 0);
  BOOST_REQUIRE_EQUAL(only.size(), 1);
  BOOST_TEST(only[0].batch.size() == 21);
}

BOOST_AUTO_TEST_CASE(images_only_gives_each_image_once_in_order_without_text) {
  Setting setting;
  setting.options.images_only = true;
  setting.options.drop_last = false;
  setting.records[2].captions.clear();
  const auto loader = setting.loader();
  const auto batches = epoch_of(*loader, 0);
  BOOST_REQUIRE_EQUAL(batches.size(), 2);
  BOOST_TEST(batches[0].record_index == (std::vector<std::int64_t>{0, 1, 2, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(batches[1].record_index == (std::vector<std::int64_t>{4, 5, 6}),
             boost::test_tools::per_element());
  BOOST_TEST(!batches[0].batch.texts.token_ids.defined());
  BOOST_TEST(!batches[0].batch.texts.targets.defined());
}

BOOST_AUTO_TEST_CASE(a_prompt_is_put_before_each_caption_and_not_supervised) {
  Setting setting;
  setting.prompt = "w8 w9";
  const auto loader = setting.loader();
  for (const auto& [batch, record_index] : epoch_of(*loader, 0)) {
    BOOST_TEST(batch.texts.token_ids.select(1, 1).eq(18).all().item<bool>());
    BOOST_TEST(batch.texts.token_ids.select(1, 2).eq(19).all().item<bool>());
    BOOST_TEST(!at::isin(batch.texts.targets, at::tensor({18, 19}, at::kLong)).any().item<bool>());
    BOOST_TEST(batch.texts.targets.eq(vlp::test::Words::kSep).sum().item<std::int64_t>() == 4);
  }
}

BOOST_AUTO_TEST_CASE(an_image_s_own_prompt_takes_the_place_of_the_usual_one) {
  Setting setting;
  setting.prompt = "w8";
  setting.records[2].prompt = "w8 w9 w9";
  setting.options.batch_size = 7;
  setting.options.extra_captions = 2;
  setting.mode = CaptionsPerImage::one;
  const auto loader = setting.loader();
  const std::vector<LoadedBatch> batches = epoch_of(*loader, 0);
  BOOST_TEST_REQUIRE(batches.size() == 1U);
  const auto check = [&](const vlp::Texts& texts) {
    for (std::int64_t row = 0; row < 7; ++row) {
      const bool own = batches[0].record_index[static_cast<std::size_t>(row)] == 2;
      BOOST_TEST(texts.token_ids[row][1].item<std::int64_t>() == 18);
      BOOST_TEST((texts.token_ids[row][2].item<std::int64_t>() == 19) == own);
      const std::int64_t tokens = texts.token_mask[row].sum().item<std::int64_t>();
      const at::Tensor of_row =
          texts.target_index.div(texts.token_ids.size(1), "floor").eq(row).sum();
      BOOST_TEST(of_row.item<std::int64_t>() == tokens - (own ? 4 : 2));  // [CLS] and the prompt
    }
    BOOST_TEST(!at::isin(texts.targets, at::tensor({18, 19}, at::kLong)).any().item<bool>());
  };
  check(batches[0].batch.texts);
  BOOST_TEST_REQUIRE(batches[0].batch.extra_captions.size() == 2U);
  for (const vlp::Texts& texts : batches[0].batch.extra_captions) check(texts);
}

BOOST_AUTO_TEST_CASE(extra_captions_are_others_of_the_same_image) {
  Setting setting;
  setting.mode = CaptionsPerImage::one;
  setting.records[5].captions.resize(2);
  setting.records[6].captions.resize(1);
  setting.prompt = "w8";
  const auto without = epoch_of(*setting.loader(), 3);
  setting.options.extra_captions = 2;
  const auto with = epoch_of(*setting.loader(), 3);
  BOOST_TEST(same(with, without));  // what the pairs are doesn't depend on what comes beside them
  std::vector<std::multiset<std::string>> said(setting.records.size());
  const auto add = [&](std::int64_t record, const at::Tensor& ids) {
    const at::Tensor kept = ids.masked_select(ids.ne(vlp::test::Words::kPad)).contiguous();
    said[static_cast<std::size_t>(record)].insert(
        vlp::test::Words{}.decode({kept.data_ptr<std::int64_t>(), std::size_t(kept.numel())}));
  };
  for (const auto& [batch, record_index] : with) {
    for (std::size_t row = 0; row < record_index.size(); ++row)
      add(record_index[row], batch.texts.token_ids[std::int64_t(row)]);
    BOOST_TEST(batch.extra_captions.size() <= 2U);
    for (const vlp::Texts& texts : batch.extra_captions) {
      const std::int64_t count = texts.token_ids.size(0);
      BOOST_TEST(texts.image_rows.defined() == (count < batch.size()));
      for (std::int64_t i = 0; i < count; ++i)
        add(record_index[std::size_t(
                texts.image_rows.defined() ? texts.image_rows[i].item<std::int64_t>() : i)],
            texts.token_ids[i]);
      BOOST_TEST(at::equal(texts.token_ids.flatten().index_select(0, texts.target_index + 1),
                           texts.targets));
      BOOST_TEST(!texts.targets.eq(18).any().item<bool>());  // the prompt
    }
  }
  std::size_t seen = 0;
  for (std::size_t i = 0; i < said.size(); ++i) {
    if (said[i].empty()) continue;  // left out with the incomplete batch
    std::multiset<std::string> all;
    for (const std::string& caption : setting.records[i].captions) all.insert("w8 " + caption);
    BOOST_TEST(said[i] == all, "image " << i);
    ++seen;
  }
  BOOST_TEST(seen == 4U);
}

BOOST_AUTO_TEST_CASE(which_extra_captions_come_depends_on_seed_and_epoch_only) {
  Setting setting;
  setting.mode = CaptionsPerImage::one;
  setting.options.extra_captions = 1;
  const auto of = [&](std::int64_t epoch) {
    std::vector<at::Tensor> ids;
    for (const LoadedBatch& loaded : epoch_of(*setting.loader(), epoch))
      for (const vlp::Texts& texts : loaded.batch.extra_captions)
        ids.push_back(texts.token_ids.flatten());
    return at::cat(ids);
  };
  const at::Tensor first = of(0);
  setting.options.workers = 5;
  BOOST_TEST(at::equal(of(0), first));
  BOOST_TEST(!at::equal(of(1), first));
}

BOOST_AUTO_TEST_CASE(a_reloaded_loader_goes_on_with_the_next_batch) {
  const Setting setting;
  const auto loader = setting.loader();
  loader->start_epoch(2);
  (void)loader->next();
  (void)loader->next();
  vlp::State state;
  loader->save(state);
  const auto expected = rest_of(*loader);
  BOOST_REQUIRE_EQUAL(expected.size(), 3);
  const auto reloaded = setting.loader();
  reloaded->load(state);
  BOOST_TEST(same(rest_of(*reloaded), expected));

  loader->save(state);
  reloaded->load(state);
  BOOST_TEST(!reloaded->next().has_value());
}

BOOST_AUTO_TEST_CASE(a_checkpoint_of_other_data_is_refused) {
  Setting setting;
  vlp::State state;
  setting.loader()->save(state);
  setting.options.batch_size = 2;
  BOOST_CHECK_EXCEPTION(setting.loader()->load(state), DataError, [](const DataError& error) {
    return std::string(error.what()) ==
           "loader: the checkpoint belongs to other data (got 21 samples in batches of 2, expected "
           "21 samples in batches of 4). "
           "Resume with the dataset, the batch size and the number of processes of the "
           "checkpoint.";
  });
}

BOOST_AUTO_TEST_CASE(a_loader_knows_when_its_epoch_is_over) {
  const Setting setting;
  const auto loader = setting.loader();  // five batches
  loader->start_epoch(0, 4);
  BOOST_TEST(!loader->exhausted());
  BOOST_TEST(loader->next().has_value());
  BOOST_TEST(loader->exhausted());
  loader->start_epoch(1);
  BOOST_TEST(!loader->exhausted());
}

BOOST_AUTO_TEST_CASE(where_batches_have_changed_an_epoch_goes_on_behind_as_many_samples) {
  Setting setting;
  const auto loader = setting.loader();
  loader->start_epoch(2, 3);
  vlp::State state;
  loader->save(state);  // 12 samples
  setting.options.batch_size = 5;
  const auto other = setting.loader();  // four batches
  other->load_changed(state);
  const auto rest = rest_of(*other);
  const auto all = epoch_of(*other, 2);
  BOOST_REQUIRE_EQUAL(all.size(), 4);
  BOOST_TEST(same(rest, {all[2], all[3]}));

  loader->start_epoch(2, 5);
  loader->save(state);
  other->load_changed(state);
  BOOST_TEST(other->exhausted());
}

BOOST_AUTO_TEST_CASE(a_broken_image_is_named_at_its_batch_and_the_next_one_follows) {
  Setting setting;
  setting.options.images_only = true;
  setting.options.drop_last = false;
  setting.options.batch_size = 2;
  setting.options.decode = [](const fs::path& file) {
    if (file == "2.jpg" || file == "3.jpg")
      throw DataError(file.string() + ": truncated (got 3 bytes, expected 9). Copy it again.");
    if (file == "4.jpg") TORCH_CHECK(false, "an error of torch");
    return numbered_image(file);
  };
  const auto loader = setting.loader();
  loader->start_epoch(0);
  BOOST_TEST(loader->next().has_value());
  BOOST_TEST(problem_of_next(*loader) ==
             "image '2.jpg': 2.jpg: truncated (got 3 bytes, expected 9). Copy it again. "
             "dataset.on_bad = \"skip\" goes on without such images; `vlp check RECIPE --images` "
             "finds them all.");
  BOOST_TEST(problem_of_next(*loader) == "image '4.jpg': an error of torch");
  BOOST_TEST(loader->next()->record_index.at(0) == 6);
  BOOST_TEST(!loader->next().has_value());
}

BOOST_AUTO_TEST_CASE(a_broken_file_is_named_by_the_usual_decoder) {
  const ScratchFolder folder;
  std::ofstream(folder.path / "bad.jpg") << "not a JPEG";
  Setting setting;
  setting.records = {{"bad.jpg", folder.path / "bad.jpg", {"w1"}}};
  setting.options.decode = LoaderOptions{}.decode;
  const auto loader = setting.loader();
  loader->start_epoch(0);
  const std::string problem = problem_of_next(*loader);
  BOOST_TEST(problem.starts_with("image 'bad.jpg': "));
  BOOST_TEST(problem.find((folder.path / "bad.jpg").string()) != problem.npos);
}

namespace {

/// Throws for 2.jpg and 3.jpg, of which one is broken and one isn't there.
at::Tensor numbered_image_or_error(const fs::path& file) {
  if (file == "2.jpg") throw DataError("2.jpg: truncated. Copy it again.");
  if (file == "3.jpg") throw vlp::MissingFileError("3.jpg: can't open. Check the path.");
  return numbered_image(file);
}

std::set<std::string> ids_of_bad(const std::vector<vlp::BadSample>& bad) {
  std::set<std::string> ids;
  for (const vlp::BadSample& sample : bad) ids.insert(sample.image_id.text());
  return ids;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_bad_sample_makes_room_for_another_and_the_others_stay_as_they_are) {
  Setting setting;
  const auto sound = setting.loader();
  setting.options.bad_row = vlp::BadRow::replace;
  setting.options.decode = numbered_image_or_error;
  const auto loader = setting.loader();
  for (const std::int64_t epoch : {0, 1}) {
    const auto expected = epoch_of(*sound, epoch), found = epoch_of(*loader, epoch);
    const std::vector<vlp::BadSample> bad = loader->take_bad();
    BOOST_TEST((ids_of_bad(bad) == std::set<std::string>{"2.jpg", "3.jpg"}));
    for (const vlp::BadSample& sample : bad) {
      const bool broken = sample.record == 2;
      BOOST_TEST(sample.reason == (broken ? "undecodable" : "missing"));
      BOOST_TEST(sample.error == (broken ? "2.jpg: truncated. Copy it again."
                                         : "3.jpg: can't open. Check the path."));
    }
    BOOST_TEST(loader->take_bad().empty(), "they were taken");
    BOOST_REQUIRE_EQUAL(found.size(), expected.size());
    for (std::size_t batch = 0; batch < found.size(); ++batch) {
      const auto& [now, index] = found[batch];
      BOOST_REQUIRE_EQUAL(index.size(), 4U);
      for (std::size_t row = 0; row < 4; ++row) {
        const std::int64_t was = expected[batch].record_index[row];
        const auto i = static_cast<std::int64_t>(row);
        BOOST_TEST(index[row] != 2);
        BOOST_TEST(index[row] != 3);
        if (was != 2 && was != 3) {
          BOOST_TEST(index[row] == was);
          BOOST_TEST(now.pixels[i].equal(expected[batch].batch.pixels[i]));
        }
        BOOST_TEST(now.image_ids[row] == std::to_string(index[row]) + ".jpg");
        BOOST_TEST(now.pixels[i].floor().eq(index[row]).all().item<bool>());
        // Its caption ends in the image's number.
        const auto ids = now.texts.token_ids[i];
        BOOST_TEST(ids.eq(10 + index[row]).any().item<bool>());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(
    what_takes_a_place_depends_on_seed_and_epoch_and_neither_threads_nor_resuming) {
  Setting setting;
  setting.options.bad_row = vlp::BadRow::replace;
  setting.options.decode = numbered_image_or_error;
  setting.options.workers = 1;
  const auto one = setting.loader();
  const auto expected = epoch_of(*one, 1);
  const std::vector<vlp::BadSample> bad = one->take_bad();
  for (const std::int64_t workers : {2, 7}) {
    setting.options.workers = workers;
    const auto several = setting.loader();
    BOOST_TEST(same(epoch_of(*several, 1), expected));
    BOOST_TEST((several->take_bad() == bad));
  }
  const auto stopped = setting.loader(), resumed = setting.loader();
  stopped->start_epoch(1);
  std::vector<LoadedBatch> joined;
  for (int i = 0; i < 2; ++i) joined.push_back(*stopped->next());
  std::vector<vlp::BadSample> met = stopped->take_bad();
  vlp::State state;
  stopped->save(state);
  resumed->load(state);
  for (LoadedBatch& batch : rest_of(*resumed)) joined.push_back(std::move(batch));
  for (vlp::BadSample& sample : resumed->take_bad()) met.push_back(std::move(sample));
  BOOST_TEST(same(joined, expected));
  BOOST_TEST((met == bad));
  setting.ctx.facts.seeds = RandomStream(18);
  BOOST_TEST(!same(epoch_of(*setting.loader(), 1), expected));
}

BOOST_AUTO_TEST_CASE(where_nearly_all_are_bad_the_search_for_another_ends) {
  Setting setting;
  setting.options.bad_row = vlp::BadRow::replace;
  setting.options.decode = [](const fs::path& file) -> at::Tensor {
    throw DataError(file.string() + ": truncated.");
  };
  const auto loader = setting.loader();
  loader->start_epoch(0);
  const std::string problem = problem_of_next(*loader);
  BOOST_TEST(vlp_test::contains(problem, "no sample takes its place, since 100 others"), problem);
}

BOOST_AUTO_TEST_CASE(what_is_not_the_fault_of_the_image_ends_the_batch_all_the_same) {
  Setting setting;
  setting.options.bad_row = vlp::BadRow::replace;
  setting.options.shuffle = false;
  setting.options.decode = [](const fs::path& file) -> at::Tensor {
    if (file == "0.jpg") throw vlp::ReadError("0.jpg: can't be read.");
    return numbered_image(file);
  };
  const auto disk = setting.loader();
  disk->start_epoch(0);
  BOOST_TEST(problem_of_next(*disk) ==
             "image '0.jpg': 0.jpg: can't be read. The image may be sound, so it isn't skipped.");
  BOOST_TEST(disk->take_bad().empty());
  setting.options.decode = numbered_image;
  setting.transforms.images = {AnyTransform([](const at::Tensor&, RandomStream&) -> at::Tensor {
    throw DataError("too small to be cropped.");
  })};
  const auto transform = setting.loader();
  transform->start_epoch(0);
  BOOST_TEST(vlp_test::contains(problem_of_next(*transform), "too small to be cropped."));
}

BOOST_AUTO_TEST_CASE(an_evaluation_leaves_bad_images_out_and_a_batch_may_have_none) {
  Setting setting;
  setting.options.images_only = true;
  setting.options.drop_last = false;
  setting.options.batch_size = 2;
  setting.options.bad_row = vlp::BadRow::leave_out;
  setting.options.decode = [](const fs::path& file) {
    if (file == "5.jpg") throw DataError("5.jpg: truncated.");
    return numbered_image_or_error(file);
  };
  setting.transforms.images = {
      AnyTransform([](const at::Tensor& image, RandomStream&) { return image.to(at::kFloat); })};
  const auto loader = setting.loader();  // 0 1 | 2 3 | 4 5 | 6
  const std::vector<LoadedBatch> batches = epoch_of(*loader, 0);
  BOOST_REQUIRE_EQUAL(batches.size(), 4U);
  BOOST_TEST(batches[0].record_index == (std::vector<std::int64_t>{0, 1}),
             boost::test_tools::per_element());
  BOOST_TEST(batches[1].record_index.empty());
  BOOST_TEST(batches[1].batch.image_ids.empty());
  BOOST_TEST(batches[2].record_index == (std::vector<std::int64_t>{4}),
             boost::test_tools::per_element());
  BOOST_TEST(batches[2].batch.image_ids.at(0) == "4.jpg");
  BOOST_TEST(batches[2].batch.image_index.equal(at::tensor({4}, at::kLong)));
  BOOST_TEST(batches[2].batch.pixels.equal(at::full({1, 3, 2, 4}, 4.0F)));
  BOOST_TEST((ids_of_bad(loader->take_bad()) == std::set<std::string>{"2.jpg", "3.jpg", "5.jpg"}));
  setting.options.images_only = false;
  BOOST_CHECK_THROW((void)setting.loader(), vlp::ContractError);
}

BOOST_AUTO_TEST_CASE(augmented_batches_depend_on_seed_and_epoch_only) {
  Setting setting;
  setting.options.decode = [](const fs::path& file) {  // a picture of its own for each file
    const std::int64_t number = std::stoll(file.stem().string());
    return at::arange(3 * 40 * 30, at::kInt)
        .mul(number + 7)
        .remainder(251)
        .to(at::kByte)
        .view({40, 30, 3})
        .permute({2, 0, 1});
  };
  vlp::RandomResizedCrop::Options crop;
  crop.size = 20;
  const AnyTransform drop_a_word([](std::string_view text, RandomStream& random) {
    return std::string(random.uniform() < 0.5 ? text : text.substr(0, text.rfind(' ')));
  });
  setting.transforms = {
      .images = {vlp::RandomResizedCrop(crop), vlp::HorizontalFlip({.probability = 0.5}),
                 vlp::RandAugment({.operations = 2, .magnitude = 5}),
                 vlp::Normalize(vlp::Normalize::Options{})},
      .texts = {vlp::PreCaption({.words = 3}), drop_a_word}};
  setting.options.workers = 1;
  const auto one = setting.loader();
  const auto expected = epoch_of(*one, 1), next = epoch_of(*one, 2);
  BOOST_TEST(!same(expected, next));
  BOOST_TEST(same(epoch_of(*one, 1), expected));
  for (const std::int64_t workers : {3, 7}) {
    setting.options.workers = workers;
    const auto several = setting.loader();
    BOOST_TEST(same(epoch_of(*several, 1), expected));
    BOOST_TEST(same(epoch_of(*several, 2), next));
  }
  setting.ctx.facts.seeds = RandomStream(18);
  const auto other = setting.loader();
  BOOST_TEST(!same(epoch_of(*other, 1), expected));
}

BOOST_AUTO_TEST_CASE(captions_are_tokenized_as_the_text_steps_leave_them_behind_the_prompt) {
  Setting setting;
  setting.prompt = "w7 w7";
  setting.options.shuffle = false;
  setting.transforms.texts = {[](std::string_view text, RandomStream&) {
    return "w9 " + std::string(text.substr(text.rfind(' ') + 1));
  }};
  const auto loader = setting.loader();
  loader->start_epoch(0);
  const vlp::Batch batch = loader->next()->batch;  // all of image 0's captions end in w0
  const std::vector<std::int64_t> expected{1, 17, 17, 19, 10, 2};
  BOOST_TEST(batch.texts.token_ids[0].equal(at::tensor(expected)));
}

BOOST_AUTO_TEST_CASE(captions_of_one_image_share_its_index) {
  Setting setting;
  const auto loader = setting.loader();
  for (const auto& [batch, record_index] : epoch_of(*loader, 0)) {
    BOOST_TEST((batch.image_index.scalar_type() == at::kLong));
    BOOST_TEST(batch.image_index.equal(at::tensor(record_index)));
    for (std::size_t row = 0; row < batch.image_ids.size(); ++row)
      BOOST_TEST(
          batch.image_ids[row] ==
          std::to_string(batch.image_index[static_cast<std::int64_t>(row)].item<std::int64_t>()) +
              ".jpg");
  }
  setting.options.images_only = true;
  const auto images = setting.loader();
  images->start_epoch(0);
  BOOST_TEST(images->next()->batch.image_index.equal(at::arange(4)));
}

BOOST_AUTO_TEST_CASE(images_of_differing_sizes_are_refused_within_and_across_batches) {
  Setting setting;
  setting.options.images_only = true;
  setting.options.drop_last = false;
  setting.options.decode = [](const fs::path& file) {
    return at::zeros({3, file == "2.jpg" ? 5 : 2, 4}, at::kByte);
  };
  const std::string expected =
      "image '2.jpg': another size than the images before it after the transforms (got 5 x 4, "
      "expected 2 x 4). Add a `resize` transform.";
  for (const std::int64_t batch_size : {3, 2}) {
    setting.options.batch_size = batch_size;
    const auto loader = setting.loader();
    loader->start_epoch(0);
    if (batch_size == 2) BOOST_TEST(loader->next().has_value());
    BOOST_TEST(problem_of_next(*loader) == expected);
  }
}

BOOST_AUTO_TEST_CASE(images_that_are_not_float_after_the_transforms_are_refused) {
  Setting setting;
  setting.transforms.images.clear();
  setting.options.shuffle = false;
  const auto loader = setting.loader();
  loader->start_epoch(0);
  BOOST_TEST(problem_of_next(*loader) ==
             "image '0.jpg': not an input of a model after the transforms (got Byte with 3 "
             "dimensions, expected Float [3, H, W]). Add a "
             "`normalize` transform.");
}

BOOST_AUTO_TEST_CASE(wrong_options_and_empty_splits_are_refused) {
  Setting setting;
  setting.options.workers = 0;
  BOOST_CHECK_EXCEPTION((void)setting.loader(), vlp::RecipeError,
                        [](const vlp::RecipeError& error) {
                          return std::string(error.what()) ==
                                 "loader: sizes below 1 (got batch_size 4, workers 0, prefetch 2, "
                                 "expected at least 1). Raise them.";
                        });
  setting.options.workers = 1;
  BOOST_CHECK_THROW(setting.loader()->start_epoch(0, 6), DataError);
  setting.records.clear();
  BOOST_CHECK_EXCEPTION((void)setting.loader(), DataError, [](const DataError& error) {
    return std::string(error.what()) ==
           "loader: no samples (got an empty split). Raise its share in dataset.split, or "
           "dataset.subset.";
  });
}

BOOST_AUTO_TEST_CASE(a_context_with_a_gpu_makes_the_same_batches_in_host_memory) {
  Setting setting;
  const auto for_cpu = setting.loader();
  setting.ctx.machine.device.type = vlp::DeviceName::Type::cuda;  // whether there is one or not
  const auto for_gpu = setting.loader();
  const std::vector<LoadedBatch> batches = epoch_of(*for_gpu, 0);
  BOOST_TEST(same(batches, epoch_of(*for_cpu, 0)));
  for (const LoadedBatch& loaded : batches)
    for (const at::Tensor& tensor : tensors_of(loaded)) BOOST_TEST(tensor.is_cpu());
}

BOOST_AUTO_TEST_CASE(every_tensor_for_a_gpu_is_pinned_where_memory_can_be) {
  if (!memory_can_be_pinned()) {
    BOOST_TEST_MESSAGE("not checked: memory can't be pinned here");
    return;
  }
  Setting setting;
  setting.mode = CaptionsPerImage::one;
  setting.options.extra_captions = 2;
  for (const bool gpu : {false, true}) {
    setting.ctx.machine.device.type =
        gpu ? vlp::DeviceName::Type::cuda : vlp::DeviceName::Type::cpu;
    const auto loader = setting.loader();
    for (const LoadedBatch& loaded : epoch_of(*loader, 0))
      for (const at::Tensor& tensor : tensors_of(loaded)) BOOST_TEST(tensor.is_pinned() == gpu);
  }
}

BOOST_AUTO_TEST_CASE(prefetch_bounds_what_is_decoded_ahead) {
  Setting setting;
  std::atomic<int> decoded = 0;
  setting.options.images_only = true;
  setting.options.batch_size = 1;
  setting.options.prefetch = 2;
  setting.options.decode = [&](const fs::path& file) {
    ++decoded;
    return numbered_image(file);
  };
  const auto loader = setting.loader();
  loader->start_epoch(0);
  BOOST_TEST(decoded <= 2);
  (void)loader->next();
  BOOST_TEST(decoded <= 3);
  BOOST_TEST(rest_of(*loader).size() == 6);
  BOOST_TEST(decoded == 7);
}

BOOST_AUTO_TEST_CASE(abandoned_epochs_and_destruction_join_cleanly) {
  const Setting setting;
  const auto loader = setting.loader();
  BOOST_TEST(!loader->next().has_value());
  const auto expected = epoch_of(*loader, 9);
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    loader->start_epoch(epoch);
    if (epoch % 2) (void)loader->next();
    const auto dropped = setting.loader();
    dropped->start_epoch(epoch);
  }
  BOOST_TEST(same(epoch_of(*loader, 9), expected));
}

BOOST_AUTO_TEST_CASE(
    workers_run_aten_in_one_thread_without_gradients_and_leave_the_consumer_s_setting) {
  const int before = at::get_num_threads();
  at::set_num_threads(3);
  std::atomic<bool> several_threads = false, gradients = false;
  Setting setting;
  setting.options.decode = [&](const fs::path& file) {
    if (at::get_num_threads() > 1) several_threads = true;
    if (at::GradMode::is_enabled()) gradients = true;
    return numbered_image(file);
  };
  const auto loader = setting.loader();
  (void)epoch_of(*loader, 0);
  const int consumer = at::get_num_threads();
  at::set_num_threads(before);
  BOOST_TEST(!several_threads);
  BOOST_TEST(!gradients);
  BOOST_TEST(consumer == 3);
}

BOOST_AUTO_TEST_SUITE_END()
