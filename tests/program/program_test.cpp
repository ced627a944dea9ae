// The program as a user meets it: commands, exit codes, what goes to stdout and what to stderr.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/process.hpp"
#include "tests/support/ten_circles.hpp"

BOOST_AUTO_TEST_SUITE(program)

namespace {

namespace fs = std::filesystem;
using vlp_test::Outcome;

Outcome vlp_run(std::vector<std::string> arguments, const std::string& environment = {}) {
  arguments.insert(arguments.begin(), VLP_PROGRAM);
  return vlp_test::run_process(arguments, environment);
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string recipe(const std::string& name) {
  return (fs::path(VLP_SOURCE_ROOT) / "recipes" / name).string();
}

std::string written(const ScratchFolder& folder, const std::string& name, const std::string& text) {
  const fs::path file = folder.path / name;
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
  return file.string();
}

}  // namespace

BOOST_AUTO_TEST_CASE(help_and_version_answer_on_stdout_without_libtorch) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"--help"}, {"--version"}, {"help"}, {"run", "--help"}}) {
    const Outcome outcome = vlp_run(arguments, "LD_DEBUG=files");
    BOOST_TEST_CONTEXT(arguments[0]) {
      BOOST_TEST(outcome.code == 0);
      BOOST_TEST(says(outcome.out, "vlp"));
      BOOST_TEST(says(outcome.err, "libc.so"), "LD_DEBUG=files lists what is opened");
      BOOST_TEST(!says(outcome.err, "torch"));
      BOOST_TEST(!says(outcome.err, "libc10"));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_command_with_tensors_opens_libtorch) {
  const Outcome outcome = vlp_run({"list", "schedule"}, "LD_DEBUG=files");
  BOOST_TEST(outcome.code == 0);
  BOOST_TEST(says(outcome.err, "libvlp_torch.so"));
  BOOST_TEST(says(outcome.err, "libtorch_cpu.so"));
}

BOOST_AUTO_TEST_CASE(version_is_one_line) {
  const Outcome outcome = vlp_run({"--version"});
  BOOST_TEST(outcome.out.starts_with("vlp "));
  BOOST_TEST(std::ranges::count(outcome.out, '\n') == 1);
  BOOST_TEST(outcome.err == "");
}

BOOST_AUTO_TEST_CASE(usage_errors_end_with_2_and_say_so_on_stderr) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"rnu"},
                                             {"run"},
                                             {"run", "x.toml", "--sed", "3"},
                                             {"run", "x.toml", "--seed", "-3"}}) {
    const Outcome outcome = vlp_run(arguments);
    BOOST_TEST_CONTEXT("arguments: " << arguments.size()) {
      BOOST_TEST(outcome.code == 2);
      BOOST_TEST(outcome.out == "");
      BOOST_TEST(!outcome.err.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(every_recipe_passes_check_without_its_data) {
  const ScratchFolder nothing;
  std::size_t checked = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(VLP_SOURCE_ROOT) / "recipes")) {
    if (entry.path().extension() != ".toml") continue;
    const Outcome outcome =
        vlp_run({"check", entry.path().string(), "--data-dir", nothing.path.string()});
    BOOST_TEST(outcome.code == 0, entry.path().string() << ": " << outcome.err);
    BOOST_TEST(says(outcome.out, entry.path().string() + ": ok\n"), outcome.out);
    BOOST_TEST(says(outcome.out, "not found"), outcome.out);
    BOOST_TEST(outcome.err == "");
    ++checked;
  }
  BOOST_TEST(checked >= 2U);
}

BOOST_AUTO_TEST_CASE(check_counts_what_the_data_give) {
  const ScratchFolder folder;
  vlp_test::write_ten_circles(folder.path);
  const Outcome outcome = vlp_run({"check", recipe("demo.toml"), "--data-dir", folder.path.string(),
                                   "--set", "dataset.split={train=0.6,validation=0.2,test=0.2}",
                                   "--set", "train.batch_size=2", "--set", "train.epochs=8"});
  BOOST_TEST(outcome.code == 0, outcome.err);
  BOOST_TEST(says(outcome.out, "6 / 2 / 2 images for training / validation / test"), outcome.out);
  BOOST_TEST(says(outcome.out, "6 pairs an epoch, 3 updates an epoch, 24 in all"), outcome.out);
}

BOOST_AUTO_TEST_CASE(
    check_decodes_every_image_where_it_is_asked_to_and_ends_with_4_for_a_broken_one) {
  const ScratchFolder folder;
  vlp_test::write_ten_circles(folder.path);
  const std::vector<std::string> arguments{
      "check",      recipe("demo.toml"),
      "--data-dir", folder.path.string(),
      "--set",      "dataset.split={train=0.6,validation=0.2,test=0.2}",
      "--set",      "train.batch_size=2",
      "--images",   "--quick"};
  const Outcome sound = vlp_run(arguments);
  BOOST_TEST(sound.code == 0, sound.err);
  BOOST_TEST(says(sound.out, "images     10 decoded, none is missing or broken"), sound.out);
  fs::resize_file(folder.path / "flickr30k_images/3.png", 60);
  const Outcome broken = vlp_run(arguments);
  BOOST_TEST(broken.code == 4);
  BOOST_TEST(says(broken.err, "1 of 10 images are missing or broken"), broken.err);
  BOOST_TEST(says(broken.err, "'3.png', undecodable: "), broken.err);
  BOOST_TEST(broken.out == "");
}

BOOST_AUTO_TEST_CASE(a_recipe_that_is_not_there_ends_with_2) {
  for (const char* command : {"check", "run"}) {
    const Outcome outcome = vlp_run({command, "recipes/absent.toml"});
    BOOST_TEST(outcome.code == 2);
    BOOST_TEST(outcome.out == "");
    BOOST_TEST(
        outcome.err.starts_with("error: recipes/absent.toml: recipe not found or not readable."),
        outcome.err);
  }
}

BOOST_AUTO_TEST_CASE(a_bad_recipe_ends_with_2_and_lists_every_mistake_with_its_place) {
  const ScratchFolder folder;
  const std::string file =
      written(folder, "bad.toml",
              "extends = '" + recipe("demo.toml") + "'\n[train]\nepochz = 3\nbatch_size = 0\n");
  const Outcome outcome = vlp_run({"check", file, "--set", "loss.lm.weight=-1"});
  BOOST_TEST(outcome.code == 2);
  BOOST_TEST(outcome.out == "");
  BOOST_TEST(outcome.err ==
             "error: 3 problems in the recipe\n"
             "  --set loss.lm.weight=-1: loss.0.weight: got -1, expected a number, at least 0\n  " +
                 file + ":3:1: train.epochz: unknown key (did you mean 'epochs'?)\n  " + file +
                 ":4:14: train.batch_size: got 0, expected an integer, at least 1\n");
}

BOOST_AUTO_TEST_CASE(half_precision_on_a_cpu_ends_with_2_and_names_the_way_out) {
  const Outcome outcome =
      vlp_run({"run", recipe("blip-caption-flickr30k.toml"), "--device", "cpu"});
  BOOST_TEST(outcome.code == 2);
  BOOST_TEST(says(outcome.err, "--set train.precision=fp32"), outcome.err);
}

BOOST_AUTO_TEST_CASE(a_plugin_that_is_not_there_ends_with_3) {
  const Outcome outcome = vlp_run({"check", recipe("demo.toml"), "--plugin", "absent.so"});
  BOOST_TEST(outcome.code == 3);
  BOOST_TEST(outcome.out == "");
  BOOST_TEST(outcome.err ==
             "error: absent.so: plugin not found. Build one with `./dev build FILE.hpp`.\n");
}

BOOST_AUTO_TEST_CASE(a_plugin_from_outside_serves_a_recipe) {
  const ScratchFolder nothing;
  const std::string file =
      (fs::path(VLP_BUILD_DIR) / "tests" / "plugins" / "scaled_lm.so").string();
  const std::string arguments = "loss.0={use='scaled_lm',factor=3}";
  BOOST_TEST(vlp_run({"check", recipe("demo.toml"), "--set", arguments, "--plugin", file}).code ==
             0);
  const Outcome without = vlp_run({"check", recipe("demo.toml"), "--set", arguments});
  BOOST_TEST(without.code == 2);
  BOOST_TEST(says(without.err, "no loss named 'scaled_lm'"), without.err);
}

BOOST_AUTO_TEST_CASE(a_loss_from_outside_needs_a_model_with_its_part) {
  const ScratchFolder folder;
  const auto plugin = [](const std::string& name) {
    return (fs::path(VLP_BUILD_DIR) / "tests" / "plugins" / (name + ".so")).string();
  };
  const auto checked = [&](const std::string& model) {
    const std::string file =
        written(folder, "recipe.toml",
                "[run]\ntask = \"train\"\n[dataset]\nuse = \"flickr30k\"\n[tokenizer]\nuse = "
                "\"wordpiece\"\n[[transform]]\nuse = \"resize\"\nsize = 32\n[[transform]]\nuse = "
                "\"normalize\"\n[model]\n" +
                    model +
                    "[[loss]]\nuse = \"edge_loss\"\n[optimizer]\nuse = "
                    "\"adamw\"\n[evaluate]\nbest = \"loss\"\n");
    return vlp_run({"check", file, "--data-dir", folder.path.string(), "--plugin",
                    plugin("edge_model"), "--plugin", plugin("edge_loss")});
  };
  const Outcome together = checked("use = \"edge_model\"\n");
  BOOST_TEST(together.code == 0, together.err);
  const Outcome apart = checked(
      "use = \"blip\"\n[model.encoder]\nuse = \"vit\"\n[model.decoder]\nuse = "
      "\"bert_cross_attention\"\n");
  BOOST_TEST(apart.code == 2);
  BOOST_TEST(
      says(apart.err, "loss.0: loss 'edge_loss' needs scores of edges; model 'blip' has none"),
      apart.err);
}

BOOST_AUTO_TEST_CASE(what_a_plugin_throws_names_its_component_and_hides_the_stack_of_libtorch) {
  const std::string file = (fs::path(VLP_BUILD_DIR) / "tests" / "plugins" / "faulty.so").string();
  const auto check = [&](const std::string& dataset, const std::string& environment = {}) {
    return vlp_run({"check", recipe("demo.toml"), "--set", "dataset=" + dataset, "--plugin", file},
                   environment);
  };
  const Outcome standard = check("{use='faulty'}");
  BOOST_TEST(standard.code == 4);
  BOOST_TEST(standard.err == "error: dataset 'faulty': bad row\n");

  const Outcome torch = check("{use='faulty',torch=true}");
  BOOST_TEST(torch.code == 1);
  BOOST_TEST(torch.out == "");
  BOOST_TEST(torch.err ==
             "error: dataset 'faulty': start (0) + length (10) exceeds dimension size (2).\n"
             "VLP_STACK=1 shows the calls that led there.\n");
  const Outcome with_stack = check("{use='faulty',torch=true}", "VLP_STACK=1");
  BOOST_TEST(with_stack.code == 1);
  BOOST_TEST(with_stack.err.starts_with("error: dataset 'faulty': start (0) + length (10)"),
             with_stack.err);
  BOOST_TEST(says(with_stack.err, "\nException raised from "), with_stack.err);
  BOOST_TEST(says(with_stack.err, "\nframe #0: "), with_stack.err);
}

BOOST_AUTO_TEST_CASE(a_plugin_given_twice_is_taken_once) {
  const std::string file =
      (fs::path(VLP_BUILD_DIR) / "tests" / "plugins" / "scaled_lm.so").string();
  const Outcome outcome = vlp_run({"list", "loss", "--plugin", file, "--plugin", file});
  BOOST_TEST(outcome.code == 0, outcome.err);
  BOOST_TEST(says(outcome.out, "scaled_lm"), outcome.out);
}

BOOST_AUTO_TEST_CASE(data_that_are_not_there_end_a_run_with_4_and_leave_no_folder) {
  const ScratchFolder nothing;
  const fs::path out = nothing.path / "run";
  const Outcome outcome = vlp_run({"run", recipe("demo.toml"), "--data-dir", nothing.path.string(),
                                   "--out", out.string(), "--device", "cpu"});
  BOOST_TEST(outcome.code == 4);
  BOOST_TEST(outcome.out == "");
  BOOST_TEST(says(outcome.err, "error: dataset flickr30k: captions not found at " +
                                   (nothing.path / "results.csv").string()),
             outcome.err);
  BOOST_TEST(!fs::exists(out));
}

BOOST_AUTO_TEST_CASE(weights_that_are_not_there_end_a_run_with_5) {
  const ScratchFolder folder;
  vlp_test::write_ten_circles(folder.path);
  const Outcome outcome =
      vlp_run({"run", recipe("demo.toml"), "--data-dir", folder.path.string(), "--out",
               (folder.path / "run").string(), "--device", "cpu", "--set", "model.weights=absent",
               "--set", "dataset.split={train=0.6,validation=0.2,test=0.2}"});
  BOOST_TEST(outcome.code == 5, outcome.err);
  BOOST_TEST(says(outcome.err, "absent: not in the Hugging Face cache"), outcome.err);
}

BOOST_AUTO_TEST_CASE(an_out_folder_that_is_not_empty_ends_with_2_and_stays_as_it_is) {
  const ScratchFolder folder;
  vlp_test::write_ten_circles(folder.path);
  const fs::path out = fs::path(written(folder, "run/notes.txt", "mine")).parent_path();
  const Outcome outcome = vlp_run({"run", recipe("demo.toml"), "--data-dir", folder.path.string(),
                                   "--out", out.string(), "--device", "cpu", "--set",
                                   "dataset.split={train=0.6,validation=0.2,test=0.2}"});
  BOOST_TEST(outcome.code == 2);
  BOOST_TEST(says(outcome.err, "exists and is not empty. Earlier runs are never overwritten"),
             outcome.err);
  BOOST_TEST(vlp_test::text_of(out / "notes.txt") == "mine");
  BOOST_TEST(std::distance(fs::directory_iterator(out), {}) == 1);
}

BOOST_AUTO_TEST_CASE(list_names_every_component_and_one_kind_where_asked) {
  const Outcome all = vlp_run({"list"});
  BOOST_TEST(all.code == 0);
  BOOST_TEST(all.err == "");
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(VLP_SOURCE_ROOT) / "plugins"))
    if (entry.path().extension() == ".hpp")
      BOOST_TEST(says(all.out, fs::relative(entry.path(), VLP_SOURCE_ROOT).string()), entry.path());

  const Outcome losses = vlp_run({"list", "loss"});
  BOOST_TEST(says(losses.out, "plugins/loss/lm.hpp"));
  BOOST_TEST(!says(losses.out, "plugins/metric"));

  const Outcome slip = vlp_run({"list", "los"});
  BOOST_TEST(slip.code == 2);
  BOOST_TEST(says(slip.err, "no kind named 'los' (did you mean 'loss'?)"), slip.err);
}

BOOST_AUTO_TEST_CASE(help_explains_a_component_and_a_table) {
  const Outcome vit = vlp_run({"help", "vit"});
  BOOST_TEST(vit.code == 0);
  BOOST_TEST(vit.err == "");
  BOOST_TEST(vit.out.starts_with("encoder 'vit', version 1.0, plugins/encoder/vit.hpp\n"), vit.out);
  for (const char* key : {"patch", "width", "depth", "heads"})
    BOOST_TEST(says(vit.out, std::string("  ") + key + " "), key);

  const Outcome train = vlp_run({"help", "train"});
  BOOST_TEST(says(train.out, "[train] in a recipe:"), train.out);
  BOOST_TEST(says(train.out, "batch_size"), train.out);

  const Outcome slip = vlp_run({"help", "vitt"});
  BOOST_TEST(slip.code == 2);
  BOOST_TEST(slip.out == "");
  BOOST_TEST(says(slip.err, "nothing is named 'vitt' (did you mean 'vit'?)"), slip.err);
}

BOOST_AUTO_TEST_SUITE_END()
