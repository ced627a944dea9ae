// A second family, whose encoder, decoder, model and format are a plugin's .so each: imported,
// begun with, exported and traced by a core that has never heard of any of them, beside BLIP.

#include "vlp/start/formats.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "plugins/format/blip.hpp"
#include "tests/support/messages.hpp"
#include "tests/support/model_files.hpp"
#include "tests/support/second_family.hpp"
#include "vlp/registry/load.hpp"
#include "vlp/start/fill_model.hpp"
#include "vlp/trace/trace.hpp"

namespace {

using namespace vlp_test;

/// Both families.
struct Families : Opener {
  ScratchFolder scratch;
  fs::path folder = scratch.path / "tiny";

  Families() {
    for (const fs::path& file : family_plugins()) vlp::load_plugin(registry, file);
  }

  /// @param model    further lines of [model]
  /// @param encoder  further lines of [model.encoder]
  [[nodiscard]] vlp::Plan plan(const std::string& model = "",
                               const std::string& encoder = "") const {
    write_text(scratch.path / "recipe.toml",
               "[[transform]]\nuse = \"resize\"\nsize = 16\n[[transform]]\nuse = \"normalize\"\n"
               "[model]\nuse = \"tiny_git\"\n" +
                   model + "[model.encoder]\nuse = \"tiny_patches\"\n" + encoder +
                   "[model.decoder]\nuse = \"tiny_prefix\"\nvocabulary_size = 9\n" +
                   "[[loss]]\nuse = \"lm\"\n");
    return vlp::read_model_tables({vlp::parse_toml_file(scratch.path / "recipe.toml"), "test", {}},
                                  registry);
  }
  [[nodiscard]] vlp::Context context() {
    vlp::Context ctx;
    ctx.facts.tokens.decode = 1;
    ctx.facts.tokens.sep = 2;
    ctx.machine.console = heard.console();
    return ctx;
  }
  /// A random model of this family as a run's model/, with what it says of itself.
  [[nodiscard]] vlp::AnyModel written(const vlp::Plan& plan) {
    at::manual_seed(5);
    const vlp::Context ctx = context();
    vlp::AnyModel model = plan.model.build(ctx);
    const vlp::RunFolder run(scratch.path / "run");
    const auto format = vlp::write_format_settings(run, plan, ctx);
    vlp::write_model_weights(*model.ptr(), scratch.path / "run" / "model" / "model.safetensors",
                             format);
    fs::rename(scratch.path / "run" / "model", folder);
    return model;
  }
};

/// Another format of the same files.
struct Twin : vlp::BlipFormat {
  static constexpr std::string_view name = "a_twin";
  [[nodiscard]] std::string title() const { return "a twin"; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(formats, Families)

BOOST_AUTO_TEST_CASE(formats_are_found_by_kind_and_each_knows_its_own) {
  const vlp::Formats formats(registry);
  BOOST_REQUIRE_EQUAL(formats.all().size(), 2U);
  BOOST_TEST(formats.all()[0].name == "blip");
  BOOST_TEST(formats.named("tiny_git") == &formats.all()[1]);
  BOOST_TEST(formats.named("other") == nullptr);
  BOOST_TEST(formats.of_model(plan().resolved) == &formats.all()[1]);
  BOOST_TEST(formats.of_model(plan_for(tiny_config(), registry).resolved) == &formats.all()[0]);
  BOOST_TEST(formats.of_model(vlp::Value(vlp::Table())) == nullptr);
  BOOST_TEST(vlp::Formats().all().empty());
}

BOOST_AUTO_TEST_CASE(a_model_is_exported_and_its_folder_imported) {
  const vlp::AnyModel model = written(plan());
  BOOST_TEST(heard.notes.empty());
  BOOST_TEST(read_json(folder / "config.json")["hidden_size"] == 12);
  BOOST_TEST(fs::exists(folder / "README.md"));
  const vlp::TensorMap file = vlp::read_weights(folder / "model.safetensors");
  BOOST_TEST(file.contains("git.image_encoder.positions"));
  BOOST_TEST(!file.contains("vision.positions"));

  const vlp::OpenedModel opened = open(folder, at::kFloat, vlp::parts::captions);
  BOOST_TEST(opened.imported);
  BOOST_TEST(opened.ctx.facts.tokens.decode == 1);
  for (const auto& item : model.ptr()->named_parameters())
    BOOST_TEST(at::equal(item.value(), parameter(opened.model, item.key())), item.key());
  const vlp::ModelParts& parts = opened.model.parts();
  const auto captions = parts.call<vlp::Generate>(
      parts.call<vlp::ImageStates>(at::rand({2, 3, 16, 16})), std::vector<std::int64_t>{},
      opened.generate, std::vector<vlp::RandomStream>{});
  BOOST_REQUIRE_EQUAL(captions.size(), 2U);
  BOOST_TEST(captions[0][0].ids.front() == 1);
}

BOOST_AUTO_TEST_CASE(a_runs_own_weights_are_read_by_the_family_of_its_recipe) {
  const vlp::Plan of_run = plan();
  const vlp::AnyModel model = written(of_run);
  write_text(folder / "recipe.toml", vlp::write_toml(of_run.resolved));
  const vlp::OpenedModel opened = open(folder);
  BOOST_TEST(!opened.imported);
  BOOST_TEST(at::equal(parameter(opened.model, "text.words.weight"),
                       parameter(model, "text.words.weight")));
}

BOOST_AUTO_TEST_CASE(a_part_begins_with_a_folder_and_positions_are_interpolated) {
  const vlp::AnyModel first = written(plan());
  const vlp::Plan larger =
      plan("weights = { encoder = \"" + folder.string() + "\" }\n", "image_size = 32\n");
  vlp::Context ctx = context();
  const vlp::AnyModel second = vlp::build_model(larger, ctx);
  BOOST_TEST(at::equal(parameter(second, "vision.patches.weight"),
                       parameter(first, "vision.patches.weight")));
  BOOST_TEST(parameter(second, "vision.positions").size(0) == 16);
  BOOST_TEST(
      !at::equal(parameter(second, "text.words.weight"), parameter(first, "text.words.weight")));
  BOOST_TEST(contains(heard.notes, "loaded vision (3 tensors)"));
  BOOST_TEST(contains(heard.notes, "positions of 2 x 2 patches interpolated to 4 x 4"));
  BOOST_TEST(contains(heard.notes, "at random begin projection (2 tensors), text (20 tensors)"));
}

BOOST_AUTO_TEST_CASE(a_part_that_no_other_family_has_is_named_by_its_own_key) {
  const vlp::AnyModel first = written(plan());
  const vlp::Plan projected = plan("weights = { projection = \"" + folder.string() + "\" }\n");
  const vlp::AnyModel second = vlp::build_model(projected, context());
  BOOST_TEST(
      at::equal(parameter(second, "projection.weight"), parameter(first, "projection.weight")));
  BOOST_TEST(
      !at::equal(parameter(second, "vision.positions"), parameter(first, "vision.positions")));
  BOOST_TEST(contains(heard.notes, "loaded projection (2 tensors)"));
}

BOOST_AUTO_TEST_CASE(a_source_with_another_number_of_heads_is_refused) {
  (void)written(plan());
  vlp::Plan other = plan();
  vlp::Value& model = other.resolved.as<vlp::Table>()->find("model")->value;
  model.as<vlp::Table>()->find("decoder")->value.as<vlp::Table>()->set("heads",
                                                                       vlp::Value(std::int64_t{3}));
  vlp::WeightSources sources;
  sources.set("decoder", folder.string());
  const vlp::InitialWeights weights(sources, other.formats, other.resolved, {});
  const vlp::AnyModel built = other.model.build(context());
  BOOST_TEST(contains(message_of<vlp::WeightsError>([&] {
                        vlp::fill_model(*built.ptr(), weights, vlp::FillPolicy::what_fits,
                                        other.resolved, {});
                      }),
                      "model.decoder.heads differs from the model that the weights are from (got "
                      "3, expected 2)"));
}

BOOST_AUTO_TEST_CASE(words_see_the_image_and_the_words_before_them_only) {
  at::manual_seed(7);
  const vlp::AnyModel model = plan().model.build(context());
  const at::NoGradGuard no_grad;
  for (at::Tensor& weight : model.ptr()->parameters()) weight.normal_(0.0, 0.5);
  const vlp::ModelParts& parts = model.parts();
  const at::Tensor images = parts.call<vlp::ImageStates>(at::rand({1, 3, 16, 16}));
  const auto states = [&](std::vector<std::int64_t> ids, const at::Tensor& of) {
    const at::Tensor text = at::tensor(ids).view({1, -1});
    return parts.call<vlp::DecoderStates>(text, at::ones(text.sizes(), at::kBool), of);
  };
  const at::Tensor before = states({1, 4, 5, 6}, images);
  constexpr double kRounding = 1e-5;  // the same sums over a longer row, values of size 1
  const auto moved = [&](const at::Tensor& after, std::int64_t position) {
    return (after - before).select(1, position).abs().max().item<double>() > kRounding;
  };
  const at::Tensor later = states({1, 4, 7, 6}, images);
  BOOST_TEST((!moved(later, 0) && !moved(later, 1)));
  BOOST_TEST((moved(later, 2) && moved(later, 3)));
  BOOST_TEST(moved(states({1, 4, 5, 6}, images + 1), 0));
}

BOOST_AUTO_TEST_CASE(a_model_is_traced) {
  const vlp::Plan of_model = plan();
  const vlp::AnyModel model = written(of_model);
  vlp::TraceInputs inputs;
  inputs.pixel_values = at::rand({2, 3, 16, 16});
  inputs.input_ids = at::tensor(std::vector<std::int64_t>{1, 5, 2, 1, 6, 2}).view({2, 3});
  inputs.attention_mask = at::ones({2, 3}, at::kBool);
  inputs.labels = inputs.input_ids.clone();
  const vlp::Context ctx = context();
  vlp::Tracer tracer(of_model, model, registry, ctx);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tracer.trace(inputs)) names.push_back(name);
  for (const char* name : {"vision_last_hidden_state", "logits", "loss", "grad.vision.positions",
                           "grad.text.output.weight"})
    BOOST_TEST(std::ranges::count(names, name) == 1, name);
}

BOOST_AUTO_TEST_CASE(words_before_all_names_are_taken_off_if_a_format_then_knows_them) {
  const vlp::Formats formats(registry);
  const auto names = [&](const std::vector<std::string>& given, const fs::path& config = {}) {
    heard.notes.clear();
    vlp::ForeignModel foreign{{.source = "x", .tensors = {}, .metadata = {}}, {}, config};
    for (const std::string& name : given) foreign.file.tensors.emplace(name, vlp::TensorBytes{});
    formats.take_off_shared_words(foreign, heard.console());
    std::string all;
    for (const auto& [name, tensor] : foreign.file.tensors) all += (all.empty() ? "" : " ") + name;
    return all;
  };
  for (const std::string before :
       {"module.", "model.", "_orig_mod.", "_orig_mod.module.", "a.word.of.its.own."}) {
    BOOST_TEST(names({before + "text_decoder.b", before + "vision_model.a"}) ==
               "text_decoder.b vision_model.a");
    BOOST_TEST(contains(heard.notes, "x: all 2 names begin with '" + before + "', which is taken"));
    BOOST_TEST(names({before + "visual_encoder.cls_token", before + "visual_encoder.norm.bias"}) ==
               "visual_encoder.cls_token visual_encoder.norm.bias");
    BOOST_TEST(names({before + "git.text.words", before + "git.vision"}) ==
               "git.text.words git.vision");
    BOOST_TEST(names({before + "bert.embeddings.word_embeddings.weight", before + "bert.pooler"}) ==
               "bert.embeddings.word_embeddings.weight bert.pooler");
  }
  // A part of a model keeps the part's name, and what nobody knows keeps all.
  for (const std::string kept :
       {"vision_model.embeddings.a vision_model.post_layernorm.bias",
        "text_encoder.embeddings.word_embeddings.weight text_encoder.encoder.a",
        "bert.embeddings.word_embeddings.weight bert.pooler", "git.text.words git.vision",
        "module.conv.bias module.conv.weight", "module.vision_model.a vision_model.b"}) {
    const std::size_t space = kept.find(' ');
    BOOST_TEST(names({kept.substr(0, space), kept.substr(space + 1)}) == kept);
    BOOST_TEST(heard.notes.empty());
  }
  // A config that names the family doesn't vouch for the names.
  write_text(scratch.path / "config.json", R"({"model_type": "blip"})");
  BOOST_TEST(names({"module.text_decoder.b", "module.vision_model.a"},
                   scratch.path / "config.json") == "text_decoder.b vision_model.a");
  BOOST_TEST(names({"module.git.a", "module.git.b"}, scratch.path / "config.json") ==
             "module.git.a module.git.b");
}

BOOST_AUTO_TEST_CASE(what_no_format_reads_is_refused_with_what_each_says) {
  const fs::path file = scratch.path / "other.safetensors";
  write_tensors(file, {{"conv.weight", bytes_of(at::ones({2}))}});
  const std::string what = refusal(file);
  BOOST_TEST(contains(what, "no BLIP for captioning or image-text retrieval (got conv (1 tensor)"));
  BOOST_TEST(
      contains(what,
               "None of its names (1) begins as a BLIP's (got 'conv.weight', expected such as "
               "'vision_model.embeddings.position_embedding' or "));
  BOOST_TEST(!contains(what, "another task"));
  BOOST_TEST(contains(what, "\n" + file.string() + ": no tiny GIT."));
  const vlp::Formats none;
  BOOST_TEST(contains(
      message_of<vlp::WeightsError>([&] {
        (void)none.import_model(
            vlp::read_foreign_model({.weights = file, .recipe = {}, .config = {}}, {}), {});
      }),
      "no recipe describes this model"));
}

BOOST_AUTO_TEST_CASE(a_model_that_no_format_can_express_is_told_of_all) {
  const vlp::BlipConfig config = tiny_config(vlp::BlipTask::pretraining);
  vlp::Plan mixed = plan_for(config, registry);
  vlp::Context ctx = context();
  const vlp::RunFolder run(scratch.path / "run");
  const std::optional<vlp::AnyFormat> format = vlp::write_format_settings(run, mixed, ctx);
  BOOST_TEST(
      contains(heard.notes,
               "Hugging Face's BLIP can't have text encoder and decoder in one model; a tiny "
               "GIT can't have another model"));
  BOOST_TEST(format->title() == "Hugging Face's BLIP");  // its tensors keep the family's names
}

BOOST_AUTO_TEST_CASE(of_several_that_can_write_a_model_it_is_the_reader_else_the_first_by_name) {
  registry.add<vlp::AnyFormat, Twin>("1", "a test");
  const vlp::BlipConfig config = tiny_config();
  const vlp::Value recipe = vlp::blip_recipe(
      config, vlp::tokenizer_table("vocab.txt"), vlp::transform_tables(32, "torchvision"),
      vlp::generate_table(vlp::ConfigObject("none"), config.text.options.max_positions));
  const vlp::Plan both = vlp::read_model_tables({recipe, "test", {}}, registry);
  const vlp::Context ctx = context();
  const auto first = vlp::write_format_settings(vlp::RunFolder(scratch.path / "1"), both, ctx);
  BOOST_TEST(first->title() == "a twin");
  BOOST_TEST(contains(heard.notes, "model/ is written as a twin has it, format 'a_twin'"));
  const auto reader =
      vlp::write_format_settings(vlp::RunFolder(scratch.path / "2"), both, ctx, "blip");
  BOOST_TEST(reader->title() == "Hugging Face's BLIP");
  BOOST_TEST(contains(heard.notes,
                      "model/ is written as Hugging Face's BLIP has it, format 'blip', which has "
                      "read the first weights"));
  BOOST_TEST(fs::exists(scratch.path / "2" / "model" / "config.json"));
}

BOOST_AUTO_TEST_SUITE_END()
