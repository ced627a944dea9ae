// Names of BERTs in vlp's.

#include "vlp/blip/bert_names.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/blip/part_names.hpp"
#include "vlp/core/error.hpp"

BOOST_AUTO_TEST_SUITE(names_of_bert)

using namespace vlp;
using vlp_test::named;
using vlp_test::Names;
using vlp_test::names_of;

BOOST_AUTO_TEST_CASE(what_changes_the_arithmetic_keeps_its_name) {
  BOOST_TEST(
      names_of(bert_names(named({"encoder.layer.0.attention.self.distance_embedding.weight"})))
          .front() == "text_decoder.bert.encoder.layer.0.attention.self.distance_embedding.weight");
}

BOOST_AUTO_TEST_CASE(bert_with_and_without_prefix_of_any_age) {
  for (const std::string prefix : {"", "bert."}) {
    Names names;
    for (const char* name :
         {"embeddings.word_embeddings.weight", "embeddings.LayerNorm.gamma",
          "embeddings.position_ids", "encoder.layer.0.output.LayerNorm.beta", "pooler.dense.bias"})
      names.push_back(prefix + name);
    for (const char* name : {"cls.predictions.transform.LayerNorm.gamma", "cls.predictions.bias",
                             "cls.seq_relationship.weight", "qa_outputs.bias"})
      names.emplace_back(name);
    BOOST_TEST(has_bert_names(named(names)));
    const RenamedTensors renamed = bert_names(named(names));
    BOOST_TEST(
        names_of(renamed) == (Names{"text_decoder.bert.embeddings.LayerNorm.weight",
                                    "text_decoder.bert.embeddings.word_embeddings.weight",
                                    "text_decoder.bert.encoder.layer.0.output.LayerNorm.bias",
                                    "text_decoder.cls.predictions.bias",
                                    "text_decoder.cls.predictions.transform.LayerNorm.weight"}),
        boost::test_tools::per_element());
    BOOST_TEST((renamed.left_out ==
                PartCounts{{"cls.seq_relationship", 1}, {"pooler", 1}, {"qa_outputs", 1}}));
  }
}

BOOST_AUTO_TEST_CASE(other_models_are_none_and_doubled_names_are_refused) {
  for (const char* name :
       {"vision_model.embeddings.class_embedding", "roberta.embeddings.word_embeddings.weight",
        "text_encoder.embeddings.word_embeddings.weight"})
    BOOST_TEST(!has_bert_names(named({name})), name);
  BOOST_CHECK_THROW((void)bert_names(named({"embeddings.word_embeddings.weight",
                                            "bert.embeddings.word_embeddings.weight"})),
                    WeightsError);
}

BOOST_AUTO_TEST_SUITE_END()
