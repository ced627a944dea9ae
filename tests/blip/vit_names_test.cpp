// Names of vision transformers in vlp's.

#include "vlp/blip/vit_names.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/blip/part_names.hpp"
#include "vlp/core/error.hpp"

BOOST_AUTO_TEST_SUITE(names_of_vit)

using namespace vlp;
using vlp_test::named;
using vlp_test::Names;
using vlp_test::names_of;

BOOST_AUTO_TEST_CASE(transformers_vision_transformer_with_and_without_prefix) {
  for (const std::string prefix : {"", "vit.", "deit."}) {
    Names names;
    for (const char* name :
         {"embeddings.cls_token", "embeddings.position_embeddings",
          "embeddings.patch_embeddings.projection.weight",
          "encoder.layer.10.attention.attention.key.bias",
          "encoder.layer.10.attention.output.dense.weight", "encoder.layer.10.output.dense.weight",
          "encoder.layer.10.intermediate.dense.bias", "encoder.layer.10.layernorm_before.weight",
          "encoder.layer.10.layernorm_after.weight", "layernorm.bias", "pooler.dense.weight",
          "embeddings.mask_token"})
      names.push_back(prefix + name);
    names.emplace_back("classifier.weight");
    BOOST_REQUIRE(has_vit_names(named(names)));
    BOOST_TEST(!has_timm_names(named(names)));
    const RenamedTensors renamed = vit_names(named(names));
    BOOST_TEST(
        names_of(renamed) == (Names{"vision_model.embeddings.class_embedding",
                                    "vision_model.embeddings.patch_embedding.weight",
                                    "vision_model.embeddings.position_embedding",
                                    "vision_model.encoder.layers.10.layer_norm1.weight",
                                    "vision_model.encoder.layers.10.layer_norm2.weight",
                                    "vision_model.encoder.layers.10.mlp.fc1.bias",
                                    "vision_model.encoder.layers.10.mlp.fc2.weight",
                                    "vision_model.encoder.layers.10.self_attn.key.bias",
                                    "vision_model.encoder.layers.10.self_attn.projection.weight",
                                    "vision_model.post_layernorm.bias"}),
        boost::test_tools::per_element());
    BOOST_TEST(
        (renamed.left_out == PartCounts{{"classifier", 1}, {"embeddings", 1}, {"pooler", 1}}));
  }
}

BOOST_AUTO_TEST_CASE(timms_vision_transformer) {
  const TensorMap tensors =
      named({"cls_token", "pos_embed", "patch_embed.proj.weight", "blocks.3.norm1.weight",
             "blocks.3.attn.qkv.bias", "blocks.3.mlp.fc2.bias", "norm.bias", "dist_token",
             "head.weight", "head_dist.bias", "pre_logits.fc.bias"});
  BOOST_TEST(has_timm_names(tensors));
  const RenamedTensors renamed = vit_names(tensors);
  BOOST_TEST(names_of(renamed) == (Names{"vision_model.embeddings.class_embedding",
                                         "vision_model.embeddings.distillation_token",
                                         "vision_model.embeddings.patch_embedding.weight",
                                         "vision_model.embeddings.position_embedding",
                                         "vision_model.encoder.layers.3.layer_norm1.weight",
                                         "vision_model.encoder.layers.3.mlp.fc2.bias",
                                         "vision_model.encoder.layers.3.self_attn.qkv.bias",
                                         "vision_model.post_layernorm.bias"}),
             boost::test_tools::per_element());
  BOOST_TEST((renamed.left_out == PartCounts{{"head", 1}, {"head_dist", 1}, {"pre_logits", 1}}));
}

BOOST_AUTO_TEST_CASE(what_changes_the_arithmetic_keeps_its_name) {
  BOOST_TEST(
      names_of(
          vit_names(named({"patch_embed.proj.weight", "blocks.0.ls1.gamma", "fc_norm.weight"}))) ==
          (Names{"vision_model.blocks.0.ls1.gamma",
                 "vision_model.embeddings.patch_embedding.weight", "vision_model.fc_norm.weight"}),
      boost::test_tools::per_element());
  BOOST_TEST(names_of(vit_names(named({"embeddings.patch_embeddings.projection.weight",
                                       "encoder.layer.0.lambda_1"})))
                 .back() == "vision_model.encoder.layer.0.lambda_1");
}

BOOST_AUTO_TEST_CASE(other_models_are_none_and_unknown_names_are_refused) {
  for (const char* name :
       {"vision_model.embeddings.class_embedding", "roberta.embeddings.word_embeddings.weight",
        "text_encoder.embeddings.word_embeddings.weight"})
    BOOST_TEST(!has_vit_names(named({name})), name);
  BOOST_CHECK_THROW((void)vit_names(named({"x"})), WeightsError);
}

BOOST_AUTO_TEST_SUITE_END()
