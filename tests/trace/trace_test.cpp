// The trace of a model with text encoder and decoder: the names of both, and numbers that agree
// with its parts'.

#include "vlp/trace/trace.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/model_files.hpp"

BOOST_AUTO_TEST_SUITE(trace)

namespace {

using namespace vlp_test;

constexpr double kRounding = 1e-5;  // the same sums in another order, float32

/// Names of a trace, without the layers' and parameters' ends.
std::set<std::string> names_of(const vlp::NamedTensors& tensors) {
  std::set<std::string> names;
  for (const auto& [name, tensor] : tensors) names.insert(name.substr(0, name.find('.')));
  return names;
}

struct Traced : Opener {
  vlp::BlipConfig config;
  vlp::AnyModel model;
  vlp::Plan plan;
  vlp::Context ctx;
  vlp::TraceInputs inputs;

  Traced(vlp::BlipTask task, vlp::BlipMatchToken token)
      : config(with(task, token)),
        model(random_model(config, registry)),
        plan(plan_for(config, registry)) {
    ctx.facts.tokens = {
        .pad = 1, .unknown = 0, .cls = 2, .sep = 3, .mask = 0, .decode = 48, .encode = 49};
    inputs.pixel_values = at::rand({2, 3, 32, 32});
    inputs.input_ids =
        at::tensor(std::vector<std::int64_t>{48, 5, 6, 7, 3, 48, 8, 3, 1, 1}).view({2, 5});
    inputs.attention_mask = inputs.input_ids.ne(1);
    inputs.labels = inputs.input_ids.masked_fill(inputs.input_ids.eq(1), -100);
    inputs.itm_labels = at::tensor(std::vector<std::int64_t>{1, 0});
  }
  static vlp::BlipConfig with(vlp::BlipTask task, vlp::BlipMatchToken token) {
    vlp::BlipConfig config = tiny_config(task);
    config.match_token = token;
    return config;
  }

  [[nodiscard]] vlp::NamedTensors trace(std::int64_t steps = 0) {
    vlp::Table optimizer;
    optimizer.set("use", vlp::Value("adamw"));
    vlp::Tracer tracer(plan, model, registry, ctx);
    return tracer.trace(inputs, {.steps = steps, .optimizer = optimizer});
  }
};

at::Tensor get(const vlp::NamedTensors& tensors, const std::string& name) {
  const auto found = std::ranges::find(tensors, name, &vlp::NamedTensors::value_type::first);
  BOOST_REQUIRE_MESSAGE(found != tensors.end(), name);
  return vlp::tensor_view(found->second).clone();
}

bool close(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>() < kRounding;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_mixed_model_has_the_names_of_both_sorts) {
  Traced mixed(vlp::BlipTask::pretraining, vlp::BlipMatchToken::enc);
  const std::set<std::string> names = names_of(mixed.trace(1));
  for (const char* name : {"logits",
                           "loss",
                           "decoder_hidden",
                           "self_attention",
                           "cross_attention",
                           "grad",
                           "grad_norm",
                           "step1",
                           "itm_logits",
                           "itm_loss",
                           "itm_question_embeds",
                           "itm_self_attention",
                           "itm_cross_attention",
                           "itm_grad",
                           "itc_loss",
                           "grad_itc",
                           "itc_similarity",
                           "image_projected",
                           "text_projected",
                           "image_features",
                           "text_features",
                           "itm_logits_first4_no_mask"})
    BOOST_TEST(names.contains(name), name);
}

BOOST_AUTO_TEST_CASE(its_caption_gradients_and_updates_are_those_of_the_caption_loss_alone) {
  Traced mixed(vlp::BlipTask::pretraining, vlp::BlipMatchToken::enc),
      alone(vlp::BlipTask::pretraining, vlp::BlipMatchToken::enc);
  alone.inputs.pixel_values = mixed.inputs.pixel_values;
  alone.inputs.itm_labels = at::Tensor();
  const auto both = mixed.trace(2), one = alone.trace(2);
  for (const char* name :
       {"grad_norm", "losses", "loss_after_step2", "grad.vision_model.post_layernorm.weight"})
    BOOST_TEST(close(get(both, name), get(one, name)), name);
}

BOOST_AUTO_TEST_CASE(a_model_that_marks_its_texts_shows_the_attention_of_marked_texts) {
  Traced marks(vlp::BlipTask::retrieval, vlp::BlipMatchToken::enc),
      keeps(vlp::BlipTask::retrieval, vlp::BlipMatchToken::cls);
  keeps.inputs = marks.inputs;
  keeps.inputs.input_ids = marks.inputs.input_ids.clone();
  keeps.inputs.input_ids.select(1, 0).fill_(49);
  const auto marked = marks.trace(),
             kept = keeps.trace();  // random_model gives both the same weights
  for (const char* name : {"itm_logits", "self_attention.0", "cross_attention.0", "itm_loss"})
    BOOST_TEST(close(get(marked, name), get(kept, name)), name);
}

BOOST_AUTO_TEST_CASE(the_contrastive_loss_of_pairs_alone_is_symmetric_cross_entropy) {
  Traced model(vlp::BlipTask::retrieval, vlp::BlipMatchToken::cls);
  const auto traced = model.trace();
  const at::Tensor scaled = get(traced, "itc_similarity") / 0.07, own = at::arange(2);
  const at::Tensor expected =
      (at::cross_entropy_loss(scaled, own) + at::cross_entropy_loss(scaled.t(), own)) / 2;
  BOOST_TEST(close(get(traced, "itc_loss"), expected));
  BOOST_TEST(close(get(traced, "image_features").norm(2, 1), at::ones({2})));
}

BOOST_AUTO_TEST_CASE(parameters_without_gradient_have_no_entry) {
  Traced model(vlp::BlipTask::retrieval, vlp::BlipMatchToken::cls);
  for (const auto& [name, tensor] : model.trace()) {
    BOOST_TEST(!name.starts_with("grad.vision_proj"), name);
    BOOST_TEST(!name.starts_with("grad.text_proj"), name);
    BOOST_TEST(!name.starts_with("grad_itc.itm_head"), name);
    BOOST_TEST((!name.starts_with("grad_itc.") || name.find("crossattention") == name.npos), name);
    BOOST_TEST(!name.ends_with(".temp"), name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
