// Several processes find what one finds, bit by bit, and do its work once.

#include "vlp/evaluate/evaluate.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/archetypes.hpp"
#include "tests/support/peer_threads.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/support/words.hpp"
#include "vlp/image/encode.hpp"

namespace {

/// What all processes together have done.
struct SharedWork {
  std::atomic<std::int64_t> images = 0, texts = 0, pairs = 0, captions = 0, measured = 0;
  friend bool operator==(const SharedWork& a, const SharedWork& b) {
    return a.images == b.images && a.texts == b.texts && a.pairs == b.pairs &&
           a.captions == b.captions && a.measured == b.measured;
  }
};

at::Tensor probe_unit(const at::Tensor& x) { return x / x.norm(2, {1}, /*keepdim=*/true); }

/// Has all parts; what it gives for a row depends on the row's batch, too.
class ProbeImpl : public torch::nn::Module {
 public:
  explicit ProbeImpl(SharedWork& work) : work_(work) {
    at::manual_seed(5);
    linear = register_module("linear", torch::nn::Linear(48, 6));
    words = register_parameter("words", at::randn({50, 6}));
    head = register_parameter("head", at::randn({6, 2}));
  }
  at::Tensor image_states(const at::Tensor& pixels) {
    work_.images += pixels.size(0);
    return linear(pixels.reshape({pixels.size(0), 4, 48})) +
           0.01 * static_cast<double>(pixels.size(0));
  }
  at::Tensor image_embeddings(const at::Tensor& states) { return probe_unit(states.mean(1)); }
  at::Tensor text_states(const at::Tensor& ids, const at::Tensor& mask) {
    work_.texts += ids.size(0);
    return words.index_select(0, ids.flatten()).view({ids.size(0), ids.size(1), 6}) *
           mask.unsqueeze(2);
  }
  at::Tensor text_embeddings(const at::Tensor& states, const at::Tensor&) {
    return probe_unit(states.sum(1));
  }
  at::Tensor grounded_states(const at::Tensor& ids, const at::Tensor& mask,
                             const vlp::ImageMemory& images) {
    work_.pairs += ids.size(0);
    return words.index_select(0, ids.flatten()).view({ids.size(0), ids.size(1), 6}) *
               mask.unsqueeze(2) +
           images.states().mean(1, /*keepdim=*/true);
  }
  at::Tensor match_logits(const at::Tensor& grounded) { return grounded.sum(1).matmul(head); }
  vlp::Captions generate(const at::Tensor& states, const std::vector<std::int64_t>&,
                         const vlp::GenerateOptions&,
                         const std::vector<vlp::RandomStream>& random) {
    work_.captions += states.size(0);
    vlp::Captions captions;
    for (std::int64_t i = 0; i < states.size(0); ++i) {
      vlp::RandomStream own = random.at(static_cast<std::size_t>(i));
      const auto word = static_cast<std::int64_t>(10 + own.below(30));
      captions.push_back({{.ids = {5, word, word + 1, 2}, .score = states[i].sum().item<float>()}});
    }
    return captions;
  }

  torch::nn::Linear linear{nullptr};
  at::Tensor words, head;

 private:
  SharedWork& work_;
};
TORCH_MODULE(Probe);
static_assert(vlp::Model<Probe>);

/// Compares the pairs of a pass, with a part that only some passes have.
struct ProbeLoss {
  static constexpr vlp::Parts needs = vlp::parts::embeddings;
  vlp::LossValue operator()(vlp::Forward& pass) const {
    const at::Tensor products = pass.image_embeddings().matmul(pass.text_embeddings().t());
    vlp::LossValue value{products.logsumexp(1).mean(), {{"own", products.diagonal().mean()}}};
    if (pass.batch().size() == 1) value.parts.emplace_back("single", products.squeeze());
    return value;
  }
};
static_assert(vlp::Loss<ProbeLoss>);

/// A row an image: letters of its caption.
struct Letters {
  SharedWork* work;
  [[nodiscard]] vlp::ImageStatistics measure(const vlp::CaptionSet& captions) const {
    ++work->measured;
    vlp::ImageStatistics rows(captions.size(), 1);
    for (std::size_t i = 0; i < captions.size(); ++i)
      rows.row(i)[0] = static_cast<double>(captions.image(i).candidate.size()) / 3;
    return rows;
  }
  [[nodiscard]] vlp::Scores scores(std::span<const double> sums) const {
    return {{"letters", sums[0]}};
  }
};

/// Numbers that change with any rank.
struct AllRanks {
  std::int64_t depth;
  [[nodiscard]] std::int64_t rerank() const { return depth; }
  [[nodiscard]] vlp::Scores scores(const vlp::RetrievalRanks& ranks) const {
    vlp::Scores scores;
    const auto add = [&](const std::string& name, const std::vector<std::int64_t>& of) {
      for (std::size_t i = 0; i < of.size(); ++i)
        scores.emplace_back(name + std::to_string(i), static_cast<double>(of[i]));
    };
    add("i", ranks.by_similarity.of_images);
    add("t", ranks.by_similarity.of_texts);
    if (ranks.reranked) add("I", ranks.reranked->of_images), add("T", ranks.reranked->of_texts);
    return scores;
  }
};

/// Seven images in batches of two.
struct SharedSplit {
  ScratchFolder scratch;
  std::vector<vlp::ImageRecord> records;
  vlp::BadSampleLimits limits;
  vlp::Data data{
      {vlp::AnyTokenizer(vlp::test::Words{}),
       {.train = {},
        .evaluate = {.images = {vlp::AnyTransform([](const at::Tensor& image, vlp::RandomStream&) {
                       return image.to(at::kFloat) / 255;
                     })},
                     .texts = {}}},
       ""},
      vlp::AnyDataset(archetype::Dataset{})};

