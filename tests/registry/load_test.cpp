// Plugins as shared libraries: what loads and works, and how everything else is refused.

#include "vlp/registry/load.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <boost/test/unit_test.hpp>

#include <ATen/ATen.h>

#include "plugins/loss/lm.hpp"
#include "tests/support/plugins/scaled_lm.hpp"
#include "tests/support/scratch_folder.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/schedule.hpp"
#include "vlp/concepts/transform.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/registry/use.hpp"

namespace vlp {
void add_builtin_plugins(Registry& registry);
}

namespace {

namespace fs = std::filesystem;

fs::path plugin(const std::string& name) {
  return fs::path(VLP_BUILD_DIR) / "tests" / "plugins" / (name + ".so");
}

/// A model of given image states whose decoder gives them back as logits.
vlp::ModelParts given_logits() {
  vlp::ModelParts parts;
  parts.set<vlp::ImageStates>([](const at::Tensor& pixels) { return pixels; });
  parts.set<vlp::DecoderStates>([](const at::Tensor&, const at::Tensor&,
                                   const at::Tensor& image_states) { return image_states; });
  parts.set<vlp::DecoderLogits>([](const at::Tensor& states) { return states; });
  return parts;
}

double value_of(vlp::AnyLoss loss) {
  at::manual_seed(3);
  vlp::Batch batch;
  batch.pixels = at::randn({2, 3, 5});
  batch.texts.target_index = at::tensor({0, 1, 3, 4}, at::kLong);
  batch.texts.targets = at::tensor({4, 0, 2, 1}, at::kLong);
  const vlp::ModelParts parts = given_logits();
  vlp::Forward pass(parts, batch);
  return loss(pass).total.item<double>();
}

/// Builds a component as a recipe does.
template <class AnyX>
AnyX built(const vlp::Registry& registry, const std::string& table) {
  vlp::Diagnostics problems;
  vlp::ReadContext ctx{problems, &registry};
  vlp::Use<AnyX> use;
  vlp::OptionType<vlp::Use<AnyX>>::read(vlp::parse_toml(table, "r.toml"), "", use, {}, ctx);
  problems.throw_if_any();
  return use.build(vlp::Context{});
}

std::string refusal(vlp::Registry& registry, const fs::path& file) {
  try {
    vlp::load_plugin(registry, file);
    return "loaded";
  } catch (const vlp::PluginError& error) {
    return error.what();
  }
}
std::string refusal(const fs::path& file) {
  vlp::Registry registry;
  std::string text = refusal(registry, file);
  BOOST_TEST(registry.components().empty());
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plugin_loading)

BOOST_AUTO_TEST_CASE(a_plugin_from_outside_loads_and_works) {
  vlp::Registry registry;
  vlp::load_plugin(registry, plugin("scaled_lm"));
  BOOST_TEST_REQUIRE(registry.components().size() == 1U);
  const auto& info = *registry.components()[0];
  BOOST_TEST(info.kind == "loss");
  BOOST_TEST(info.name == "scaled_lm");
  BOOST_TEST(info.version == "0.3");
  BOOST_TEST(info.origin == plugin("scaled_lm").string());
  BOOST_TEST(info.describe().at(0).allowed == "a number, above 0");

  const double plain = value_of(vlp::LanguageModelLoss({}));
  BOOST_TEST(value_of(built<vlp::AnyLoss>(registry, "use = 'scaled_lm'\nfactor = 8")) == 8 * plain,
             boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(the_same_header_included_gives_the_same_value) {
  vlp::Registry registry;
  vlp::load_plugin(registry, plugin("scaled_lm"));
  BOOST_TEST(value_of(built<vlp::AnyLoss>(registry, "use = 'scaled_lm'")) ==
             value_of(outside::ScaledLanguageModelLoss({})));
}

BOOST_AUTO_TEST_CASE(a_built_in_header_built_as_a_shared_library_gives_the_same_value) {
  vlp::Registry shared, linked;
  vlp::load_plugin(shared, plugin("lm"));
  vlp::add_builtin_plugins(linked);
  const std::string table = "use = 'lm'\nlabel_smoothing = 0.1";
  BOOST_TEST(shared.components().size() == 1U);
  BOOST_TEST(value_of(built<vlp::AnyLoss>(shared, table)) ==
             value_of(built<vlp::AnyLoss>(linked, table)));
}

BOOST_AUTO_TEST_CASE(a_mistake_in_a_shared_plugins_options_is_reported_like_any_other) {
  vlp::Registry registry;
  vlp::load_plugin(registry, plugin("scaled_lm"));
  BOOST_CHECK_EXCEPTION(built<vlp::AnyLoss>(registry, "use = 'scaled_lm'\nfaktor = 8"),
                        vlp::RecipeError, [](const vlp::RecipeError& error) {
                          return std::string(error.what()) ==
                                 "1 problem in the recipe\n  r.toml:2:1: faktor: unknown key (did "
                                 "you mean 'factor'?)";
                        });
}

BOOST_AUTO_TEST_CASE(an_error_thrown_inside_a_shared_plugin_keeps_its_type) {
  vlp::Registry registry;
  vlp::load_plugin(registry, plugin("lm"));
  vlp::AnyLoss loss = built<vlp::AnyLoss>(registry, "use = 'lm'");
  vlp::Batch batch;
  batch.texts.targets = at::zeros({0}, at::kLong);
  const vlp::ModelParts parts = given_logits();
  vlp::Forward pass(parts, batch);
  BOOST_CHECK_THROW(loss(pass), vlp::ShapeError);
}

BOOST_AUTO_TEST_CASE(one_plugin_may_bring_components_of_several_kinds) {
  vlp::Registry registry;
  vlp::load_plugin(registry, plugin("two_of_one_name"));
  BOOST_TEST(built<vlp::AnySchedule>(registry, "use = 'half'")({}) == 0.5);
  vlp::RandomStream random(1);
  BOOST_TEST(built<vlp::AnyTransform>(registry, "use = 'half'")(at::full({1}, 3.0), random)
                 .item<float>() == 1.5F);
}

BOOST_AUTO_TEST_CASE(a_missing_file_is_refused) {
  const fs::path file = plugin("absent");
  BOOST_TEST(refusal(file) ==
             file.string() + ": plugin not found. Build one with `./dev build FILE.hpp`.");
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_shared_library_is_refused) {
  const ScratchFolder folder;
  const fs::path file = folder.path / "text.so";
  std::ofstream(file) << "This is a text and no library, long enough to be taken for an ELF header "
                         "if it began like one.\n";
  BOOST_TEST(refusal(file).starts_with(file.string() + ": can't be opened: "));
  BOOST_TEST(refusal(file).find("invalid ELF header") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_shared_library_that_is_no_plugin_is_refused) {
  BOOST_TEST(refusal(plugin("no_plugin")) == plugin("no_plugin").string() +
                                                 ": not a vlp plugin (got no symbol `vlp_plugin`). "
                                                 "End its header with VLP_PLUGIN(...) and build it "
                                                 "with `./dev build FILE.hpp`.");
}

BOOST_AUTO_TEST_CASE(a_plugin_of_another_interface_is_refused_before_anything_else_of_it_is_read) {
  BOOST_TEST(refusal(plugin("other_interface")) ==
             plugin("other_interface").string() +
                 ": built for another plugin interface (got struct size 4, expected " +
                 std::to_string(sizeof(vlp_plugin_info)) + "). Rebuild it with this vlp.");
}

BOOST_AUTO_TEST_CASE(a_plugin_built_for_other_headers_is_refused_with_both_fingerprints) {
  std::string theirs = VLP_FINGERPRINT;
  theirs.replace(theirs.find(VLP_HEADERS_HASH), std::string(VLP_HEADERS_HASH).size(),
                 "0123456789abcdef");
  BOOST_TEST(refusal(plugin("other_headers")) ==
             plugin("other_headers").string() + ": built for another vlp\n  got      " + theirs +
                 "\n  expected " VLP_FINGERPRINT "\n  Rebuild it with this vlp.");
}

BOOST_AUTO_TEST_CASE(a_plugin_whose_file_was_renamed_is_refused) {
  const ScratchFolder folder;
  const fs::path file = folder.path / "renamed.so";
  fs::copy_file(plugin("scaled_lm"), file);
  BOOST_TEST(refusal(file) == file.string() +
                                  ": file name and plugin name differ (got 'scaled_lm', expected "
                                  "'renamed'). Rename the file or its VLP_PLUGIN line.");
}

BOOST_AUTO_TEST_CASE(a_component_that_is_there_already_is_refused) {
  vlp::Registry registry;
  vlp::add_builtin_plugins(registry);
  const std::string file = plugin("lm").string();
  BOOST_TEST(refusal(registry, plugin("lm")) ==
             file + ": loss 'lm' is registered twice: by plugins/loss/lm.hpp and by " + file +
                 ". Rename one of them.");
}

BOOST_AUTO_TEST_CASE(the_same_plugin_given_twice_is_refused) {
  vlp::Registry registry;
  const std::string file = plugin("scaled_lm").string();
  vlp::load_plugin(registry, file);
  BOOST_TEST(refusal(registry, file) == file + ": loss 'scaled_lm' is registered twice: by " +
                                            file + " and by " + file + ". Rename one of them.");
}

BOOST_AUTO_TEST_SUITE_END()
