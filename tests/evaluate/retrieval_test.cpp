// Ranks by similarity and after re-ranking, against a computation without blocks, batches or
// tensors.

#include "vlp/evaluate/retrieval.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/peer_threads.hpp"

BOOST_AUTO_TEST_SUITE(retrieval)

namespace {

using Ids = std::vector<std::int64_t>;

/// A split of images and texts with a model made of tables: a text's first id behind [CLS] names
/// its embedding, an image's first state its number.
struct Tables {
  at::Tensor image_embeddings;  // [I, E]
  at::Tensor text_embeddings;   // [W, E]
  at::Tensor logits;            // [I, W] of a match
  vlp::RetrievalTexts texts;    // ids [CLS] number [SEP] ...
  vlp::ModelParts parts;
  std::int64_t text_passes = 0, pairs = 0, image_passes = 0;
  bool sound = true;  ///< whether all passes had the sizes that they should

  /// @param captions_of_image  how many texts each image has
  /// @param wordings           different texts; several texts of one wording if there are more
  ///                           texts than that
  Tables(const std::vector<std::int64_t>& captions_of_image, std::int64_t wordings,
         std::uint64_t seed) {
    at::manual_seed(seed);
    const auto images = static_cast<std::int64_t>(captions_of_image.size());
    const auto unit = [](const at::Tensor& x) { return x / x.norm(2, {1}, true); };
    image_embeddings = unit(at::randn({images, 6}));
    text_embeddings = unit(at::randn({wordings, 6}));
    logits = at::randn({images, wordings});
    std::int64_t text = 0;
    for (std::int64_t image = 0; image < images; ++image)
      for (std::int64_t c = 0; c < captions_of_image[static_cast<std::size_t>(image)];
           ++c, ++text) {
        Ids ids{101, text * 7 % wordings, 102};
        ids.resize(3 + static_cast<std::size_t>(text * 7 % wordings % 4),
                   9);  // of different lengths
        texts.ids.push_back(ids);
        texts.images.push_back(image);
      }
    parts.set<vlp::ImageEmbeddings>([this](const at::Tensor& states) {
      return image_embeddings.index_select(0, states.select(1, 0).select(1, 0).to(at::kLong));
    });
    parts.set<vlp::TextStates>([this](const at::Tensor& ids, const at::Tensor& mask) {
      ++text_passes;
      sound = sound && mask.sizes() == ids.sizes();
      return ids.unsqueeze(2).to(at::kFloat);
    });
    parts.set<vlp::TextEmbeddings>([this](const at::Tensor& states, const at::Tensor&) {
      return text_embeddings.index_select(0, states.select(1, 1).select(1, 0).to(at::kLong));
    });
    parts.set<vlp::GroundedStates>([this](const at::Tensor& ids, const at::Tensor& mask,
                                          const at::Tensor& image) {
      sound =
          sound && image.size(0) == 1 &&
          mask.sum(1).amax().item<std::int64_t>() == ids.size(1);  // no more padding than needed
      pairs += ids.size(0);
      ++image_passes;
      const at::Tensor row =
          logits[image[0][0][0].item<std::int64_t>()].index_select(0, ids.select(1, 1));
      return at::stack({-row, row}, 1).unsqueeze(1);
    });
    parts.set<vlp::MatchLogits>([](const at::Tensor& grounded) { return grounded.select(1, 0); });
  }

  [[nodiscard]] std::int64_t images() const { return image_embeddings.size(0); }
  [[nodiscard]] std::int64_t wording(std::size_t text) const { return texts.ids[text][1]; }

  /// The images in batches of three, then ranks.
  [[nodiscard]] vlp::Retrieval retrieval(std::int64_t rerank, const vlp::Context& ctx) {
    vlp::Retrieval retrieval(parts, texts, images(), rerank, ctx);
    for (std::int64_t batch = 0, first = 0; first < images(); ++batch, first += 3) {
      if (!ctx.machine.peers.takes(batch)) continue;
      const std::int64_t n = std::min<std::int64_t>(3, images() - first);
      const at::Tensor states =
          at::arange(first, first + n, at::kFloat).view({n, 1, 1}).expand({n, 2, 1});
      retrieval.add_images({.memory = states, .embeddings = {}, .momentum_embeddings = {}}, first);
    }
    retrieval.rank("matching");
    if (ctx.machine.peers.size() == 1) BOOST_TEST(sound);
    return retrieval;
  }

