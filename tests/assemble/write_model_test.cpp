// What a run leaves in model/: a Hugging Face folder that opens to the same model, and weights that recipes begin with.

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/assemble/model_files.hpp"
#include "tests/run/tiny_run.hpp"

namespace {

using namespace vlp_test;

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

bool equal_parameters(const vlp::AnyModel& a, const vlp::AnyModel& b) {
  const auto left = a.ptr()->named_parameters(), right = b.ptr()->named_parameters();
  if (left.size() != right.size()) return false;
  for (const auto& item : left)
    if (!at::equal(item.value(), right[item.key()])) return false;
  return true;
}

const std::vector<std::string> kShort{"train.epochs=1", "train.max_steps=2", "evaluate.max_images=2", "report.contact_sheet=0",
                                      "report.baseline=false"};

std::vector<std::string> with(std::vector<std::string> sets) {
  sets.insert(sets.end(), kShort.begin(), kShort.end());
  return sets;
}

template <class Run>
std::string refusal(Run&& run) {
  try {
    run();
  } catch (const vlp::WeightsError& error) {
    return error.what();
  }
  return {};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(write_model)

BOOST_AUTO_TEST_CASE(a_run_opens_alike_as_run_as_model_folder_and_as_hugging_face_folder) {
  const TinyRun tiny;
  Opener opener;
  (void)tiny.run("run", with({"generate.min_length=3", "model.prompt=the", "loss.lm.label_smoothing=0.1"}));
  const fs::path model = tiny.root / "run" / "model";
  for (const char* file : {"config.json", "generation_config.json", "preprocessor_config.json", "model.safetensors", "recipe.toml",
                           "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"})
    BOOST_TEST(fs::is_regular_file(model / file), file);
  const vlp::OpenedModel run = opener.open(tiny.root / "run"), folder = opener.open(model);
  fs::copy(model, tiny.root / "plain");
  fs::remove(tiny.root / "plain" / "recipe.toml");
  const vlp::OpenedModel plain = opener.open(tiny.root / "plain");

  BOOST_TEST(!run.hugging_face);
  BOOST_TEST(!folder.hugging_face);
  BOOST_TEST(plain.hugging_face);
  BOOST_TEST(run.prompt == "the");
  BOOST_TEST(equal_parameters(run.model, folder.model));
  BOOST_TEST(equal_parameters(run.model, plain.model));
  BOOST_TEST(plain.generate.beams == 2);
  BOOST_TEST(plain.generate.max_length == 8);
  BOOST_TEST(plain.generate.max_new_tokens == 0);
  BOOST_TEST(plain.generate.min_length == 3);
  BOOST_TEST(plain.ctx.tokens.decode == run.ctx.tokens.decode);
  BOOST_TEST(plain.ctx.tokens.sep == run.ctx.tokens.sep);
  BOOST_TEST(plain.ctx.dimensions.vocabulary_size == run.ctx.dimensions.vocabulary_size);
  BOOST_TEST(has(vlp::write_toml(plain.plan.resolved), "label_smoothing = 0.1"));
  BOOST_TEST(plain.tokenizer->encode("the red picture.") == run.tokenizer->encode("the red picture."), boost::test_tools::per_element());
  const at::Tensor pixels = at::rand({2, 3, 16, 16});
  BOOST_TEST(at::equal(logits(plain.model, pixels), logits(run.model, pixels)));
}

BOOST_AUTO_TEST_CASE(both_copies_of_tied_tensors_are_written_and_the_format_is_named) {
  const TinyRun tiny;
  (void)tiny.run("run", with({}));
  const auto file = vlp::read_safetensors(tiny.root / "run" / "model" / "model.safetensors");
  BOOST_TEST(file.metadata.at("format") == "pt");
  BOOST_TEST(std::ranges::equal(file.tensor(vlp::detail::kWords).bytes, file.tensor(vlp::detail::kHead).bytes));
  BOOST_TEST(std::ranges::equal(file.tensor(vlp::detail::kHeadBias).bytes, file.tensor(vlp::detail::kHeadBiasTwin).bytes));
  BOOST_TEST(read_json(tiny.root / "run" / "model" / "config.json")["tie_word_embeddings"] == true);
}

BOOST_AUTO_TEST_CASE(weights_begin_a_run_and_are_interpolated_to_its_images) {
  const TinyRun tiny;
  (void)tiny.run("first", with({}));
  const std::string weights = "model.weights=" + (tiny.root / "first").string();
  (void)tiny.run("second", with({weights, "transform.0.size=32", "optimizer.lr=1e-30"}));
  Opener opener;
  const auto first = opener.open(tiny.root / "first").model.ptr()->named_parameters();
  const auto second = opener.open(tiny.root / "second").model.ptr()->named_parameters();
  const std::string positions = vlp::detail::kPositions;
  const at::Tensor expected = vlp::resized_positions(first[positions], {2, 2}, {4, 4});
  constexpr double kRounding = 1e-6;  // interpolated in float64 and in float32
  BOOST_TEST((second[positions] - expected).abs().max().item<double>() < kRounding);
  for (const auto& item : first)
    if (item.key() != positions) BOOST_TEST(at::equal(item.value(), second[item.key()]), item.key());
}

BOOST_AUTO_TEST_CASE(a_tied_recipe_refuses_two_matrices_and_an_untied_one_takes_a_single_matrix_twice) {
  const TinyRun tiny;
  (void)tiny.run("untied", with({"model.decoder.tie_embeddings=false"}));
  const std::string from_untied = "model.weights=" + (tiny.root / "untied").string();
  const std::string what = refusal([&] { (void)tiny.run("tied", with({from_untied})); });
  BOOST_TEST(has(what, "the head's matrix and the word embedding differ"));
  BOOST_TEST(has(what, "--set model.decoder.tie_embeddings=false"));
  BOOST_TEST(!fs::exists(tiny.root / "tied"));

  (void)tiny.run("tied", with({}));
  const fs::path file = tiny.root / "single.safetensors";
  vlp::TensorMap tensors = vlp::read_safetensors(tiny.root / "tied" / "model" / "model.safetensors").tensors;
  tensors.erase(vlp::detail::kHead);
  write_tensors(file, tensors);
  (void)tiny.run("again", with({"model.weights=" + file.string(), "model.decoder.tie_embeddings=false", "optimizer.lr=1e-30"}));
  const auto again = vlp::read_safetensors(tiny.root / "again" / "model" / "model.safetensors");
  BOOST_TEST(std::ranges::equal(again.tensor(vlp::detail::kHead).bytes, tensors.at(vlp::detail::kWords).bytes));
}

BOOST_AUTO_TEST_CASE(heads_that_differ_from_the_weights_own_are_refused) {
  const TinyRun tiny;
  (void)tiny.run("first", with({}));
  const std::string weights = "model.weights=" + (tiny.root / "first").string();
  const std::string what = refusal([&] { (void)tiny.run("second", with({weights, "model.decoder.heads=4"})); });
  BOOST_TEST(has(
      what, "model.decoder.heads differs from the model that the weights are from (got 4, expected 2). Use --set model.decoder.heads=2."));
  fs::remove(tiny.root / "first" / "model" / "recipe.toml");  // then config.json says it
  BOOST_TEST(refusal([&] { (void)tiny.run("second", with({weights + "/model", "model.decoder.heads=4"})); }) != "");
}

BOOST_AUTO_TEST_CASE(a_run_refused_for_its_weights_leaves_nothing_behind) {
  const TinyRun tiny;
  BOOST_TEST(
      has(refusal([&] { (void)tiny.run("run", with({"model.weights=nobody/nothing"})); }), "Bring it with: vlp download nobody/nothing"));
  BOOST_TEST(!fs::exists(tiny.root / "run"));
}

BOOST_AUTO_TEST_SUITE_END()
