// What a trace is given: every wrong tensor is named before the model sees it, and what is not
// given is left out.

#include "vlp/trace/inputs.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/process.hpp"
#include "tests/support/stored_case.hpp"
#include "vlp/concepts/tensor_state.hpp"

BOOST_AUTO_TEST_SUITE(trace_inputs)

namespace {

namespace fs = std::filesystem;
using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

const fs::path kModel = fs::path(VLP_TEST_DATA) / "parity" / "caption_untied" /
                        "model";  // 48 pixels, [DEC] 1198 of 1200
constexpr std::int64_t kDecode = 1198;
constexpr vlp::Parts kRetrieval = vlp::Parts::of<vlp::ImageStates>() |
                                  vlp::Parts::of<vlp::TextStates>() | vlp::parts::similarities |
                                  vlp::Parts::of<vlp::GroundedStates>() |
                                  vlp::Parts::of<vlp::MatchLogits>();
constexpr vlp::Parts kCaptioner = vlp::Parts::of<vlp::ImageStates>() | vlp::parts::decoder;

at::Tensor integers(const std::vector<std::int64_t>& values) { return at::tensor(values); }

/// Inputs that are right: two images with texts of five tokens, the second one padded.
Tensors good() {
  return {{"pixel_values", at::zeros({2, 3, 48, 48})},
          {"input_ids", integers({kDecode, 5, 6, 7, 102, kDecode, 8, 102, 0, 0}).view({2, 5})},
          {"attention_mask", integers({1, 1, 1, 1, 1, 1, 1, 1, 0, 0}).view({2, 5})},
          {"labels", integers({kDecode, 5, 6, 7, 102, kDecode, 8, 102, -100, -100}).view({2, 5})}};
}

/// The same with one tensor put in place of another or added, or, if undefined, left out.
Tensors with(const std::string& name, const at::Tensor& value) {
  Tensors tensors = good();
  std::erase_if(tensors, [&](const auto& named) { return named.first == name; });
  if (value.defined()) tensors.emplace_back(name, value);
  return tensors;
}

/// Float32 gradients of up to 4: those of two programs lie 6e-5 apart.
const std::string kGradients = "2e-4";

/// Inputs of a retrieval model that are right: [CLS] first, and a third text for the similarities.
Tensors for_retrieval() {
  return {{"pixel_values", at::zeros({2, 3, 48, 48})},
          {"input_ids", integers({2, 5, 6, 7, 102, 2, 8, 102, 0, 0}).view({2, 5})},
          {"attention_mask", integers({1, 1, 1, 1, 1, 1, 1, 1, 0, 0}).view({2, 5})},
          {"input_ids_enc",
           integers({kDecode + 1, 5, 6, 7, 102, kDecode + 1, 8, 102, 0, 0}).view({2, 5})},
          {"all_input_ids", integers({2, 5, 102, 2, 8, 102, 2, 9, 102}).view({3, 3})},
          {"all_attention_mask", at::ones({3, 3}, at::kLong)},
          {"itm_labels", integers({1, 0})}};
}

fs::path written(const ScratchFolder& folder, const Tensors& tensors) {
  vlp::NamedTensors bytes;
  for (const auto& [name, tensor] : tensors) bytes.emplace_back(name, vlp::tensor_bytes(tensor));
  vlp::write_safetensors(folder.path / "in.safetensors", bytes);
  return folder.path / "in.safetensors";
}

vlp::Context context() {
  vlp::Context ctx;
  ctx.facts.tokens.decode = kDecode;
  ctx.facts.dimensions.vocabulary_size = 1200;
  ctx.facts.dimensions.image_height = ctx.facts.dimensions.image_width = 48;
  return ctx;
}

std::string message_of(const Tensors& tensors) {
  const ScratchFolder folder;
  const fs::path file = written(folder, tensors);
  const vlp::Context ctx = context();
  try {
    (void)vlp::read_trace_inputs(file, ctx, at::kFloat, kCaptioner);
  } catch (const vlp::DataError& error) {
    BOOST_TEST(std::string(error.what()).starts_with(file.string() + ": "));
    return std::string(error.what()).substr(file.string().size() + 2);
  }
  return "no error";
}

vlp_test::Outcome trace(const fs::path& inputs, const fs::path& out,
                        const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{VLP_PROGRAM, "trace",         "--model",   kModel.string(),
                                 "--inputs",  inputs.string(), "--out",     out.string(),
                                 "--device",  "cpu",           "--threads", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return vlp_test::run_process(words);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_batch_supervises_each_position_by_the_label_behind_it) {
  const ScratchFolder folder;
  const vlp::Context ctx = context();
  const vlp::TraceInputs inputs =
      vlp::read_trace_inputs(written(folder, good()), ctx, at::kDouble, kCaptioner);
  BOOST_TEST((inputs.pixel_values.scalar_type() == at::kDouble));
  const vlp::Batch all = inputs.batch(inputs.labels, 0, 2),
                   second = inputs.batch(inputs.labels, 1, 1);
  BOOST_TEST(all.texts.target_index.equal(integers({0, 1, 2, 3, 5, 6})));
  BOOST_TEST(all.texts.targets.equal(integers({5, 6, 7, 102, 8, 102})));
  BOOST_TEST(second.texts.target_index.equal(integers({0, 1})));
  BOOST_TEST(second.size() == 1);
}

BOOST_AUTO_TEST_CASE(pixels_alone_are_enough) {
  const ScratchFolder folder;
  const vlp::Context ctx = context();
  const vlp::TraceInputs inputs = vlp::read_trace_inputs(
      written(folder,
              {good().front(), {"prompt_ids", at::ones({2, 2}, at::kLong)}, {"x", at::ones({1})}}),
      ctx, at::kFloat, kCaptioner);
  BOOST_TEST(!inputs.input_ids.defined());
  BOOST_TEST((inputs.unused == std::vector<std::string>{"x"}));
}

BOOST_AUTO_TEST_CASE(a_missing_tensor_is_named) {
  BOOST_TEST(message_of({}) ==
             "pixel_values is missing (the file has no tensor). Add it: float [B, 3, H, W].");
  BOOST_TEST(message_of(with("pixel_values", {})) ==
             "pixel_values is missing (the file has attention_mask, input_ids, labels). Add it: "
             "float [B, 3, H, W].");
  BOOST_TEST(message_of(with("attention_mask", {})) ==
             "attention_mask is missing although there are input_ids. Add it: int64 [B, T].");
  BOOST_TEST(message_of(with("input_ids", {})) ==
             "input_ids is missing although there are labels. Add it: int64 [B, T].");
}

BOOST_AUTO_TEST_CASE(a_wrong_dtype_or_shape_is_named) {
  BOOST_TEST(message_of(with("pixel_values", at::zeros({2, 3, 48, 48}, at::kByte))) ==
             "pixel_values has the wrong dtype or shape (got U8 [2, 3, 48, 48], expected F32 [B, "
             "3, H, W]). Store preprocessed images.");
  BOOST_TEST(
      message_of(with("pixel_values", at::zeros({2, 1, 48, 48}))).find("got F32 [2, 1, 48, 48]") !=
      std::string::npos);
  BOOST_TEST(message_of(with("pixel_values", at::zeros({2, 3, 64, 48}))) ==
             "pixel_values are of another size than the model's images (got [2, 3, 64, 48], "
             "expected [B, 3, 48, 48]). "
             "Call them interp_pixel_values to have the positions interpolated.");
  BOOST_TEST(message_of(with("input_ids", at::zeros({2, 5}))) ==
             "input_ids has the wrong dtype or shape (got F32 [2, 5], expected I64 [2, T]). Store "
             "one text an image.");
  BOOST_TEST(message_of(with("input_ids", at::full({3, 5}, kDecode, at::kLong)))
                 .find("got I64 [3, 5], expected I64 [2, T]") != std::string::npos);
  BOOST_TEST(
      message_of(with("labels", at::zeros({2, 4}, at::kLong)))
          .find("labels has the wrong dtype or shape (got I64 [2, 4], expected I64 [2, 5])") !=
      std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_value_out_of_range_is_named) {
  at::Tensor ids = good()[1].second.clone(), labels = good()[3].second.clone();
  ids[1][1] = 1200;
  labels[0][2] = -1;
  BOOST_TEST(message_of(with("input_ids", ids)) ==
             "input_ids holds a value out of range (got 1200, expected 0 to 1199). Store ids of "
             "this model's vocabulary.");
  BOOST_TEST(message_of(with("labels", labels)) ==
             "labels holds a value out of range (got -1, expected 0 to 1199 or -100). Store ids of "
             "this model's vocabulary.");
  BOOST_TEST(message_of(with("attention_mask", at::full({2, 5}, 2, at::kLong))) ==
             "attention_mask holds a value out of range (got 2, expected 0 to 1). Store 1 for "
             "tokens and 0 for padding.");
  BOOST_TEST(message_of(with("labels", at::full({2, 5}, -100, at::kLong)))
                 .find("labels supervise no token") == 0U);
  ids = good()[1].second.clone();
  ids[1][0] = 101;
  BOOST_TEST(message_of(with("input_ids", ids)) ==
             "input_ids don't begin with the decoder's first token (got 101, expected 1198). Put "
             "it at position 0 of every row, in place of "
             "[CLS].");
}

BOOST_AUTO_TEST_CASE(a_retrieval_model_takes_its_own_tensors_and_leaves_a_captioners_unused) {
  const ScratchFolder folder;
  const vlp::Context ctx = context();
  Tensors tensors = for_retrieval();
  tensors.emplace_back("labels", at::ones({2, 5}, at::kLong));
  const vlp::TraceInputs inputs =
      vlp::read_trace_inputs(written(folder, tensors), ctx, at::kFloat, kRetrieval);
  BOOST_TEST(inputs.input_ids[0][0].item<std::int64_t>() == 2);  // [CLS] is no mistake here
  BOOST_TEST(inputs.all_input_ids.size(0) == 3);
  BOOST_TEST((inputs.all_attention_mask.scalar_type() == at::kBool));
  BOOST_TEST(inputs.itm_labels.equal(integers({1, 0})));
  BOOST_TEST(!inputs.labels.defined());
  BOOST_TEST((inputs.unused == std::vector<std::string>{"labels"}));
  const vlp::TraceInputs captioner = vlp::read_trace_inputs(
      written(folder, with("itm_labels", at::ones({2}, at::kLong))), ctx, at::kFloat, kCaptioner);
  BOOST_TEST((captioner.unused == std::vector<std::string>{"itm_labels"}));
}

BOOST_AUTO_TEST_CASE(wrong_inputs_of_a_retrieval_model_are_named) {
  const ScratchFolder folder;
  const vlp::Context ctx = context();
  const auto message = [&](const std::string& name, const at::Tensor& value) {
    Tensors tensors = for_retrieval();
    std::erase_if(tensors, [&](const auto& named) { return named.first == name; });
    if (value.defined()) tensors.emplace_back(name, value);
    const fs::path file = written(folder, tensors);
    try {
      (void)vlp::read_trace_inputs(file, ctx, at::kFloat, kRetrieval);
    } catch (const vlp::DataError& error) {
      return std::string(error.what()).substr(file.string().size() + 2);
    }
    return std::string("no error");
  };
  BOOST_TEST(
      message("all_attention_mask", {}) ==
      "all_attention_mask is missing although there are all_input_ids. Add it: int64 [B, T].");
  BOOST_TEST(message("itm_labels", integers({1, 2})) ==
             "itm_labels holds a value out of range (got 2, expected 0 to 1). Store 1 where text "
             "and image belong together, else 0.");
  BOOST_TEST(message("itm_labels", integers({1, 0, 1})) ==
             "itm_labels has the wrong dtype or shape (got I64 [3], expected I64 [2]). Store one "
             "label an image.");
  BOOST_TEST(message("input_ids_enc", at::ones({2, 4}, at::kLong)) ==
             "input_ids_enc has the wrong dtype or shape (got I64 [2, 4], expected I64 [2, 5]). "
             "Store one text an image.");
  BOOST_TEST(message("all_input_ids", at::ones({3})) ==
             "all_input_ids has the wrong dtype or shape (got F32 [3], expected I64 [M, T]). Store "
             "one text a row.");
  BOOST_TEST(message("input_ids", {}) ==
             "input_ids is missing although there are labels. Add it: int64 [B, T].");
}

BOOST_AUTO_TEST_CASE(the_program_traces_a_retrieval_model_and_its_images) {
  const fs::path data = fs::path(VLP_TEST_DATA) / "parity" / "retrieval";
  const ScratchFolder folder;
  const fs::path out = folder.path / "out.safetensors";
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> words{VLP_PROGRAM, "trace",      "--model",  (data / "model").string(),
                                   "--out",     out.string(), "--device", "cpu"};
    words.insert(words.end(), more.begin(), more.end());
    return vlp_test::run_process(words);
  };
  BOOST_TEST(run({"--inputs", (data / "inputs.safetensors").string()}).code == 0);
  const vlp_test::Outcome compared =
      vlp_test::run_process({VLP_PROGRAM, "trace", "--compare", out.string(),
                             (data / "expected.safetensors").string(), "--tolerance", kGradients});
  BOOST_TEST(compared.code == 0, compared.out + compared.err);
  const vlp_test::Outcome steps =
      run({"--inputs", (data / "inputs.safetensors").string(), "--steps", "1"});
  BOOST_TEST(steps.code == 2);
  BOOST_TEST(
      steps.err.find("updates minimise the language-model loss, and model 'blip' has no decoder") !=
          std::string::npos,
      steps.err);
  BOOST_TEST(run({"--images", (fs::path(VLP_TEST_DATA) / "images" / "07_rgb.png").string()}).code ==
             0);
  const auto image = vlp::read_safetensors(out).tensors;
  for (const char* name :
       {"pixel_values", "vision_last_hidden_state", "image_projected", "image_features"})
    BOOST_TEST(image.contains(name), name);
  BOOST_TEST(!image.contains("itm_logits"));
}

BOOST_AUTO_TEST_CASE(the_program_leaves_out_what_is_not_given) {
  const ScratchFolder folder;
  const fs::path out = folder.path / "out.safetensors";
  BOOST_TEST(trace(written(folder, {good().front()}), out).code == 0);
  const auto image = vlp::read_safetensors(out).tensors;
  BOOST_TEST(image.contains("vision_hidden.2"));
  BOOST_TEST(std::ranges::none_of(image, [](const auto& named) {
    return named.first.starts_with("decoder") || named.first.starts_with("loss");
  }));
  BOOST_TEST(trace(written(folder, with("labels", {})), out).code == 0);
  const auto text = vlp::read_safetensors(out).tensors;
  BOOST_TEST(text.contains("logits"));
  BOOST_TEST(!text.contains("loss"));
  const vlp_test::Outcome steps = trace(written(folder, with("labels", {})), out, {"--steps", "1"});
  BOOST_TEST(steps.code == 2);
  BOOST_TEST(steps.err ==
             "error: trace: updates need labels. Add labels to the inputs or leave --steps out.\n");
}

BOOST_AUTO_TEST_CASE(the_program_traces_one_update_and_images) {
  const ScratchFolder folder;
  const fs::path out = folder.path / "out.safetensors";
  BOOST_TEST(trace(written(folder, good()), out, {"--steps", "1", "--dtype", "float64"}).code == 0);
  const auto traced = vlp::read_safetensors(out);
  BOOST_TEST(traced.tensor("losses").shape == std::vector<std::int64_t>{1},
             boost::test_tools::per_element());
  BOOST_TEST(traced.tensor("loss").dtype == "F64");
  for (const char* name : {"step1.vision_model.post_layernorm.bias", "loss_after_step1",
                           "loss_per_sequence_sum", "grad_norm"})
    BOOST_TEST(traced.tensors.contains(name), name);

  const std::string image = (fs::path(VLP_TEST_DATA) / "images" / "07_rgb.png").string();
  const vlp_test::Outcome images =
      vlp_test::run_process({VLP_PROGRAM, "trace", "--model", kModel.string(), "--images", image,
                             image, "--out", out.string(), "--device", "cpu"});
  BOOST_TEST(images.code == 0, images.err);
  BOOST_TEST(vlp::read_safetensors(out).tensor("pixel_values").shape ==
                 (std::vector<std::int64_t>{2, 3, 48, 48}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_program_ends_with_the_code_of_what_is_wrong_and_writes_nothing) {
  const ScratchFolder folder;
  const fs::path out = folder.path / "out.safetensors";
  const vlp_test::Outcome absent = trace(folder.path / "absent.safetensors", out);
  BOOST_TEST(absent.code == 4);
  BOOST_TEST(absent.err.find("there is no such file") != std::string::npos, absent.err);
  Tensors texts = good();
  for (std::size_t i : {1, 2, 3})
    texts[i].second = texts[i].second.repeat({1, 9});  // 45 tokens; the model has 40 positions
  const vlp_test::Outcome long_text = trace(written(folder, texts), out);
  BOOST_TEST(long_text.code == 4);
  BOOST_TEST(
      long_text.err.find(
          "in.safetensors: decoder 'bert_cross_attention': the text is too long (got 45 tokens") !=
          std::string::npos,
      long_text.err);
  BOOST_TEST(trace(written(folder, good()), folder.path / "absent" / "out.safetensors").code == 2);
  BOOST_TEST(vlp_test::run_process({VLP_PROGRAM, "trace", "--model", "absent", "--inputs", "x",
                                    "--out", out.string()})
                 .code == 5);
  BOOST_TEST(!fs::exists(out));
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{},
                                             {"--model", "m"},
                                             {"--model", "m", "--out", "o"},
                                             {"--compare", "a"},
                                             {"--compare", "a", "b", "--model", "m"},
                                             {"--tolerance", "1"}}) {
    std::vector<std::string> line{VLP_PROGRAM, "trace"};
    line.insert(line.end(), words.begin(), words.end());
    BOOST_TEST(vlp_test::run_process(line).code == 2);
  }
}

BOOST_AUTO_TEST_SUITE_END()