  /// A similarity as the field computes it, in float64 and rounded.
  [[nodiscard]] float similarity(std::int64_t image, std::size_t text) const {
    double sum = 0;
    for (std::int64_t e = 0; e < 6; ++e)
      sum += static_cast<double>(image_embeddings[image][e].item<float>()) *
             static_cast<double>(text_embeddings[wording(text)][e].item<float>());
    return static_cast<float>(sum);
  }

  /// All ranks by sorting whole lists.
  [[nodiscard]] vlp::RetrievalRanks expected(std::int64_t rerank) const {
    vlp::RetrievalRanks ranks;
    ranks.by_similarity = by_sorting(0);
    if (rerank > 0) ranks.reranked = by_sorting(rerank);
    return ranks;
  }

 private:
  using Item = std::pair<double, std::int64_t>;

  static void sort(std::vector<Item>& items, std::size_t count) {
    std::stable_sort(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(count),
                     [](const Item& a, const Item& b) {
                       return a.first != b.first ? a.first > b.first : a.second < b.second;
                     });
  }
  [[nodiscard]] vlp::Ranks by_sorting(std::int64_t rerank) const {
    const std::size_t count = texts.ids.size();
    std::vector<std::vector<float>> table(static_cast<std::size_t>(images()),
                                          std::vector<float>(count));
    for (std::int64_t i = 0; i < images(); ++i)
      for (std::size_t t = 0; t < count; ++t)
        table[static_cast<std::size_t>(i)][t] = similarity(i, t);
    const auto list = [&](std::size_t size, const auto& similarity_of, const auto& logit_of) {
      std::vector<Item> items;
      for (std::size_t j = 0; j < size; ++j)
        items.emplace_back(similarity_of(j), static_cast<std::int64_t>(j));
      sort(items, size);
      const std::size_t head = std::min(size, static_cast<std::size_t>(rerank));
      for (std::size_t j = 0; j < head; ++j)
        items[j].first += logit_of(static_cast<std::size_t>(items[j].second));
      sort(items, head);
      return items;
    };
    vlp::Ranks ranks;
    for (std::size_t i = 0; i < table.size(); ++i) {
      const auto items = list(
          count, [&](std::size_t t) { return static_cast<double>(table[i][t]); },
          [&](std::size_t t) {
            return static_cast<double>(
                logits[static_cast<std::int64_t>(i)][wording(t)].item<float>());
          });
      const auto found = std::ranges::find_if(items, [&](const Item& item) {
        return texts.images[static_cast<std::size_t>(item.second)] == static_cast<std::int64_t>(i);
      });
      if (found != items.end()) ranks.of_images.push_back(found - items.begin());
    }
    for (std::size_t t = 0; t < count; ++t) {
      const auto items = list(
          table.size(), [&](std::size_t i) { return static_cast<double>(table[i][t]); },
          [&](std::size_t i) {
            return static_cast<double>(
                logits[static_cast<std::int64_t>(i)][wording(t)].item<float>());
          });
      ranks.of_texts.push_back(
          std::ranges::find_if(items,
                               [&](const Item& item) { return item.second == texts.images[t]; }) -
          items.begin());
    }
    return ranks;
  }
};

std::vector<std::int64_t> captions(std::int64_t images) {
  std::vector<std::int64_t> counts;
  for (std::int64_t i = 0; i < images; ++i) counts.push_back(1 + i * 5 % 4);
  return counts;
}

void check(const vlp::RetrievalRanks& found, const vlp::RetrievalRanks& expected) {
  BOOST_TEST(found.by_similarity.of_images == expected.by_similarity.of_images,
             boost::test_tools::per_element());
  BOOST_TEST(found.by_similarity.of_texts == expected.by_similarity.of_texts,
             boost::test_tools::per_element());
  BOOST_TEST_REQUIRE(found.reranked.has_value() == expected.reranked.has_value());
  if (!found.reranked) return;
  BOOST_TEST(found.reranked->of_images == expected.reranked->of_images,
             boost::test_tools::per_element());
  BOOST_TEST(found.reranked->of_texts == expected.reranked->of_texts,
             boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_CASE(ranks_are_those_of_whole_sorted_lists) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    Tables tables(captions(17), 1000, seed);
    check(tables.retrieval(0, {}).ranks(0), tables.expected(0));
    BOOST_TEST(tables.pairs == 0);
  }
}

BOOST_AUTO_TEST_CASE(reranked_ranks_are_those_of_lists_whose_heads_are_sorted_anew) {
  for (const std::uint64_t seed : {4, 5})
    for (const std::int64_t k : {1, 3, 8, 100}) {
      Tables tables(captions(17), 1000, seed);
      check(tables.retrieval(k, {}).ranks(k), tables.expected(k));
    }
}

BOOST_AUTO_TEST_CASE(one_look_serves_metrics_of_different_depths) {
  Tables tables(captions(17), 1000, 6);
  const vlp::Retrieval retrieval = tables.retrieval(9, {});
  for (const std::int64_t k : {0, 1, 4, 9}) check(retrieval.ranks(k), tables.expected(k));
}

BOOST_AUTO_TEST_CASE(texts_of_one_wording_and_images_without_a_caption_are_ranked_rightly) {
  Tables tables({3, 0, 2, 4, 0, 1, 2}, 5, 7);
  check(tables.retrieval(4, {}).ranks(4), tables.expected(4));
  BOOST_TEST(tables.retrieval(0, {}).ranks(0).by_similarity.of_images.size() == 5U);
}

BOOST_AUTO_TEST_CASE(images_that_are_left_out_count_as_never_there) {
  for (const std::int64_t rerank : {0, 5}) {
    Tables all(captions(17), 1000, 15), fewer(captions(17), 1000, 15);
    const std::vector<std::int64_t> gone{0, 4, 6, 7, 8, 16};  // a batch of three among them
    const auto is_gone = [&](std::int64_t image) {
      return std::ranges::find(gone, image) != gone.end();
    };
    std::vector<std::int64_t> kept;
    for (std::int64_t image = 0; image < 17; ++image)
      if (!is_gone(image)) kept.push_back(image);
    const at::Tensor rows = at::tensor(kept, at::kLong);
    fewer.image_embeddings = all.image_embeddings.index_select(0, rows);
    fewer.logits = all.logits.index_select(0, rows);
    fewer.texts = {};
    for (std::size_t text = 0; text < all.texts.ids.size(); ++text)
      if (const auto at = std::ranges::find(kept, all.texts.images[text]); at != kept.end()) {
        fewer.texts.ids.push_back(all.texts.ids[text]);
        fewer.texts.images.push_back(at - kept.begin());
      }
    const vlp::RetrievalRanks expected = fewer.expected(rerank);

    for (const std::size_t size : {1U, 2U, 4U}) {
      std::vector<std::unique_ptr<Tables>> tables;
      for (std::size_t rank = 0; rank < size; ++rank)
        tables.push_back(std::make_unique<Tables>(captions(17), 1000, 15));
      std::vector<vlp::RetrievalRanks> found(size);
      vlp_test::run_together(size, [&](const vlp::Peers& peers) {
        vlp::Context ctx;
        ctx.machine.peers = peers;
        const auto rank = static_cast<std::size_t>(peers.rank());
        Tables& own = *tables[rank];
        vlp::Retrieval retrieval(own.parts, own.texts, 17, rerank, ctx);
        for (std::int64_t batch = 0; batch < 6; ++batch) {
          if (!peers.takes(batch)) continue;
          std::vector<float> numbers;
          for (std::int64_t i = 3 * batch; i < std::min<std::int64_t>(17, 3 * batch + 3); ++i)
            if (!is_gone(i)) numbers.push_back(static_cast<float>(i));
          if (numbers.empty()) {
            retrieval.add_no_images();
            continue;
          }
          const auto n = static_cast<std::int64_t>(numbers.size());
          const at::Tensor states = at::tensor(numbers).view({n, 1, 1}).expand({n, 2, 1});
          retrieval.add_images({.memory = states, .embeddings = {}, .momentum_embeddings = {}},
                               static_cast<std::int64_t>(numbers.front()));
        }
        std::vector<vlp::BadSample> bad;
        for (const std::int64_t image : gone) bad.push_back({"", "", "", image});
        retrieval.leave_out(bad);
        retrieval.rank("matching");
        found[rank] = retrieval.ranks(rerank);
      });
      for (const vlp::RetrievalRanks& ranks : found) check(ranks, expected);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_wording_is_encoded_once_and_every_pair_matched_once) {
  Tables tables(captions(17), 5, 8);
  (void)tables.retrieval(100, {});
  BOOST_TEST(tables.text_passes == 1);
  BOOST_TEST(tables.pairs == 17 * 5);
  BOOST_TEST(tables.image_passes == 17);
}

BOOST_AUTO_TEST_CASE(several_processes_rank_as_one_and_match_every_pair_once) {
  Tables alone(captions(17), 1000, 13);
  const vlp::RetrievalRanks expected = alone.retrieval(5, {}).ranks(5);
  for (const std::size_t size : {2U, 3U, 8U}) {  // six batches of images
    std::vector<std::unique_ptr<Tables>> tables;
    for (std::size_t rank = 0; rank < size; ++rank)
      tables.push_back(std::make_unique<Tables>(captions(17), 1000, 13));
    std::vector<vlp::RetrievalRanks> found(size);
    vlp_test::run_together(size, [&](const vlp::Peers& peers) {
      vlp::Context ctx;
      ctx.machine.peers = peers;
      const auto rank = static_cast<std::size_t>(peers.rank());
      found[rank] = tables[rank]->retrieval(5, ctx).ranks(5);
    });
    std::int64_t pairs = 0, text_passes = 0;
    for (std::size_t rank = 0; rank < size; ++rank) {
      check(found[rank], expected);
      BOOST_TEST(tables[rank]->sound);
      pairs += tables[rank]->pairs;
      text_passes += tables[rank]->text_passes;
    }
    BOOST_TEST(pairs == alone.pairs);
    BOOST_TEST(text_passes == alone.text_passes);
  }
}

BOOST_AUTO_TEST_CASE(processes_sort_blocks_of_queries_in_turn) {
  at::manual_seed(14);
  constexpr std::int64_t kItems = 4096, kQueries = 4500;  // 2048 queries fill a block
  const vlp::RetrievalSide items{at::randn({kItems, 3}), at::arange(kItems)};
  const vlp::RetrievalSide queries{at::randn({kQueries, 3}), at::arange(kQueries)};
  const vlp::RankedQueries alone = vlp::rank_by_similarity(queries, items, 2);
  std::vector<vlp::RankedQueries> found(2);
  vlp_test::run_together(2, [&](const vlp::Peers& peers) {
    found[static_cast<std::size_t>(peers.rank())] =
        vlp::rank_by_similarity(queries, items, 2, peers);
  });
  for (const vlp::RankedQueries& ranked : found) {
    BOOST_TEST((ranked.ranks == alone.ranks));
    BOOST_TEST(ranked.best.index.equal(alone.best.index));
    BOOST_TEST(ranked.best.similarity.equal(alone.best.similarity));
  }
}

BOOST_AUTO_TEST_CASE(many_texts_of_an_image_go_through_in_few_passes) {
  Tables tables(std::vector<std::int64_t>(2, 150), 300, 9);
  check(tables.retrieval(300, {}).ranks(300), tables.expected(300));
  BOOST_TEST(tables.image_passes == 2 * 3);  // 128, 128 and 44 texts
  BOOST_TEST(tables.text_passes == 3);
}

BOOST_AUTO_TEST_CASE(an_equal_similarity_is_ahead_if_its_index_is_lower) {
  const at::Tensor same = at::full({4, 2}, 0.5F);
  const vlp::RetrievalSide queries{same.narrow(0, 0, 2), at::tensor({2, 0}, at::kLong)},
      items{same, at::tensor({0, 1, 2, 2}, at::kLong)};
  const vlp::RankedQueries ranked = vlp::rank_by_similarity(queries, items, 3);
  BOOST_TEST(ranked.ranks == (std::vector<std::int64_t>{2, 0}), boost::test_tools::per_element());
  BOOST_TEST(ranked.best.index.equal(at::tensor({0, 1, 2, 0, 1, 2}, at::kLong).view({2, 3})));
}

BOOST_AUTO_TEST_CASE(blocks_do_not_change_the_ranks) {
  at::manual_seed(10);
  constexpr std::int64_t kItems = 4096, kQueries = 2100;  // 2048 queries fill a block
  const vlp::RetrievalSide items{at::randn({kItems, 3}), at::arange(kItems)};
  const vlp::RetrievalSide queries{items.embeddings.narrow(0, 0, kQueries), at::arange(kQueries)};
  const vlp::RankedQueries whole = vlp::rank_by_similarity(queries, items, 2);
  const vlp::RankedQueries tail = vlp::rank_by_similarity(
      {queries.embeddings.narrow(0, 2000, 100), queries.images.narrow(0, 2000, 100)}, items, 2);
  BOOST_TEST(std::vector<std::int64_t>(whole.ranks.begin() + 2000, whole.ranks.end()) == tail.ranks,
             boost::test_tools::per_element());
  BOOST_TEST(whole.best.index.narrow(0, 2000, 100).equal(tail.best.index));
  BOOST_TEST(whole.best.similarity.narrow(0, 2000, 100).equal(tail.best.similarity));
}

BOOST_AUTO_TEST_CASE(what_is_not_a_number_is_last) {
  const float nan = std::nanf("");
  const vlp::RetrievalSide queries{at::tensor({1.0F, nan}).view({2, 1}),
                                   at::tensor({1, 1}, at::kLong)};
  const vlp::RetrievalSide items{at::tensor({0.5F, nan, -0.5F}).view({3, 1}),
                                 at::tensor({0, 1, 2}, at::kLong)};
  BOOST_TEST(vlp::rank_by_similarity(queries, items, 0).ranks == (std::vector<std::int64_t>{2, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(no_ranks_are_made_of_what_is_not_finite) {
  const auto told = [](const auto& plant) {
    Tables tables(captions(9), 1000, 11);
    plant(tables);
    try {
      (void)tables.retrieval(5, {});
    } catch (const vlp::NonFiniteRow& error) {
      return std::to_string(error.row()) + ": " + error.of_row();
    }
    return std::string();
  };
  for (const float value : {std::nanf(""), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
    const std::string image = told([&](Tables& t) { t.image_embeddings[4][2].fill_(value); });
    BOOST_TEST(image.starts_with("4: the image embeddings are not finite (got [6] Float, 1 of 6"),
               image);
    // Images have 1, 2, 3, 4, 1, ... captions: text 4 is the second of image 2.
    const std::string text =
        told([&](Tables& t) { t.text_embeddings[t.wording(4)][0].fill_(value); });
    BOOST_TEST(text.starts_with("2: the text embeddings of its caption 2 are not finite (got [6]"),
               text);
    const std::string match = told([&](Tables& t) { t.logits[6].fill_(value); });
    BOOST_TEST(match.starts_with("6: the match logits with its texts are not finite (got ["),
               match);
  }
  BOOST_TEST(told([](Tables&) {}) == "");
}

BOOST_AUTO_TEST_CASE(all_processes_refuse_what_is_not_finite) {
  std::vector<int> refused(3);
  vlp_test::run_together(3, [&](const vlp::Peers& peers) {
    Tables tables(captions(9), 1000, 11);
    tables.image_embeddings[7].fill_(std::nanf(""));
    vlp::Context ctx;
    ctx.machine.peers = peers;
    try {
      (void)tables.retrieval(5, ctx);
    } catch (const vlp::NonFiniteError&) {
      refused[static_cast<std::size_t>(peers.rank())] = 1;
    }
  });
  BOOST_TEST(refused == (std::vector<int>{1, 1, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_model_that_serves_no_matching_head_is_refused) {
  Tables tables(captions(3), 100, 12);
  tables.parts.keep(vlp::parts::embeddings);
  BOOST_CHECK_EXCEPTION((void)tables.retrieval(2, {}), vlp::ContractError,
                        [](const vlp::ContractError& error) {
                          return std::string(error.what()) ==
                                 "retrieval: the model serves no part for an image-grounded text "
                                 "encoder and a matching head. Choose another model or rerank = "
                                 "0.";
                        });
  BOOST_TEST(tables.retrieval(0, {}).ranks(0).by_similarity.of_images.size() == 3U);
}

BOOST_AUTO_TEST_CASE(embeddings_of_another_width_are_refused) {
  const vlp::RetrievalSide queries{at::ones({2, 3}), at::arange(2)},
      items{at::ones({2, 4}), at::arange(2)};
  BOOST_CHECK_THROW((void)vlp::rank_by_similarity(queries, items, 0), vlp::ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
