#include "vlp/blip/names.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>

#include "tests/support/torch_bytes.hpp"
#include "vlp/weights/read_weights.hpp"

BOOST_AUTO_TEST_SUITE(blip_names)

using namespace vlp;

namespace {

void check_equal(const TensorMap& found, const TensorMap& expected) {
  for (const auto& [name, tensor] : expected) {
    const auto other = found.find(name);
    BOOST_REQUIRE_MESSAGE(other != found.end(), name);
    BOOST_TEST(other->second.dtype == tensor.dtype, name);
    BOOST_TEST(other->second.shape == tensor.shape, boost::test_tools::per_element());
    BOOST_TEST(std::ranges::equal(other->second.bytes, tensor.bytes), name);
  }
}

/// The three files of one model hold the same tensors, bit by bit.
void check_three_files(const std::filesystem::path& folder) {
  const TensorMap expected = read_weights(find_weights(folder / "model"));
  const TensorMap binary = hugging_face_names(read_weights(find_weights(folder / "model-bin")));
  const TensorMap original = read_weights(folder / "original.pth");
  BOOST_TEST(!has_original_names(expected));
  BOOST_TEST(!has_original_names(binary));
  BOOST_TEST(has_original_names(original));
  const TensorMap renamed = hugging_face_names(original);
  BOOST_TEST(!has_original_names(renamed));
  check_equal(binary, expected);
  check_equal(renamed, expected);
  check_equal(renamed, binary);
  check_equal(binary, renamed);
}

TensorMap names(const std::vector<std::string>& all) {
  TensorMap tensors;
  for (const std::string& name : all) tensors.emplace(name, TensorBytes{});
  return tensors;
}

std::vector<std::string> renamed(const std::vector<std::string>& all) {
  std::vector<std::string> result;
  for (const auto& entry : hugging_face_names(names(all))) result.push_back(entry.first);
  return result;
}

using Names = std::vector<std::string>;

bool shared_here() {
  return std::filesystem::exists(std::filesystem::path(VLP_SHARED_DIR) / "parity");
}

}  // namespace

BOOST_AUTO_TEST_CASE(all_three_files_of_a_model_hold_the_same_tensors) {
  check_three_files(std::filesystem::path(VLP_TEST_DATA) / "parity" / "caption_untied");
  if (shared_here())
    check_three_files(std::filesystem::path(VLP_SHARED_DIR) / "parity" / "caption");
}

BOOST_AUTO_TEST_CASE(
    the_original_retrieval_file_gives_the_converted_model_and_the_state_of_its_training) {
  const auto folder = std::filesystem::path(VLP_TEST_DATA) / "parity" / "retrieval";
  const TensorMap expected = read_weights(find_weights(folder / "model"));
  const TensorMap converted = hugging_face_names(read_weights(folder / "original.pth"));
  check_equal(converted, expected);
  for (const auto& [name, tensor] : converted) {
    if (expected.contains(name)) continue;
    const bool queue =
        name == "image_queue" || name == "text_queue" || name == "idx_queue" || name == "ptr_queue";
    BOOST_TEST((queue || name == "temp" || is_momentum_name(name)), name);
    if (!is_momentum_name(name)) continue;
    const auto dot = name.find('.');
    const std::string online = name.substr(0, dot - 2) + name.substr(dot);
    BOOST_REQUIRE_MESSAGE(expected.contains(online), name);
    BOOST_TEST(tensor.shape == expected.at(online).shape, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(every_part_of_the_vision_transformer_is_renamed) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"visual_encoder.cls_token", "vision_model.embeddings.class_embedding"},
      {"visual_encoder.pos_embed", "vision_model.embeddings.position_embedding"},
      {"visual_encoder.patch_embed.proj.weight", "vision_model.embeddings.patch_embedding.weight"},
      {"visual_encoder.blocks.0.norm1.weight", "vision_model.encoder.layers.0.layer_norm1.weight"},
      {"visual_encoder.blocks.11.norm2.bias", "vision_model.encoder.layers.11.layer_norm2.bias"},
      {"visual_encoder.blocks.3.attn.qkv.weight",
       "vision_model.encoder.layers.3.self_attn.qkv.weight"},
      {"visual_encoder.blocks.3.attn.proj.bias",
       "vision_model.encoder.layers.3.self_attn.projection.bias"},
      {"visual_encoder.blocks.23.mlp.fc2.weight", "vision_model.encoder.layers.23.mlp.fc2.weight"},
      {"visual_encoder.norm.bias", "vision_model.post_layernorm.bias"},
  };
  for (const auto& [original, target] : cases)
    BOOST_TEST(renamed({original}) == Names{target}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(other_names_stay_for_the_loader_to_judge) {
  const Names same{"itm_head.weight",
                   "text_decoder.cls.predictions.bias",
                   "text_encoder.embeddings.word_embeddings.weight",
                   "text_proj.bias",
                   "vision_proj.weight",
                   "visual_encoder.blocks.attn.qkv.weight",
                   "visual_encoder.blocks.x1.norm1.weight",
                   "visual_encoder.blocks.1",
                   "visual_encoder.blocks.1.other.weight",
                   "visual_encoder.other"};
  Names sorted = same;
  std::ranges::sort(sorted);
  BOOST_TEST(renamed(same) == sorted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(momentum_encoders_are_called_like_what_they_follow_and_queues_as_they_were) {
  const std::vector<std::pair<std::string, std::string>> momentum_encoders{
      {"visual_encoder_m.cls_token", "vision_model_m.embeddings.class_embedding"},
      {"visual_encoder_m.blocks.3.attn.proj.bias",
       "vision_model_m.encoder.layers.3.self_attn.projection.bias"},
      {"visual_encoder_m.other", "visual_encoder_m.other"},
      {"text_encoder_m.encoder.layer.0.output.dense.bias",
       "text_encoder_m.encoder.layer.0.output.dense.bias"},
      {"vision_proj_m.weight", "vision_proj_m.weight"}};
  for (const auto& [original, target] : momentum_encoders)
    BOOST_TEST(renamed({original}) == Names{target}, boost::test_tools::per_element());
  const Names same{"idx_queue", "image_queue", "ptr_queue", "queue_ptr", "temp", "text_queue"};
  BOOST_TEST(renamed(same) == same, boost::test_tools::per_element());
  for (const char* name : {"vision_model_m.x", "text_encoder_m.x", "vision_proj_m.bias",
                           "text_proj_m.weight", "text_decoder_m.x"})
    BOOST_TEST(is_momentum_name(name), name);
  for (const char* name :
       {"vision_model.x", "text_proj_more.weight", "text_proj_m", "temp", "image_queue"})
    BOOST_TEST(!is_momentum_name(name), name);
}

BOOST_AUTO_TEST_CASE(counters_of_positions_are_left_out) {
  BOOST_TEST(renamed({"position_ids", "text_decoder.bert.embeddings.position_ids",
                      "text_encoder_m.embeddings.position_ids"})
                 .empty());
  BOOST_TEST(renamed({"temperature", "text_proj_more.weight"}).size() == 2u);
}

BOOST_AUTO_TEST_CASE(two_tensors_of_one_name_are_refused) {
  const std::string text = message_of<WeightsError>(
      [] { (void)renamed({"visual_encoder.norm.bias", "vision_model.post_layernorm.bias"}); });
  BOOST_TEST(contains(text,
                      "'visual_encoder.norm.bias' and another tensor are both "
                      "'vision_model.post_layernorm.bias'"),
             text);
}

BOOST_AUTO_TEST_SUITE_END()
