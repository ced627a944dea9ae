// What help says, and that what it says works.

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/process.hpp"

BOOST_AUTO_TEST_SUITE(help)

namespace {

namespace fs = std::filesystem;
using vlp_test::Outcome;

Outcome vlp_run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), VLP_PROGRAM);
  return vlp_test::run_process(arguments);
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string demo() { return (fs::path(VLP_SOURCE_ROOT) / "recipes" / "demo.toml").string(); }

std::string plugin(const std::string& name) {
  return (fs::path(VLP_BUILD_DIR) / "tests" / "plugins" / (name + ".so")).string();
}

/// The settings that a text shows behind --set, as long as they are no placeholder.
std::vector<std::string> examples_of_set(const std::string& text) {
  static const std::regex example(R"(--set\s+([a-z0-9_.]+=[^\s,;]+))");
  std::vector<std::string> found;
  for (auto at = std::sregex_iterator(text.begin(), text.end(), example);
       at != std::sregex_iterator(); ++at)
    found.push_back((*at)[1]);
  return found;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_example_of_set_is_accepted) {
  for (const char* command : {"run", "check"}) {
    const std::vector<std::string> examples = examples_of_set(vlp_run({command, "--help"}).out);
    BOOST_TEST(examples.size() == 2U, command);
    for (const std::string& example : examples) {
      const Outcome outcome = vlp_run({"check", demo(), "--set", example});
      BOOST_TEST(outcome.code == 0, example << ": " << outcome.err);
    }
  }
  const ScratchFolder folder;
  const std::string captions = (folder.path / "captions.jsonl").string();
  std::ofstream(captions) << "{\"image_id\":\"1\",\"caption\":\"a dog\"}\n";
  const std::vector<std::string> examples = examples_of_set(vlp_run({"score", "--help"}).out);
  BOOST_TEST(examples.size() == 1U);
  for (const std::string& example : examples) {
    const Outcome outcome =
        vlp_run({"score", "--references", captions, "--candidates", captions, "--set", example});
    BOOST_TEST(outcome.code == 0, example << ": " << outcome.err);
  }
}

BOOST_AUTO_TEST_CASE(set_takes_several_values_and_leaves_the_recipe_alone) {
  const Outcome several =
      vlp_run({"check", "--set", "train.epochs=0", "loss.lm.weight=-1", demo()});
  BOOST_TEST(several.code == 2);
  BOOST_TEST(says(several.err, "2 problems in the recipe"), several.err);
  const Outcome repeated = vlp_run(
      {"check", "--set=train.epochs=0", demo(), "--set", "loss.lm.weight=-1", "run.seed=-1"});
  BOOST_TEST(says(repeated.err, "3 problems in the recipe"), repeated.err);
  const Outcome file = vlp_run({"check", "--set", "train.epochs=0", "./seed=3/absent.toml"});
  BOOST_TEST(says(file.err, "./seed=3/absent.toml: recipe not found"), file.err);
  const Outcome word = vlp_run({"check", demo(), "--set", "train.epochs=0", "surplus"});
  BOOST_TEST(word.code == 2);
  BOOST_TEST(says(word.err, "not expected: surplus"), word.err);
}

BOOST_AUTO_TEST_CASE(a_mistyped_command_or_flag_gets_the_nearest_one) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> calls{
      {{"captoin", "--model", "m", "x.png"},
       "captoin: no such command (did you mean 'caption'?). `vlp --help` lists them.\n"},
      {{"x.png"}, "x.png: no such command. `vlp --help` lists them.\n"},
      {{"caption", "--modle", "m", "x.png", "--beam=3"},
       "vlp caption: no option --modle (did you mean '--model'?)\nvlp caption: no option --beam "
       "(did you mean '--beams'?)\n`vlp caption --help` lists the options.\n"},
      {{"match", "--model", "m", "--image", "x.png", "--txt", "a dog"},
       "vlp match: no option --txt (did you mean '--text'?)\n`vlp match --help` lists the "
       "options.\n"}};
  for (const auto& [words, text] : calls) {
    const Outcome outcome = vlp_run(words);
    BOOST_TEST(outcome.code == 2, text);
    BOOST_TEST(outcome.out == "");
    BOOST_TEST(outcome.err == text);
  }
  const Outcome value = vlp_run({"caption", "--prompt", "--modle", "x.png"});
  BOOST_TEST(says(value.err, "--model is required"), value.err);
}