  SharedSplit() {
    for (std::size_t i = 0; i < 7; ++i) {
      const std::filesystem::path file = scratch.path / (std::to_string(i) + ".jpg");
      std::vector<std::uint8_t> rgb;
      for (std::size_t p = 0; p < std::size_t{3} * 64; ++p)
        rgb.push_back(static_cast<std::uint8_t>((p * (i + 3) * 7) % 251));
      vlp::write_jpeg(file, {.rgb = rgb, .height = 8, .width = 8});
      records.push_back({std::to_string(i), file, {"w" + std::to_string(i % 5)}});
      for (std::size_t c = 0; c < i % 3; ++c)
        records.back().captions.push_back("w" + std::to_string(i) + " w" + std::to_string(20 + c));
    }
  }

  [[nodiscard]] vlp::Evaluation evaluated(Probe model, SharedWork& work, const vlp::Peers& peers,
                                          std::int64_t rerank = 3) const {
    vlp::Context ctx;
    ctx.machine.peers = peers;
    ctx.facts.bad = limits;
    std::vector<vlp::AnyMetric> metrics;
    metrics.emplace_back(Letters{&work});
    metrics.emplace_back(AllRanks{rerank});
    ProbeLoss loss;
    const vlp::Evaluator evaluator(data, {}, /*batch_size=*/2, /*workers=*/1, ctx);
    return evaluator(model, &loss, records, metrics, "evaluating");
  }
  /// What each of so many processes finds.
  [[nodiscard]] std::vector<vlp::Evaluation> evaluated_by(std::size_t size,
                                                          SharedWork& work) const {
    std::vector<Probe> models;
    for (std::size_t rank = 0; rank < size; ++rank) models.emplace_back(work);
    std::vector<vlp::Evaluation> found(size);
    vlp_test::run_together(size, [&](const vlp::Peers& peers) {
      const auto rank = static_cast<std::size_t>(peers.rank());
      found[rank] = evaluated(models[rank], work, peers);
    });
    return found;
  }
};

bool same_evaluation(const vlp::Evaluation& a, const vlp::Evaluation& b) {
  bool equal = a.measured == b.measured && a.captions.size() == b.captions.size();
  for (std::size_t i = 0; equal && i < a.captions.size(); ++i)
    equal = a.captions[i].record == b.captions[i].record &&
            a.captions[i].caption == b.captions[i].caption &&
            a.captions[i].score == b.captions[i].score;
  return equal;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(evaluate_peers, SharedSplit)

BOOST_AUTO_TEST_CASE(any_number_of_processes_finds_what_one_finds_and_does_its_work_once) {
  SharedWork of_one;
  const vlp::Evaluation one = evaluated(Probe(of_one), of_one, {});
  BOOST_TEST(one.captions.size() == 7U);
  BOOST_TEST(one.measured.loss.has_value());
  BOOST_TEST(one.measured.losses.size() == 2U);  // the seventh image is alone in its batch
  BOOST_TEST(one.measured.rows.size() == 7U);
  BOOST_TEST(one.measured.scores.size() == 1U + 2 * (7U + 13U));
  BOOST_TEST(of_one.images == 7);
  BOOST_TEST(of_one.measured == 1);
  for (const std::size_t size : {2U, 3U, 4U, 9U}) {  // four batches, so five of nine have none
    SharedWork work;
    const std::vector<vlp::Evaluation> found = evaluated_by(size, work);
    for (const vlp::Evaluation& evaluation : found) BOOST_TEST(same_evaluation(evaluation, one));
    BOOST_TEST((work == of_one));
  }
}

BOOST_AUTO_TEST_CASE(without_re_ranking_the_ranks_are_those_of_one_too) {
  SharedWork work;
  const vlp::Evaluation one = evaluated(Probe(work), work, {}, /*rerank=*/0);
  std::vector<Probe> models{Probe(work), Probe(work), Probe(work)};
  std::vector<vlp::Evaluation> found(3);
  vlp_test::run_together(3, [&](const vlp::Peers& peers) {
    const auto rank = static_cast<std::size_t>(peers.rank());
    found[rank] = evaluated(models[rank], work, peers, /*rerank=*/0);
  });
  for (const vlp::Evaluation& evaluation : found) BOOST_TEST(same_evaluation(evaluation, one));
}

BOOST_AUTO_TEST_CASE(a_broken_image_of_one_process_ends_the_evaluation_of_all) {
  std::ofstream(records[2].file, std::ios::binary) << "no image";  // of the second of two processes
  SharedWork work;
  std::vector<Probe> models{Probe(work), Probe(work)};
  std::vector<std::string> told(2);
  std::vector<vlp::ExitCode> codes(2);
  vlp_test::run_together(2, [&](const vlp::Peers& peers) {
    const auto rank = static_cast<std::size_t>(peers.rank());
    try {
      (void)evaluated(models[rank], work, peers);
    } catch (const vlp::Error& error) {
      told[rank] = error.what();
      codes[rank] = error.code();
    }
  });
  BOOST_TEST(told[1].starts_with("image '2': "));
  BOOST_TEST(told[0] == "process 1 (of 0 to 1): " + told[1]);
  for (const vlp::ExitCode code : codes) BOOST_TEST((code == vlp::ExitCode::data));
}

BOOST_AUTO_TEST_CASE(broken_images_are_left_out_of_everything_and_counted_by_all) {
  // 0 1 | 2 3 | 4 5 | 6: a batch without an image, and one with a single one.
  for (const std::size_t i : {2U, 3U, 4U})
    std::ofstream(records[i].file, std::ios::binary) << "no image";
  limits = {vlp::OnBad::skip, 0.4, 1000};
  SharedWork of_one;
  const vlp::Evaluation one = evaluated(Probe(of_one), of_one, {});
  BOOST_TEST(one.measured.images == 4);
  BOOST_TEST(one.measured.bad == 3);
  BOOST_TEST_REQUIRE(one.bad.size() == 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    BOOST_TEST(one.bad[i].image_id == std::to_string(i + 2));
    BOOST_TEST(one.bad[i].record == static_cast<std::int64_t>(i + 2));
    BOOST_TEST(one.bad[i].reason == "undecodable");
  }
  BOOST_TEST_REQUIRE(one.captions.size() == 4U);
  for (std::size_t i = 0; i < 4; ++i)
    BOOST_TEST(one.captions[i].record->image_id ==
               std::vector<std::string>({"0", "1", "5", "6"})[i]);
  BOOST_TEST(one.measured.rows.size() == 4U);
  BOOST_TEST(one.measured.rows[2].image_id == "5");
  // Captions of 0, 1, 5 and 6: 1, 2, 3 and 1.
  BOOST_TEST(one.measured.scores.size() == 1U + 2 * (4U + 7U));
  BOOST_TEST(one.measured.loss.has_value());
  BOOST_TEST(of_one.images == 4);
  for (const std::size_t size : {2U, 3U, 9U}) {
    SharedWork work;
    for (const vlp::Evaluation& evaluation : evaluated_by(size, work)) {
      BOOST_TEST(same_evaluation(evaluation, one));
      BOOST_TEST((evaluation.bad == one.bad));
    }
    BOOST_TEST((work == of_one));
  }
}

BOOST_AUTO_TEST_CASE(beyond_the_limits_all_bad_images_are_named_and_nothing_is_measured) {
  for (const std::size_t i : {1U, 3U, 6U})
    std::ofstream(records[i].file, std::ios::binary) << "no image";
  limits = {vlp::OnBad::skip, 0.01, 1000};  // one image
  for (const std::size_t size : {1U, 2U}) {
    SharedWork work;
    for (const vlp::Evaluation& evaluation : evaluated_by(size, work)) {
      BOOST_TEST(evaluation.bad.size() == 3U);
      BOOST_TEST(evaluation.measured.bad == 3);
      BOOST_TEST(evaluation.captions.empty());
      BOOST_TEST(evaluation.measured.scores.empty());
      BOOST_TEST(!evaluation.measured.loss.has_value());
    }
    BOOST_TEST(work.measured == 0);
  }
}

BOOST_AUTO_TEST_CASE(scores_that_the_first_process_cannot_give_end_all) {
  std::vector<std::string> told(2);
  std::vector<vlp::ExitCode> codes(2);
  vlp_test::run_together(2, [&](const vlp::Peers& peers) {
    try {
      (void)vlp::scored_by_first(peers, []() -> vlp::CaptionScores {
        throw vlp::NonFiniteError("metric 'x': not a number");
      });
    } catch (const vlp::Error& error) {
      told[static_cast<std::size_t>(peers.rank())] = error.what();
      codes[static_cast<std::size_t>(peers.rank())] = error.code();
    }
  });
  BOOST_TEST(told[0] == "metric 'x': not a number");
  BOOST_TEST(told[1] == "process 0 (of 0 to 1): metric 'x': not a number");
  for (const vlp::ExitCode code : codes) BOOST_TEST((code == vlp::ExitCode::non_finite));
}

BOOST_AUTO_TEST_SUITE_END()
