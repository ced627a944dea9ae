// Pre-training and retrieval losses against stored numbers of BLIP's formulas: contrastive losses
// with their targets and gradients, feature queues, weights of hard negatives, the matching and the
// language-model loss.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <ATen/ATen.h>

#include "plugins/loss/itc.hpp"
#include "plugins/loss/itm.hpp"
#include "plugins/loss/lm.hpp"
#include "tests/support/med_model.hpp"
#include "tests/support/stored_case.hpp"
#include "vlp/nn/momentum_encoder.hpp"
#include "vlp/weights/safetensors.hpp"

BOOST_AUTO_TEST_SUITE(pretrain_parity)

namespace {

namespace fs = std::filesystem;
namespace data = boost::unit_test::data;

// Relative to the largest value of a tensor. Products over a temperature of 0.07 reach 9, where the
// unit in the last place of a float32 is 9.5e-7; their exponentials are as far off, relatively.
constexpr double kFloat64 = 1e-12;
constexpr double kFloat32 = 5e-6;

constexpr double kSmoothing = 0.1;   // of the stored language-model losses
constexpr double kMomentum = 0.995;  // of the stored updates of momentum encoders
constexpr double kFloor = 1e-4;      // of the stored pre-training weights; retrieval has none

/// Names of the folders that hold such numbers, sorted.
std::vector<std::string> folders() {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(parity::root(), none)) {
    if (!fs::exists(entry.path() / "inputs.safetensors") ||
        !fs::exists(entry.path() / "expected.safetensors"))
      continue;
    if (vlp::read_safetensors(entry.path() / "inputs.safetensors").tensors.contains("image_proj"))
      names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

/// A folder at one precision, for the test case of one part of it.
class Case {
 public:
  Case(const std::string& name, at::ScalarType type, const std::string& part)
      : dtype(type),
        label(name + " " + parity::precision(type) + " "),
        tally(label + part),
        inputs_(vlp::read_safetensors(parity::root() / name / "inputs.safetensors")),
        expected_(vlp::read_safetensors(parity::root() / name / "expected.safetensors")) {}

  /// An input in the case's precision.
  at::Tensor input(const std::string& name) const {
    const at::Tensor value = vlp::tensor_view(inputs_.tensors.at(name)).clone();
    return value.is_floating_point() ? value.to(dtype) : value;
  }
  bool has_input(const std::string& name) const { return inputs_.tensors.contains(name); }
  bool expects(const std::string& name) const { return expected_.tensors.contains(name); }
  at::Tensor expected(const std::string& name) const {
    const std::string single = name + ".f32";
    return vlp::tensor_view(
               expected_.tensors.at(dtype == at::kFloat && expects(single) ? single : name))
        .clone();
  }

  /// Reports the difference from an expected tensor.
  void compare(const std::string& name, const at::Tensor& actual) const {
    const at::Tensor wanted = expected(name);
    tally.add(!wanted.is_floating_point()          ? "tensors of integers"
              : wanted.scalar_type() == at::kFloat ? "tensors of float32"
                                                   : "tensors of float64");
    BOOST_REQUIRE_MESSAGE(actual.sizes() == wanted.sizes(), label << name << ": shape "
                                                                  << actual.sizes() << ", stored "
                                                                  << wanted.sizes());
    if (!wanted.is_floating_point()) {
      BOOST_CHECK_MESSAGE(actual.equal(wanted), label << name << ": integers differ");
      return;
    }
    BOOST_CHECK_MESSAGE(actual.scalar_type() == dtype,
                        label << name << ": dtype " << actual.scalar_type());
    const at::Tensor exact = wanted.to(at::kDouble);
    const double largest = exact.abs().max().item<double>();
    const double difference = (actual.detach().to(at::kDouble) - exact).abs().max().item<double>();
    parity::report(label + name, largest > 0 ? difference / largest : difference,
                   dtype == at::kDouble ? kFloat64 : kFloat32);
  }

  /// The A of names KIND.alpha_A.*.
  std::vector<std::string> alphas(const std::string& kind) const {
    std::set<std::string> found;
    const std::string prefix = kind + ".alpha_", suffix = ".loss_itc";
    for (const auto& [name, tensor] : expected_.tensors)
      if (name.starts_with(prefix) && name.ends_with(suffix))
        found.insert(name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
    return {found.begin(), found.end()};
  }

  /// The queues as a checkpoint holds them.
  vlp::State queues() const {
    vlp::State state;
    for (const char* name : {"image_queue", "text_queue", "idx_queue", "queue_ptr"})
      vlp::put_tensor(state, name, input(name));
    return state;
  }
  std::int64_t queue_size() const { return input("image_queue").size(1); }

  at::ScalarType dtype;
  std::string label;
  mutable parity::Tally tally;  ///< of what is compared

 private:
  vlp::SafetensorsFile inputs_, expected_;
};

at::Tensor unit_rows(const at::Tensor& x) {
  return x / x.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
}

/// A model that serves the stored projections of a batch, online and of the momentum encoders.
struct StoredModel {
  explicit StoredModel(const Case& c)
      : image(c.input("image_proj").set_requires_grad(true)),
        text(c.input("text_proj").set_requires_grad(true)),
        temperature(c.input("temp").set_requires_grad(true)) {
    parts.set<vlp::ImageStates>([this](const at::Tensor&) { return image.unsqueeze(1); });
    parts.set<vlp::TextStates>(
        [this](const at::Tensor&, const at::Tensor&) { return text.unsqueeze(1); });
    parts.set<vlp::ImageEmbeddings>(
        [](const at::Tensor& states) { return unit_rows(states.select(1, 0)); });
    parts.set<vlp::TextEmbeddings>(
        [](const at::Tensor& states, const at::Tensor&) { return unit_rows(states.select(1, 0)); });
    parts.set<vlp::MomentumImageEmbeddings>(
        [m = c.input("image_proj_m")](const at::Tensor&) { return unit_rows(m); });
    parts.set<vlp::MomentumTextEmbeddings>(
        [m = c.input("text_proj_m")](const at::Tensor&, const at::Tensor&) {
          return unit_rows(m);
        });
    parts.set<vlp::Temperature>([this] { return temperature; });
    const std::int64_t pairs = image.size(0);
    batch.pixels = at::zeros({pairs, 3, 1, 1});
    batch.texts.token_ids = at::zeros({pairs, 1}, at::kLong);
    batch.texts.token_mask = at::ones({pairs, 1}, at::kBool);
    batch.image_index = c.input("idx");
  }
  StoredModel(const StoredModel&) = delete;

  at::Tensor image, text, temperature;
  vlp::ModelParts parts;
  vlp::Batch batch;
};

/// Far behind the ramp of alpha.
constexpr vlp::TrainingStep kLate{{1000, 2000, 10}, vlp::RandomStream(1)};

vlp::Positives positives_of(const std::string& kind) {
  return kind == "retrieval" ? vlp::Positives::image : vlp::Positives::pair;
}

void compare_contrastive(const Case& c, const std::string& kind, const std::string& alpha_text) {
  const std::string name = kind + ".alpha_" + alpha_text + ".";
  const double alpha = std::stod(alpha_text);
  StoredModel model(c);
  vlp::Forward pass(model.parts, model.batch, {}, kLate);
  vlp::ImageTextContrastive itc(
      {.alpha = alpha, .queue_size = c.queue_size(), .positives = positives_of(kind)},
      vlp::Machine{}, vlp::Facts{});
  itc.load(c.queues());
  const vlp::LossValue value = itc(pass);
  value.total.backward();
  c.compare(name + "loss_itc", value.total);
  c.compare(name + "loss_i2t", value.parts.at(0).second);
  c.compare(name + "loss_t2i", value.parts.at(1).second);
  c.compare(name + "grad.image_proj", model.image.grad());
  c.compare(name + "grad.text_proj", model.text.grad());
  c.compare(name + "grad.temp", model.temperature.grad());

  // Behind the update the momentum encoders' features are in the queue.
  itc.end_update({});
  const std::int64_t begin = c.input("queue_ptr").item<std::int64_t>(), pairs = model.image.size(0);
  for (std::int64_t i = 0; i < pairs; ++i) {
    const std::int64_t column = (begin + i) % c.queue_size();
    BOOST_TEST(itc.queue().images().select(1, column).equal(unit_rows(c.input("image_proj_m"))[i]));
    BOOST_TEST(itc.queue().texts().select(1, column).equal(unit_rows(c.input("text_proj_m"))[i]));
    BOOST_TEST(itc.queue().image_index()[column].item<std::int64_t>() ==
               model.batch.image_index[i].item<std::int64_t>());
  }
  BOOST_TEST(itc.queue().pointer() == (begin + pairs) % c.queue_size());
}

void compare_targets(const Case& c, const std::string& kind, const std::string& alpha_text) {
  const std::string name = kind + ".alpha_" + alpha_text + ".";
  StoredModel model(c);
  vlp::Forward pass(model.parts, model.batch, {}, kLate);
  const at::Tensor images = c.input("image_queue").t(), texts = c.input("text_queue").t();
  const auto with_queue = [&](const at::Tensor& rows, const at::Tensor& batch,
                              const at::Tensor& queue) {
    return at::cat({batch, pass.scaled_products(rows, queue)}, 1);
  };
  const vlp::Similarities& online = pass.similarities();
  c.compare(name + "sim_i2t", with_queue(pass.image_embeddings(), online.image_to_text, texts));
  c.compare(name + "sim_t2i", with_queue(pass.text_embeddings(), online.text_to_image, images));
  const at::Tensor &image_m = pass.momentum_image_embeddings(),
                   &text_m = pass.momentum_text_embeddings();
  const at::Tensor together =
      vlp::positive_pairs(positives_of(kind), model.batch, c.input("idx_queue").squeeze(0), "test");
  const auto targets = [&](const at::Tensor& rows, const at::Tensor& columns,
                           const at::Tensor& queue) {
    return vlp::contrastive_targets(together,
                                    with_queue(rows, pass.scaled_products(rows, columns), queue),
                                    std::stod(alpha_text), c.dtype);
  };
  c.compare(name + "targets_i2t", targets(image_m, text_m, texts));
  c.compare(name + "targets_t2i", targets(text_m, image_m, images));
}

void compare_weights(const Case& c, const std::string& kind, const vlp::Similarities& similarities,
                     const at::Tensor& allowed, double floor) {
  const auto compare = [&](const std::string& direction, const at::Tensor& rows) {
    const at::Tensor weights = vlp::negative_weights(rows, allowed, floor);
    c.compare("itm_weights." + kind + direction, weights);
    c.compare("itm_probabilities." + kind + direction, weights / weights.sum(1, /*keepdim=*/true));
  };
  compare(".t2i", similarities.text_to_image);
  compare(".i2t", similarities.image_to_text);
}

/// A batch of one of the stored language-model cases, its targets under the rules of that case.
vlp::Batch supervised(const at::Tensor& ids, std::int64_t prompt) {
  vlp::Batch batch;
  batch.pixels = at::zeros({ids.size(0), 3, 1, 1});
  batch.texts.token_ids = ids;
  batch.texts.token_mask = ids.ne(0);
  at::Tensor labels = at::where(batch.texts.token_mask, ids, -100);
  labels.narrow(1, 0, prompt).fill_(-100);
  const std::int64_t length = ids.size(1);
  const at::Tensor next =
      at::cat({labels.narrow(1, 1, length - 1), at::full({ids.size(0), 1}, -100, at::kLong)}, 1)
          .flatten();
  batch.texts.target_index = next.ne(-100).nonzero().squeeze(1);
  batch.texts.targets = next.index_select(0, batch.texts.target_index);
  return batch;
}

vlp::LossValue language_model_loss(const vlp::Batch& batch, const at::Tensor& logits) {
  vlp::ModelParts parts;
  parts.set<vlp::ImageStates>([](const at::Tensor& pixels) { return pixels; });
  parts.set<vlp::DecoderStates>(
      [&](const at::Tensor&, const at::Tensor&, const at::Tensor&) { return logits; });
  parts.set<vlp::DecoderLogits>([](const at::Tensor& states) { return states; });
  vlp::Forward pass(parts, batch);
  return vlp::LanguageModelLoss({kSmoothing})(pass);
}

const std::vector<at::ScalarType> kTypes{at::kDouble, at::kFloat};

}  // namespace

BOOST_AUTO_TEST_CASE(there_are_stored_losses) {
  BOOST_TEST(!folders().empty());
  parity::Tally tally("losses");
  for (const std::string& name : folders()) tally.add(name);
  tally.check();
}

BOOST_DATA_TEST_CASE(contrastive_losses_gradients_and_targets_agree,
                     data::make(folders()) * data::make(kTypes), name, dtype) {
  const Case c(name, dtype, "contrastive losses");
  for (const std::string kind : {"pretrain", "retrieval"}) {
    BOOST_TEST(!c.alphas(kind).empty());
    for (const std::string& alpha : c.alphas(kind)) {
      compare_contrastive(c, kind, alpha);
      compare_targets(c, kind, alpha);
    }
  }
  c.tally.check();
}

BOOST_DATA_TEST_CASE(embeddings_and_negatives_agree, data::make(folders()) * data::make(kTypes),
                     name, dtype) {
  const Case c(name, dtype, "embeddings and negatives");
  StoredModel model(c);
  vlp::Forward pass(model.parts, model.batch, {}, kLate);
  c.compare("image_feat", pass.image_embeddings());
  c.compare("text_feat", pass.text_embeddings());
  c.compare("image_feat_m", pass.momentum_image_embeddings());
  c.compare("text_feat_m", pass.momentum_text_embeddings());
  const auto allowed = [&](vlp::Positives positives) {
    return vlp::positive_pairs(positives, model.batch, {}, "test").logical_not();
  };
  compare_weights(c, "pretrain", pass.similarities(), allowed(vlp::Positives::pair), kFloor);
  compare_weights(c, "retrieval", pass.own_similarities(), allowed(vlp::Positives::image), 0);
  c.tally.check();
}

BOOST_DATA_TEST_CASE(feature_queues_agree, data::make(folders()) * data::make(kTypes), name,
                     dtype) {
  const Case c(name, dtype, "feature queues");
  vlp::FeatureQueue queue(c.queue_size(), at::kCPU, vlp::RandomStream(1));
  queue.load(c.queues());
  for (int k = 0; c.has_input("enqueue." + std::to_string(k) + ".image"); ++k) {
    const std::string part = "enqueue." + std::to_string(k) + ".";
    queue.push(c.input(part + "image"), c.input(part + "text"), c.input(part + "idx"));
    vlp::State saved;
    queue.save(saved);
    for (const char* tensor : {"image_queue", "text_queue", "idx_queue"})
      c.compare(part + tensor, vlp::get_tensor(saved, tensor));
    c.compare(part + "ptr", vlp::get_tensor(saved, "queue_ptr"));
  }
  c.tally.check();
}

BOOST_DATA_TEST_CASE(matching_loss_agrees, data::make(folders()) * data::make(kTypes), name,
                     dtype) {
  const Case c(name, dtype, "matching loss");
  StoredModel model(c);
  const at::Tensor logits = c.input("itm_logits").set_requires_grad(true);
  const std::int64_t pairs = model.image.size(0);
  BOOST_TEST_REQUIRE(logits.size(0) == 3 * pairs);
  model.parts.set<vlp::GroundedStates>(
      [](const at::Tensor& ids, const at::Tensor&, const at::Tensor&) { return ids.unsqueeze(2); });
  model.parts.set<vlp::MatchLogits>([&](const at::Tensor& grounded) {
    return grounded.size(0) == pairs ? logits.narrow(0, 0, pairs)
                                     : logits.narrow(0, pairs, 2 * pairs);
  });
  vlp::Forward pass(model.parts, model.batch, {}, kLate);
  const vlp::LossValue value = vlp::ImageTextMatching({}, vlp::Facts{})(pass);
  value.total.backward();
  c.compare("itm_loss", value.total);
  c.compare("itm_grad", logits.grad());
  c.tally.check();
}

BOOST_DATA_TEST_CASE(language_model_losses_agree, data::make(folders()) * data::make(kTypes), name,
                     dtype) {
  const Case c(name, dtype, "language-model losses");
  const at::Tensor ids = c.input("lm_input_ids");
  for (const auto& [part, prompt] :
       {std::pair<std::string, std::int64_t>{"lm.prompt_masked.",
                                             c.input("lm_prompt_length").item<std::int64_t>()},
        {"lm.no_prompt.", 0}}) {
    const at::Tensor logits = c.input("lm_logits").set_requires_grad(true);
    const vlp::LossValue value = language_model_loss(supervised(ids, prompt), logits);
    value.total.backward();
    c.compare(part + "loss", value.total);
    c.compare(part + "grad", logits.grad());

    std::vector<at::Tensor> sums;
    for (std::int64_t row = 0; row < ids.size(0); ++row) {
      const vlp::Batch one = supervised(ids.narrow(0, row, 1), prompt);
      sums.push_back(language_model_loss(one, logits.detach().narrow(0, row, 1)).total *
                     one.texts.targets.numel());
    }
    c.compare(part + "loss_per_sequence_sum", at::stack(sums));
  }
  c.tally.check();
}

BOOST_DATA_TEST_CASE(momentum_encoders_agree, data::make(folders()) * data::make(kTypes), name,
                     dtype) {
  const Case c(name, dtype, "momentum encoders");
  struct Parameters : torch::nn::Module {
    Parameters(const Case& stored, const std::string& prefix) {
      for (int k = 0; stored.has_input(prefix + std::to_string(k)); ++k)
        register_parameter(std::to_string(k), stored.input(prefix + std::to_string(k)));
    }
  };
  Parameters online(c, "momentum.p."), momentum_encoder(c, "momentum.p_m.");
  BOOST_TEST_REQUIRE(!online.parameters().empty());
  vlp::MomentumEncoders momentum_encoders;
  momentum_encoders.add(online, momentum_encoder);
  for (auto& item : momentum_encoder.named_parameters()) {  // what `add` has made equal
    const at::NoGradGuard no_grad;
    item.value().copy_(c.input("momentum.p_m." + item.key()));
  }
  for (int step = 1; c.expects("momentum.step" + std::to_string(step) + ".0"); ++step) {
    momentum_encoders.follow(kMomentum);
    for (const auto& item : momentum_encoder.named_parameters())
      c.compare("momentum.step" + std::to_string(step) + "." + item.key(), item.value());
  }
  c.tally.check();
}

BOOST_DATA_TEST_CASE(temperature_is_kept_within_its_bounds,
                     data::make(folders()) * data::make(kTypes), name, dtype) {
  const Case c(name, dtype, "temperature");
  vlp::Blip model = vlp_test::med_model();
  model->to(dtype);
  const at::Tensor raw = c.input("temp_raw");
  std::vector<at::Tensor> clamped;
  for (std::int64_t i = 0; i < raw.numel(); ++i) {
    model->temperature().detach().copy_(raw[i]);
    model->begin_step();
    clamped.push_back(model->temperature().detach().clone());
  }
  c.compare("temp_clamped", at::stack(clamped));
  c.tally.check();
}

BOOST_AUTO_TEST_SUITE_END()
