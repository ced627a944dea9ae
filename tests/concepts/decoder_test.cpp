// What all decoders have in common once they are values.

#include "vlp/concepts/decoder.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/archetypes.hpp"
#include "tests/support/messages.hpp"

BOOST_AUTO_TEST_SUITE(decoder)

namespace {

/// Gives states and logits of the shapes that it is told, and adds to the cache what it is told.
struct ShapedModule : torch::nn::Module {
  at::Tensor states(const at::Tensor&, const at::Tensor&, const at::Tensor&) {
    return at::ones(of_states);
  }
  at::Tensor logits(const at::Tensor& states) { return states; }
  vlp::DecodingCache make_cache(const at::Tensor&, std::int64_t beams, std::int64_t) {
    vlp::DecodingCache cache;
    cache.beams = beams;
    return cache;
  }
  at::Tensor step(const at::Tensor&, vlp::DecodingCache& cache) {
    cache.length += added;
    return at::ones(of_logits);
  }
  std::vector<std::int64_t> of_states{2, 3, 4}, of_logits{2, 7};
  std::int64_t added = 3;
};
struct Shaped : archetype::Handle<ShapedModule> {
  static constexpr std::string_view name = "shaped";
};

const at::Tensor kIds = at::arange(6).view({2, 3});

/// The message of a step from a cache of two tokens, or of teacher forcing.
std::string told(const Shaped& shaped) {
  vlp::AnyDecoder decoder = shaped;
  return vlp_test::message_of<vlp::ShapeError>([&] {
    (void)decoder.states(kIds, {}, at::ones({2, 5, 4}));
    vlp::DecodingCache cache = decoder.make_cache(at::ones({2, 5, 4}), 1, 9);
    cache.length = 2;
    (void)decoder.step(kIds, cache);
  });
}
std::string of_states(const std::vector<std::int64_t>& shape) {
  const Shaped shaped;
  shaped->of_states = shape;
  return told(shaped);
}
std::string of_logits(const std::vector<std::int64_t>& shape) {
  const Shaped shaped;
  shaped->of_logits = shape;
  return told(shaped);
}

}  // namespace

BOOST_AUTO_TEST_CASE(states_of_another_shape_are_refused_by_name) {
  BOOST_TEST(of_states({2, 3, 4}) == "");
  BOOST_TEST(of_states({2, 4}) ==
             "decoder 'shaped': states of another shape (got [2, 4] of ids [2, 3], expected one "
             "row a token). Return [texts, tokens, width].");
  BOOST_TEST(of_states({3, 3, 4}).starts_with("decoder 'shaped': states of another shape"));
  BOOST_TEST(of_states({2, 2, 4}).starts_with("decoder 'shaped': states of another shape"));
}

BOOST_AUTO_TEST_CASE(a_steps_logits_of_another_shape_are_refused_by_name) {
  BOOST_TEST(of_logits({2, 3, 7}) ==
             "decoder 'shaped': step gave logits [2, 3, 7] and left the cache at length 5 (ids "
             "[2, 3], expected [2, V] and 5). Return the last token's logits and add the tokens "
             "to cache.length.");
  BOOST_TEST(of_logits({6, 7}).starts_with("decoder 'shaped': step gave logits [6, 7]"));
}

BOOST_AUTO_TEST_CASE(a_cache_that_does_not_grow_by_the_tokens_is_refused_by_name) {
  for (const std::int64_t added : {0, 1, 4}) {
    const Shaped shaped;
    shaped->added = added;
    BOOST_TEST(vlp_test::contains(told(shaped), "left the cache at length " +
                                                    std::to_string(2 + added) +
                                                    " (ids [2, 3], expected [2, V] and 5)"));
  }
}

BOOST_AUTO_TEST_SUITE_END()
