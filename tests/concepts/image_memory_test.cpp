// ImageMemory: keys and values of images are made once, shared by copies and selections, and change
// no number.

#include "vlp/concepts/image_memory.hpp"

#include <cstdint>
#include <optional>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "tests/support/gradient_check.hpp"
#include "tests/support/med_model.hpp"

BOOST_AUTO_TEST_SUITE(image_memory)

using vlp::ImageMemory;
using vlp::KeysAndValues;
using vlp_test::difference;
using vlp_test::med_model;
using vlp_test::MedTexts;

namespace {

/// Sums of some hundred float64 products of size one, in another order.
constexpr double kRounding = 1e-10;

/// A projection that counts its calls.
struct Projection {
  int calls = 0;
  KeysAndValues operator()(const at::Tensor& states) {
    ++calls;
    return {states + 1, states + 2};
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(keys_and_values_are_made_once_for_copies_and_selections) {
  const at::Tensor states = at::arange(3).view({3, 1, 1});
  const ImageMemory memory = states, copy = memory;
  const ImageMemory chosen = copy.select(at::tensor({2, 0, 2, 2}, at::kLong)),
                    again = chosen.select(at::tensor({1, 0}, at::kLong));
  Projection project;
  const int attention = 0, other = 0;
  BOOST_TEST(again.keys_and_values(&attention, project)
                 .keys.flatten()
                 .equal(at::tensor({1, 3}, at::kLong)));
  BOOST_TEST(chosen.keys_and_values(&attention, project)
                 .values.flatten()
                 .equal(at::tensor({4, 2, 4, 4}, at::kLong)));
  BOOST_TEST(memory.keys_and_values(&attention, project).keys.equal(states + 1));
  BOOST_TEST(project.calls == 1);
  (void)copy.keys_and_values(&other, project);
  BOOST_TEST(project.calls == 2);
}

BOOST_AUTO_TEST_CASE(a_memory_stands_for_its_tensor) {
  const at::Tensor states = at::randn({3, 4, 5});
  const ImageMemory memory = states, chosen = memory.select(at::tensor({2, 2}, at::kLong));
  BOOST_TEST((memory.sizes() == std::vector<std::int64_t>{3, 4, 5}));
  BOOST_TEST((chosen.sizes() == std::vector<std::int64_t>{2, 4, 5}));
  BOOST_TEST(static_cast<const at::Tensor&>(memory).is_same(states));
  BOOST_TEST(chosen.states().equal(at::stack({states[2], states[2]})));
  BOOST_TEST(!ImageMemory().defined());
  BOOST_TEST(!ImageMemory(at::Tensor()).defined());
  BOOST_TEST(!ImageMemory().states().defined());
  BOOST_TEST(ImageMemory().sizes().empty());
}

BOOST_AUTO_TEST_CASE(one_memory_for_all_passes_gives_what_separate_states_give) {
  vlp::Blip model = med_model();
  model->to(at::kDouble);
  const MedTexts t;
  const at::Tensor image = at::randn({3, 5, 8}, at::kDouble).set_requires_grad(true),
                   rows = at::tensor({1, 2, 2}, at::kLong);
  std::vector<at::Tensor> inputs{image};
  for (const at::Tensor& parameter : model->parameters()) inputs.push_back(parameter);
  const auto outputs = [&](const ImageMemory& own, const ImageMemory& others) {
    return at::cat({model->grounded_states(t.ids, t.mask, own),
                    model->grounded_states(t.ids, t.mask, others),
                    model->decoder_states(t.ids, t.mask, own)});
  };
  const auto gradients = [&](const at::Tensor& states) {
    return torch::autograd::grad({states.square().sum()}, inputs, {}, std::nullopt, false,
                                 /*allow_unused=*/true);
  };
  const ImageMemory memory = image;
  const at::Tensor shared = outputs(memory, memory.select(rows)),
                   separate = outputs(image, image.index_select(0, rows));
  BOOST_TEST(difference(shared, separate) < kRounding);
  const std::vector<at::Tensor> of_shared = gradients(shared), of_separate = gradients(separate);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    BOOST_TEST(of_shared[i].defined() == of_separate[i].defined());
    if (of_shared[i].defined())
      BOOST_TEST(difference(of_shared[i], of_separate[i]) <
                 kRounding * (1 + of_separate[i].abs().max().item<double>()));
  }
}

BOOST_AUTO_TEST_SUITE_END()
