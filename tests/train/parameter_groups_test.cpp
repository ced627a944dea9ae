// Patterns of parameters: which group each belongs to, which are frozen, and what fits nothing.

#include "vlp/train/parameter_groups.hpp"

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <boost/test/unit_test.hpp>

#include "plugins/loss/lm.hpp"
#include "plugins/optimizer/adamw.hpp"
#include "plugins/optimizer/muon.hpp"
#include "tests/support/med_model.hpp"
#include "tests/support/messages.hpp"
#include "vlp/train/trainer.hpp"

BOOST_AUTO_TEST_SUITE(parameter_groups)

namespace {

using Names = std::vector<std::string>;

/// Parameters of two modules and one that both share.
struct Tree {
  torch::nn::Module root{"root"};
  at::Tensor table = at::ones({3, 2}).set_requires_grad(true);

  Tree() {
    const auto child = [&](const std::string& name) {
      const auto module = root.register_module(name, std::make_shared<torch::nn::Module>(name));
      module->register_parameter("table", table);
      module->register_parameter("weight", at::ones({2, 2}));
      module->register_parameter("bias", at::ones({2}));
    };
    child("reader");
    child("writer");
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_star_stands_for_anything_and_dots) {
  BOOST_TEST(vlp::matches("a.*", "a.b.c"));
  BOOST_TEST(vlp::matches("*.bias", "a.b.bias"));
  BOOST_TEST(vlp::matches("a*c*e", "abcde"));
  BOOST_TEST(vlp::matches("a*c*e", "ace"));
  BOOST_TEST(vlp::matches("*", ""));
  BOOST_TEST(vlp::matches("a.b", "a.b"));
  BOOST_TEST(!vlp::matches("a.*", "a"));
  BOOST_TEST(!vlp::matches("a", "ab"));
  BOOST_TEST(!vlp::matches("*.bias", "a.bias.b"));
  BOOST_TEST(!vlp::matches("a*c*e", "abcd"));
}

BOOST_AUTO_TEST_CASE(a_shared_parameter_is_one_with_all_its_names) {
  const Tree tree;
  const auto all = vlp::named_parameters(tree.root);
  BOOST_TEST_REQUIRE(all.size() == 5U);
  BOOST_TEST((all[0].names == Names{"reader.table", "writer.table"}));
}

BOOST_AUTO_TEST_CASE(the_first_group_that_fits_counts_under_any_name) {
  const Tree tree;
  const std::vector<vlp::GroupOptions> rules{
      {.match = "*.bias", .lr_factor = 3},
      {.match = "writer.*", .lr_factor = 0.5, .weight_decay = 0.25}};
  const auto groups = vlp::parameter_groups(vlp::named_parameters(tree.root), false, {}, rules);
  BOOST_TEST_REQUIRE(groups.size() == 3U);
  BOOST_TEST((groups[0].names == Names{"reader.weight"}));
  BOOST_TEST(groups[0].lr_factor == 1.0);
  BOOST_TEST(groups[0].decay_of(0.1) == 0.1);
  BOOST_TEST((groups[1].names == Names{"reader.bias", "writer.bias"}));
  BOOST_TEST(groups[1].lr_factor == 3.0);
  BOOST_TEST(groups[1].decay_of(0.1) == 0.0);
  BOOST_TEST((groups[2].names == Names{"reader.table", "writer.weight"}));
  BOOST_TEST(groups[2].decay_of(0.1) == 0.25);
}

BOOST_AUTO_TEST_CASE(a_pattern_that_fits_nothing_is_an_error_with_a_near_name) {
  const Tree tree;
  const auto all = vlp::named_parameters(tree.root);
  const auto message = [&](const std::string& pattern) {
    return vlp_test::message_of<vlp::RecipeError>(
        [&] { (void)vlp::first_matches(Names{"*", pattern}, all, "train.freeze"); });
  };
  BOOST_TEST(vlp_test::contains(
      message("raeder.*"),
      "train.freeze: 'raeder.*' fits no parameter (did you mean 'reader'?). Write whole names"));
  BOOST_TEST(vlp_test::contains(message("writer.wieght"), "did you mean 'writer.weight'?"));
}

BOOST_AUTO_TEST_CASE(frozen_parameters_keep_their_values_and_have_no_gradient) {
  vlp::Blip model = vlp_test::med_model();
  const at::Tensor frozen = model->named_parameters()["vision_model.post_layernorm.weight"],
                   trained = model->named_parameters()
                                 ["text_decoder.bert.encoder.layer.0.output."
                                  "dense.weight"];
  const at::Tensor before = frozen.clone(), other = trained.clone();
  vlp::Trainer trainer(model, vlp::LanguageModelLoss({}), vlp::AdamW(vlp::AdamW::Options{}),
                       {.freeze = {"vision_model.*"}}, vlp_test::med_context());
  vlp::Batch batch;
  batch.pixels = at::ones({2, 3, 16, 16});
  batch.texts.token_ids = at::tensor({2, 7, 3, 2, 8, 3}, at::kLong).view({2, 3});
  batch.texts.token_mask = batch.texts.token_ids.ne(0);
  batch.texts.target_index = at::tensor({0, 1, 3, 4}, at::kLong);
  batch.texts.targets = at::tensor({7, 3, 8, 3}, at::kLong);
  (void)trainer.step(batch);
  for (const auto& item : model->named_parameters())
    if (item.key().starts_with("vision_model."))
      BOOST_TEST(!item.value().grad().defined(), item.key());
  BOOST_TEST(frozen.equal(before));
  BOOST_TEST(!trained.equal(other));
  BOOST_TEST(vlp_test::contains(vlp_test::message_of<vlp::RecipeError>([&] {
                                  vlp::freeze_parameters(Names{"*"}, vlp::named_parameters(*model));
                                }),
                                "nothing is left to train"));
}

BOOST_AUTO_TEST_CASE(adamw_and_muon_use_a_groups_rate_and_decay) {
  // Without a gradient but zeros both only decay: p <- p (1 - lr factor decay).
  constexpr double kLr = 0.1, kDecay = 0.5, kFactor = 0.25, kOwn = 0.2;
  const auto decayed = [&](auto optimizer) {
    std::vector<vlp::ParameterGroup> groups(2);
    for (vlp::ParameterGroup& group : groups) {
      group.names = {"w"};
      group.parameters = {at::ones({2, 2}, at::kDouble).set_requires_grad(true)};
      group.parameters[0].mutable_grad() = at::zeros({2, 2}, at::kDouble);
    }
    groups[1].names = {"v"};
    groups[1].lr_factor = kFactor;
    groups[1].weight_decay = kOwn;
    const std::vector<at::Tensor> kept{groups[0].parameters[0], groups[1].parameters[0]};
    optimizer.manage(std::move(groups));
    optimizer.step({});
    return std::pair(kept[0][0][0].template item<double>(), kept[1][0][0].template item<double>());
  };
  constexpr double kRounding = 1e-15;  // float64, numbers below one
  vlp::Muon::Options muon{.lr = kLr, .weight_decay = kDecay};
  muon.others = vlp::Use<vlp::AnyOptimizer>::of<vlp::AdamW>({});
  for (const auto& [plain, own] : {decayed(vlp::AdamW({.lr = kLr, .weight_decay = kDecay})),
                                   decayed(vlp::Muon(muon, vlp::Context{}))}) {
    BOOST_TEST(std::abs(plain - (1 - kLr * kDecay)) < kRounding);
    BOOST_TEST(std::abs(own - (1 - kLr * kFactor * kOwn)) < kRounding);
  }
}

BOOST_AUTO_TEST_SUITE_END()
