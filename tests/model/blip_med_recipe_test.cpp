// What a recipe may say of the model, and what it is told when it says something else.

#include "plugins/model/blip.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/med_model.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/registry/registry.hpp"

BOOST_AUTO_TEST_SUITE(med_recipe)

namespace {

const char* const kVit =
    "use = 'blip'\n[encoder]\nuse = 'vit'\nimage_size = 16\npatch = 8\nwidth = 8\ndepth = 1\nheads "
    "= 2\n";
const char* const kText = "[text_encoder]\nuse = 'bert'\nwidth = 12\ndepth = 1\nheads = 3\n";
const char* const kDecoder =
    "[decoder]\nuse = 'bert_cross_attention'\nwidth = 12\ndepth = 1\nheads = 3\n";

/// Reads the table of a model.
vlp::Use<vlp::AnyModel> model_of(const std::string& toml) {
  vlp::Registry registry;
  registry.add<vlp::AnyEncoder, vlp::VisionTransformer>("1", "a test");
  registry.add<vlp::AnyTextEncoder, vlp::BertTextEncoder>("1", "a test");
  registry.add<vlp::AnyDecoder, vlp::BertCrossAttention>("1", "a test");
  registry.add<vlp::AnyModel, vlp::Blip>("1", "a test");
  vlp::Diagnostics problems;
  vlp::ReadContext ctx{problems, &registry};
  vlp::Use<vlp::AnyModel> use;
  vlp::OptionType<vlp::Use<vlp::AnyModel>>::read(vlp::parse_toml(toml, "r.toml"), "model", use,
                                                 vlp::Range{}, ctx);
  problems.throw_if_any();
  return use;
}

std::string problems_of(const std::string& toml) {
  try {
    (void)model_of(toml);
    return {};
  } catch (const vlp::RecipeError& error) {
    return error.what();
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_combination_of_parts_is_a_model) {
  using vlp::Parts;
  const std::string vit = kVit, text = kText, decoder = kDecoder,
                    blind = text + "cross_attention = false\n";
  const Parts contrast = vlp::parts::similarities | vlp::parts::momentum_embeddings;
  const Parts match = vlp::parts::matching, captions = vlp::parts::decoder | vlp::parts::captions;
  BOOST_TEST((model_of(vit + text + decoder).traits().serves == (contrast | match | captions)));
  BOOST_TEST((model_of(vit + text).traits().serves == (contrast | match)));
  BOOST_TEST((model_of(vit + blind).traits().serves == contrast));
  BOOST_TEST((model_of(vit + decoder).traits().serves == captions));
  const vlp::AnyModel built = model_of(vit + text + decoder).build(vlp_test::med_context());
  BOOST_TEST(
      (built.serves() ==
       model_of(vit + text + decoder).traits().serves.without(vlp::parts::momentum_embeddings)));
}

BOOST_AUTO_TEST_CASE(the_table_is_written_as_it_was_read) {
  const vlp::Use<vlp::AnyModel> use =
      model_of(std::string("sharing = 'all'\nmatch_token = 'cls'\n") + kVit + kText + kDecoder);
  const vlp::Value written = use.write();
  const vlp::Table& table = *written.as<vlp::Table>();
  BOOST_TEST(*table.find("sharing")->value.as<std::string>() == "all");
  BOOST_TEST(*table.find("match_token")->value.as<std::string>() == "cls");
  BOOST_TEST(
      *table.find("text_encoder")->value.as<vlp::Table>()->find("use")->value.as<std::string>() ==
      "bert");
  const vlp::Use<vlp::AnyModel> captioner = model_of(std::string(kVit) + kDecoder);
  BOOST_TEST(!captioner.write().as<vlp::Table>()->find("text_encoder"));
}

BOOST_AUTO_TEST_CASE(a_model_without_any_text_part_is_refused) {
  BOOST_TEST(
      problems_of(kVit).find(
          "model: a text_encoder, a decoder or both are missing; add [model.text_encoder]") !=
      std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_part_that_is_wrong_is_not_called_missing_too) {
  const std::string problems = problems_of(std::string(kVit) + "[text_encoder]\nuse = 'brt'\n");
  BOOST_TEST(
      problems.find("no text_encoder named 'brt' (did you mean 'bert'?)") != std::string::npos,
      problems);
  BOOST_TEST(problems.starts_with("1 problem"), problems);
}

BOOST_AUTO_TEST_CASE(sizes_that_cannot_be_shared_are_found_in_the_recipe) {
  const std::string deeper =
      "[decoder]\nuse = 'bert_cross_attention'\nwidth = 12\ndepth = 2\nheads = 3\n";
  const std::string problems = problems_of(std::string(kVit) + kText + deeper);
  BOOST_TEST(problems.find("text_encoder and decoder can't share weights, their depth differs (got "
                           "1 and 2); make them equal, or set "
                           "sharing = \"nothing\"") != std::string::npos,
             problems);
  BOOST_TEST(problems_of(std::string("sharing = 'nothing'\n") + kVit + kText + deeper) == "");
}

BOOST_AUTO_TEST_CASE(every_option_that_both_have_is_compared_as_it_will_be_used) {
  const auto with = [](const std::string& option) {
    return problems_of(std::string(kVit) + kText + kDecoder + option);
  };
  BOOST_TEST(with("").empty());
  BOOST_TEST(with("mlp = 20\n").find("their mlp differs (got 48 and 20)") != std::string::npos,
             with("mlp = 20\n"));
  BOOST_TEST(with("mlp = 48\n") == "", "0 is four times the width");
  BOOST_TEST(with("max_positions = 9\n").find("their max_positions differs (got 512 and 9)") !=
             std::string::npos);
  BOOST_TEST(with("vocabulary_size = 30\n") == "", "the other one's is the tokenizer's");
  BOOST_TEST(with("tie_embeddings = false\n") == "", "only the decoder has it");
}

BOOST_AUTO_TEST_SUITE_END()
