// What a run leaves in model/: a Hugging Face folder that opens to the same model, and weights that
// recipes begin with.

#include "vlp/assemble/write_model.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/model_files.hpp"
#include "tests/support/tiny_run.hpp"
#include "vlp/blip/names.hpp"
#include "vlp/nn/position_table.hpp"

BOOST_AUTO_TEST_SUITE(write_model)

namespace {

using namespace vlp_test;

const std::vector<std::string> kShort{"train.epochs=1", "train.max_steps=2",
                                      "evaluate.max_images=2", "report.contact_sheet=0",
                                      "report.baseline=false"};

std::vector<std::string> with(std::vector<std::string> sets) {
  sets.insert(sets.end(), kShort.begin(), kShort.end());
  return sets;
}

/// What a run of a [model] and these transforms leaves in model/, with random weights.
struct Written : Opener {
  static constexpr const char* kPlain =
      "[[transform]]\nuse = \"resize\"\nsize = 16\n[[transform]]\nuse = \"normalize\"\n";
  static constexpr const char* kTextEncoder =
      "[model.text_encoder]\nuse = \"bert\"\nwidth = 12\ndepth = 1\nheads = 3\n";
  static constexpr const char* kDecoder =
      "[model.decoder]\nuse = \"bert_cross_attention\"\nwidth = 12\ndepth = 1\nheads = 3\n";

  ScratchFolder scratch;
  vlp::Plan plan;
  vlp::Context ctx;
  std::optional<vlp::AnyModel> model;
  fs::path folder = scratch.path / "run" / "model";

  Written(const std::string& settings, const std::string& parts,
          const std::string& transforms = kPlain, vlp::Parts needs = vlp::Parts()) {
    write_text(scratch.path / "vocab.txt",
               "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nthe\nred\ngreen\n.\n");
    write_text(scratch.path / "recipe.toml",
               "[tokenizer]\nuse = \"wordpiece\"\nvocabulary = \"" +
                   (scratch.path / "vocab.txt").string() + "\"\n" + transforms +
                   "[model]\nuse = \"blip\"\nembedding_width = 6\n" + settings +
                   "[model.encoder]\nuse = \"vit\"\npatch = 8\nwidth = 16\ndepth = 1\nheads = 2\n" +
                   parts);
    plan = vlp::read_model_tables({vlp::parse_toml_file(scratch.path / "recipe.toml"), "test", {}},
                                  registry);
    ctx.machine.console = heard.console();
    ctx.facts.needs = needs;
    vlp::AnyTokenizer tokenizer = plan.tokenizer.build(ctx);
    ctx.facts.tokens = tokenizer.special();
    ctx.facts.dimensions = {.image_height = 16,
                            .image_width = 16,
                            .vocabulary_size = tokenizer.vocabulary_size(),
                            .encoder_width = 0};
    at::manual_seed(3);
    model = plan.model.build(ctx);
    const vlp::RunFolder run(scratch.path / "run");
    vlp::write_model_recipe(run, plan, tokenizer);
    const auto format = vlp::write_format_settings(run, plan, ctx);
    vlp::write_model_weights(*model->ptr(), folder / "model.safetensors", format);
  }