BOOST_AUTO_TEST_CASE(plugin_takes_several_values_and_leaves_the_rest_alone) {
  const Outcome both =
      vlp_run({"list", "--plugin", plugin("scaled_lm"), plugin("two_of_one_name"), "schedule"});
  BOOST_TEST(both.code == 0, both.err);
  BOOST_TEST(says(both.out, "two_of_one_name.so"), both.out);
  BOOST_TEST(says(both.out, "cosine"));
  BOOST_TEST(!says(both.out, "adamw"), "schedule is the kind");
  const Outcome recipe = vlp_run({"check", "--plugin", plugin("scaled_lm"), demo(), "--set",
                                  "loss.0={use='scaled_lm',factor=3}"});
  BOOST_TEST(recipe.code == 0, recipe.err);
  const Outcome absent = vlp_run({"list", "--plugin", plugin("scaled_lm"), "absent.so"});
  BOOST_TEST(absent.code == 3);
}

BOOST_AUTO_TEST_CASE(every_kind_is_explained) {
  std::ifstream file(fs::path(VLP_SOURCE_ROOT) / "CONTRIBUTING.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t begin = text.find("Kinds: ") + 7;
  const std::string listed = text.substr(begin, text.find('.', begin) - begin);
  static const std::regex word("[a-z_]+");
  std::size_t kinds = 0;
  for (auto at = std::sregex_iterator(listed.begin(), listed.end(), word);
       at != std::sregex_iterator(); ++at, ++kinds) {
    const std::string kind = at->str();
    const Outcome help = vlp_run({"help", kind}), list = vlp_run({"list", kind});
    BOOST_TEST(help.code == 0, kind << ": " << help.err);
    BOOST_TEST(list.code == 0, kind << ": " << list.err);
    BOOST_TEST(!list.out.empty(), kind);
  }
  BOOST_TEST(kinds == 12U);

  const std::string encoder = vlp_run({"help", "encoder"}).out;
  BOOST_TEST(encoder.starts_with("encoder: a kind of component\n"), encoder);
  BOOST_TEST(says(encoder, "model 'blip' chooses one in its table `encoder`: "), encoder);
  BOOST_TEST(says(encoder, "plugins/encoder/vit.hpp"), encoder);
  BOOST_TEST(says(vlp_run({"help", "decoder"}).out, "bert_cross_attention"));
  BOOST_TEST(says(vlp_run({"help", "loss"}).out, "[loss] in a recipe: "));
}

BOOST_AUTO_TEST_CASE(a_strict_check_wants_the_data) {
  const ScratchFolder nothing;
  const std::vector<std::string> arguments{"check", demo(), "--data-dir", nothing.path.string()};
  BOOST_TEST(vlp_run(arguments).code == 0);
  std::vector<std::string> strict = arguments;
  strict.emplace_back("--strict");
  const Outcome outcome = vlp_run(strict);
  BOOST_TEST(outcome.code == 4);
  BOOST_TEST(outcome.out == "");
  BOOST_TEST(says(outcome.err, "captions not found at "), outcome.err);
}

BOOST_AUTO_TEST_CASE(a_check_knows_which_vocabularies_ship) {
  const Outcome outcome = vlp_run({"check", demo(), "--set", "tokenizer.vocabulary=demos"});
  BOOST_TEST(outcome.code == 2);
  BOOST_TEST(outcome.out == "");
  BOOST_TEST(says(outcome.err, "no vocabulary named 'demos' ships with vlp"), outcome.err);
  BOOST_TEST(says(outcome.err, "there are: bert-base-uncased, demo)"), outcome.err);
}

BOOST_AUTO_TEST_SUITE_END()
