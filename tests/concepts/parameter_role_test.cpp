#include "vlp/concepts/parameter_role.hpp"

#include <boost/test/unit_test.hpp>

#include <ATen/ATen.h>
#include <torch/nn/modules/embedding.h>

#include "vlp/nn/layers.hpp"

BOOST_AUTO_TEST_SUITE(parameter_role)

namespace {

/// A table, a layer, a head, and a table of LibTorch's own.
struct TinyImpl : torch::nn::Module, vlp::TellsRoles {
  TinyImpl()
      : table(register_module("table", vlp::Embedding(5, 4))),
        theirs(register_module("theirs", torch::nn::Embedding(5, 4))),
        layer(register_module("layer", vlp::Linear(4, 4))),
        head(register_module("head", vlp::Linear(4, 2))) {}
  [[nodiscard]] Roles parameter_roles() const override {
    return {{head->weight, vlp::ParameterRole::head}};
  }
  vlp::Embedding table;
  torch::nn::Embedding theirs;
  vlp::Linear layer, head;
};

}  // namespace

BOOST_AUTO_TEST_CASE(modules_tell_tables_and_heads_and_the_rest_is_hidden) {
  const TinyImpl tiny;
  const vlp::ParameterRoles roles(tiny, "model 'tiny'");
  BOOST_TEST((roles.of(tiny.table->weight) == vlp::ParameterRole::embedding));
  BOOST_TEST((roles.of(tiny.theirs->weight) == vlp::ParameterRole::embedding));
  BOOST_TEST((roles.of(tiny.head->weight) == vlp::ParameterRole::head));
  BOOST_TEST((roles.of(tiny.layer->weight) == vlp::ParameterRole::hidden));
  BOOST_TEST((vlp::ParameterRoles().of(tiny.head->weight) == vlp::ParameterRole::hidden));
}

BOOST_AUTO_TEST_SUITE_END()