  /// The folder without recipe.toml.
  [[nodiscard]] fs::path plain() const {
    const fs::path other = scratch.path / "plain";
    if (!fs::exists(other)) fs::copy(folder, other);
    fs::remove(other / "recipe.toml");
    return other;
  }
};

template <class Run>
std::string refusal(Run&& run) {
  return message_of<vlp::WeightsError>(run);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_run_opens_alike_as_run_as_model_folder_and_as_hugging_face_folder) {
  const TinyRun tiny;
  Opener opener;
  (void)tiny.run("run", with({"generate.min_length=3", "generate.no_repeat_ngram_size=3",
                              "generate.bad_words_ids=[[1],[5,6]]", "generate.suppress_tokens=[0]",
                              "generate.forced_eos_token_id=3", "model.prompt=the",
                              "loss.lm.label_smoothing=0.1"}));
  const fs::path model = tiny.root / "run" / "model";
  for (const char* file :
       {"config.json", "generation_config.json", "preprocessor_config.json", "model.safetensors",
        "recipe.toml", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"})
    BOOST_TEST(fs::is_regular_file(model / file), file);
  const vlp::OpenedModel run = opener.open(tiny.root / "run"), folder = opener.open(model);
  fs::copy(model, tiny.root / "plain");
  fs::remove(tiny.root / "plain" / "recipe.toml");
  const vlp::OpenedModel plain = opener.open(tiny.root / "plain");

  BOOST_TEST(!run.imported);
  BOOST_TEST(!folder.imported);
  BOOST_TEST(plain.imported);
  BOOST_TEST(run.prompt == "the");
  BOOST_TEST(equal_parameters(run.model, folder.model));
  BOOST_TEST(equal_parameters(run.model, plain.model));
  BOOST_TEST(plain.generate.beams == 2);
  BOOST_TEST(plain.generate.max_length == 8);
  BOOST_TEST(plain.generate.max_new_tokens == 0);
  BOOST_TEST(plain.generate.min_length == 3);
  BOOST_TEST(plain.generate.no_repeat_ngram_size == 3);
  BOOST_TEST((plain.generate.bad_words_ids == std::vector<std::vector<std::int64_t>>{{1}, {5, 6}}));
  BOOST_TEST((plain.generate.suppress_tokens == std::vector<std::int64_t>{0}));
  BOOST_TEST(plain.generate.forced_eos_token_id == 3);
  BOOST_TEST(plain.ctx.facts.tokens.decode == run.ctx.facts.tokens.decode);
  BOOST_TEST(plain.ctx.facts.tokens.sep == run.ctx.facts.tokens.sep);
  BOOST_TEST(plain.ctx.facts.dimensions.vocabulary_size ==
             run.ctx.facts.dimensions.vocabulary_size);
  BOOST_TEST(contains(vlp::write_toml(plain.plan.resolved), "label_smoothing = 0.1"));
  BOOST_TEST(
      plain.tokenizer->encode("the red picture.") == run.tokenizer->encode("the red picture."),
      boost::test_tools::per_element());
  const at::Tensor pixels = at::rand({2, 3, 16, 16});
  BOOST_TEST(at::equal(logits(plain.model, pixels), logits(run.model, pixels)));
}

BOOST_AUTO_TEST_CASE(both_copies_of_tied_tensors_are_written_and_the_format_is_named) {
  const TinyRun tiny;
  (void)tiny.run("run", with({}));
  const auto file = vlp::read_safetensors(tiny.root / "run" / "model" / "model.safetensors");
  BOOST_TEST(file.metadata.at("format") == "pt");
  BOOST_TEST(std::ranges::equal(file.tensor(vlp::detail::kWords).bytes,
                                file.tensor(vlp::detail::kHead).bytes));
  BOOST_TEST(std::ranges::equal(file.tensor(vlp::detail::kHeadBias).bytes,
                                file.tensor(vlp::detail::kHeadBiasCopy).bytes));
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
    if (item.key() != positions)
      BOOST_TEST(at::equal(item.value(), second[item.key()]), item.key());
}

BOOST_AUTO_TEST_CASE(
    a_tied_recipe_refuses_two_matrices_and_an_untied_one_takes_a_single_matrix_twice) {
  const TinyRun tiny;
  (void)tiny.run("untied", with({"model.decoder.tie_embeddings=false"}));
  const std::string from_untied = "model.weights=" + (tiny.root / "untied").string();
  const std::string what = refusal([&] { (void)tiny.run("tied", with({from_untied})); });
  BOOST_TEST(contains(what, "the head's matrix and the word embedding differ"));
  BOOST_TEST(contains(what, "--set model.decoder.tie_embeddings=false"));
  BOOST_TEST(!fs::exists(tiny.root / "tied"));

  (void)tiny.run("tied", with({}));
  const fs::path file = tiny.root / "single.safetensors";
  vlp::TensorMap tensors =
      vlp::read_safetensors(tiny.root / "tied" / "model" / "model.safetensors").tensors;
  tensors.erase(vlp::detail::kHead);
  write_tensors(file, tensors);
  (void)tiny.run("again", with({"model.weights=" + file.string(),
                                "model.decoder.tie_embeddings=false", "optimizer.lr=1e-30"}));
  const auto again = vlp::read_safetensors(tiny.root / "again" / "model" / "model.safetensors");
  BOOST_TEST(std::ranges::equal(again.tensor(vlp::detail::kHead).bytes,
                                tensors.at(vlp::detail::kWords).bytes));
}

BOOST_AUTO_TEST_CASE(heads_that_differ_from_the_weights_own_are_refused) {
  const TinyRun tiny;
  (void)tiny.run("first", with({}));
  const std::string weights = "model.weights=" + (tiny.root / "first").string();
  const std::string what =
      refusal([&] { (void)tiny.run("second", with({weights, "model.decoder.heads=4"})); });
  BOOST_TEST(
      contains(what,
               "model.decoder.heads differs from the model that the weights are from (got 4, "
               "expected 2). Use --set model.decoder.heads=2."));
  fs::remove(tiny.root / "first" / "model" / "recipe.toml");  // then config.json says it
  BOOST_TEST(refusal([&] {
               (void)tiny.run("second", with({weights + "/model", "model.decoder.heads=4"}));
             }) != "");
}

BOOST_AUTO_TEST_CASE(a_run_refused_for_its_weights_leaves_nothing_behind) {
  const TinyRun tiny;
  BOOST_TEST(
      contains(refusal([&] { (void)tiny.run("run", with({"model.weights=nobody/nothing"})); }),
               "Bring it with: vlp download nobody/nothing"));
  BOOST_TEST(!fs::exists(tiny.root / "run"));
}

BOOST_AUTO_TEST_CASE(a_retrieval_model_opens_alike_as_model_folder_and_as_hugging_face_folder) {
  for (const std::string token : {"enc", "cls"}) {
    Written written("match_token = \"" + token + "\"\n", Written::kTextEncoder);
    {
      const at::NoGradGuard no_grad;
      written.model->parts().call<vlp::Temperature>().fill_(0.03);
      vlp::write_model_weights(*written.model->ptr(), written.folder / "model.safetensors",
                               blip_format());
    }
    BOOST_TEST(!fs::exists(written.folder / "generation_config.json"));
    const json config = read_json(written.folder / "config.json");
    BOOST_TEST(config["architectures"][0] == "BlipForImageTextRetrieval");
    BOOST_TEST(config["image_text_hidden_size"] == 6);
    BOOST_TEST(
        contains(written.heard.notes, "texts with 11 at position 0 for the same matching scores") ==
        (token == "enc"));
    const vlp::OpenedModel folder = written.open(written.folder),
                           plain = written.open(written.plain());
    BOOST_TEST(!folder.imported);
    BOOST_TEST(plain.imported);
    BOOST_TEST(equal_parameters(folder.model, *written.model));
    BOOST_TEST(equal_parameters(plain.model, *written.model));
    BOOST_TEST(plain.ctx.facts.tokens.encode == 11);
    const at::Tensor pixels = at::rand({2, 3, 16, 16});
    BOOST_TEST(at::equal(match_logits(folder.model, pixels), match_logits(*written.model, pixels)));
    BOOST_TEST(at::equal(match_logits(plain.model, pixels), match_logits(*written.model, pixels)));
  }
}

BOOST_AUTO_TEST_CASE(transforms_of_training_and_of_texts_are_no_obstacle) {
  Written written("", Written::kTextEncoder, R"([[transform]]
use = "pre_caption"
[[transform]]
use = "random_resized_crop"
when = "train"
size = 16
[[transform]]
use = "resize"
when = "evaluate"
size = 16
[[transform]]
use = "normalize"
mean = [0.5, 0.5, 0.5]
)");
  BOOST_TEST(read_json(written.folder / "preprocessor_config.json")["size"]["height"] == 16);
  BOOST_TEST(read_json(written.folder / "preprocessor_config.json")["image_mean"][0] == 0.5);
  BOOST_TEST(contains(written.heard.notes,
                      "model/ has no word for transform 'pre_caption', which changes texts"));
  BOOST_TEST(written.open(written.plain()).transforms.images.size() == 2U);
}

BOOST_AUTO_TEST_CASE(
    a_mixed_model_is_written_with_its_recipe_under_both_names_and_without_momentum_encoders) {
  Written written("", std::string(Written::kTextEncoder) + Written::kDecoder, Written::kPlain,
                  vlp::parts::momentum_embeddings);
  BOOST_TEST(contains(written.heard.notes,
                      "Hugging Face's BLIP can't have text encoder and decoder in one model"));
  BOOST_TEST(!fs::exists(written.folder / "config.json"));
  const auto file = vlp::read_safetensors(written.folder / "model.safetensors");
  bool momentum_encoders = false;
  for (const auto& [name, tensor] : file.tensors) momentum_encoders |= vlp::is_momentum_name(name);
  BOOST_TEST(!momentum_encoders);
  BOOST_TEST(std::ranges::equal(file.tensor("text_encoder.embeddings.word_embeddings.weight").bytes,
                                file.tensor(vlp::detail::kHead).bytes));
  const vlp::OpenedModel opened = written.open(written.folder);
  const auto expected = written.model->ptr()->named_parameters();
  for (const auto& item : opened.model.ptr()->named_parameters())
    BOOST_TEST(at::equal(item.value(), expected[item.key()]), item.key());
}

BOOST_AUTO_TEST_CASE(what_transformers_cannot_express_is_named) {
  Written dual("", std::string(Written::kTextEncoder) + "cross_attention = false\n");
  BOOST_TEST(contains(dual.heard.notes,
                      "Hugging Face's BLIP can't have a text encoder without cross-attention"));
  BOOST_TEST(equal_parameters(dual.open(dual.folder).model, *dual.model));
  Written flipped("", Written::kTextEncoder,
                  std::string(Written::kPlain) + "[[transform]]\nuse = \"horizontal_flip\"\n");
  BOOST_TEST(contains(flipped.heard.notes,
                      "can't have transforms of images other than resize and normalize"));
}

BOOST_AUTO_TEST_SUITE_END()
