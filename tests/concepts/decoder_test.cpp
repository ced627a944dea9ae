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
  at::Tensor logits(const at::Tensor&) { return head; }
  vlp::DecodingCache make_cache(const at::Tensor&, std::int64_t, std::int64_t) { return made; }
  at::Tensor step(const at::Tensor&, vlp::DecodingCache& cache) {
    cache.length += added;
    return at::ones(of_logits);
  }
  std::vector<std::int64_t> of_states{2, 3, 4}, of_logits{2, 7};
  std::int64_t added = 3;
  at::Tensor head = at::ones({2, 3, 9});
  vlp::DecodingCache made;
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

/// What is said of logits of states [2, 3, 4].
std::string of_head(const at::Tensor& head) {
  const Shaped shaped;
  shaped->head = head;
  vlp::AnyDecoder decoder = shaped;
  return vlp_test::message_of<vlp::ShapeError>([&] { (void)decoder.logits(at::ones({2, 3, 4})); });
}

/// What is said of a cache for two images with three beams each.
std::string of_cache(const vlp::DecodingCache& cache) {
  const Shaped shaped;
  shaped->made = cache;
  vlp::AnyDecoder decoder = shaped;
  return vlp_test::message_of<vlp::ShapeError>(
      [&] { (void)decoder.make_cache(at::ones({2, 5, 4}), 3, 9); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(states_of_another_shape_are_refused_by_name) {
  BOOST_TEST(of_states({2, 3, 4}) == "");
  BOOST_TEST(of_states({2, 4}) ==
             "decoder 'shaped': states of another shape (got [2, 4], expected [2, 3, D]: texts, "
             "tokens, width). Return a tensor of that shape.");
  BOOST_TEST(of_states({3, 3, 4}).starts_with("decoder 'shaped': states of another shape"));
  BOOST_TEST(of_states({2, 2, 4}).starts_with("decoder 'shaped': states of another shape"));
}

BOOST_AUTO_TEST_CASE(a_steps_logits_of_another_shape_are_refused_by_name) {
  BOOST_TEST(of_logits({2, 3, 7}) ==
             "decoder 'shaped': the logits of a step of another shape (got [2, 3, 7], expected "
             "[2, V]: rows, vocabulary, of the last token alone). Return a tensor of that shape.");
  BOOST_TEST(of_logits({6, 7}).starts_with(
      "decoder 'shaped': the logits of a step of another shape (got [6, 7]"));
}

BOOST_AUTO_TEST_CASE(a_cache_that_does_not_grow_by_the_tokens_is_refused_by_name) {
  for (const std::int64_t added : {0, 1, 4}) {
    const Shaped shaped;
    shaped->added = added;
    BOOST_TEST(told(shaped) == "decoder 'shaped': step left the cache at another length (got " +
                                   std::to_string(2 + added) +
                                   ", expected 5 behind ids [2, 3]). Add the tokens to "
                                   "cache.length.");
  }
}

BOOST_AUTO_TEST_CASE(logits_that_do_not_belong_to_the_states_are_refused_by_name) {
  BOOST_TEST(of_head(at::ones({2, 3, 9})) == "");
  BOOST_TEST(of_head(at::ones({6, 9})) ==
             "decoder 'shaped': logits of another shape (got [6, 9], expected [2, 3, V]: as the "
             "states, vocabulary). Return a tensor of that shape.");
  BOOST_TEST(of_head(at::ones({2, 1, 9})).starts_with("decoder 'shaped': logits of another shape"));
  BOOST_TEST(of_head({}).starts_with(
      "decoder 'shaped': logits of another shape (got an undefined tensor, expected [2, 3, V]"));
  BOOST_TEST(of_head(at::ones({2, 3, 9}, at::kLong)) ==
             "decoder 'shaped': logits of another number format (got Long, expected a "
             "floating-point one). Return floating-point numbers.");
  BOOST_TEST(of_head(at::ones({2, 3, 9}, at::kMeta)) ==
             "decoder 'shaped': logits on another device (got meta, expected cpu, where its "
             "arguments are). Make tensors with the options of those given.");
}

BOOST_AUTO_TEST_CASE(a_cache_that_is_not_empty_or_of_other_beams_is_refused_by_name) {
  BOOST_TEST(of_cache({.beams = 3, .length = 0, .per_row = {}, .per_image = {}}) == "");
  BOOST_TEST(of_cache({.beams = 1, .length = 0, .per_row = {}, .per_image = {}}) ==
             "decoder 'shaped': make_cache gave another cache (got 1 beams at length 0, expected 3 "
             "at length 0). Return an empty one for as many beams as are asked for.");
  BOOST_TEST(vlp_test::contains(of_cache({.beams = 3, .length = 2, .per_row = {}, .per_image = {}}),
                                "(got 3 beams at length 2"));
}

BOOST_AUTO_TEST_CASE(a_caches_tensors_have_a_row_for_each_beam_or_image_or_are_refused_by_name) {
  const auto of_rows = [](const at::Tensor& kept) {
    return of_cache(
        {.beams = 3, .length = 0, .per_row = {at::ones({6, 0}), kept}, .per_image = {}});
  };
  const auto of_images = [](const at::Tensor& kept) {
    return of_cache({.beams = 3, .length = 0, .per_row = {}, .per_image = {at::ones({2}), kept}});
  };
  BOOST_TEST(of_rows(at::ones({6, 8}, at::kLong)) == "");
  BOOST_TEST(of_images(at::ones({2, 8, 1})) == "");
  BOOST_TEST(
      of_rows(at::ones({2, 8})) ==
      "decoder 'shaped': cache.per_row holds a tensor of another shape (got [2, 8], expected "
      "[6, ...]). Return tensors with a row for each beam of each image.");
  BOOST_TEST(of_images(at::ones({6, 8})) ==
             "decoder 'shaped': cache.per_image holds a tensor of another shape (got [6, 8], "
             "expected [2, ...]). Return tensors with a row for each image.");
  BOOST_TEST(vlp_test::contains(of_rows({}), "(got an undefined tensor, expected [6, ...])"));
  BOOST_TEST(vlp_test::contains(of_images(at::ones({})), "(got [], expected [2, ...])"));
  BOOST_TEST(of_images(at::ones({2, 8}, at::kMeta))
                 .starts_with("decoder 'shaped': cache.per_image on another device (got meta, "
                              "expected cpu"));
}

BOOST_AUTO_TEST_SUITE_END()
