#include "vlp/data/collate.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "tests/support/words.hpp"

BOOST_AUTO_TEST_SUITE(collate)

using vlp::AnyTokenizer;
using vlp::Texts;
using vlp::test::Words;

namespace {

/// Tokenizes `prompt caption` for each text and collates.
/// @param tokenizer  cuts at its own max_length
/// @param prompt     put before each text with a blank between; empty = none
/// @param texts      one a row
vlp::Texts collate_texts(const AnyTokenizer& tokenizer, std::string_view prompt,
                         std::span<const std::string> texts) {
  std::vector<std::vector<std::int64_t>> rows;
  rows.reserve(texts.size());
  for (const std::string& text : texts)
    rows.push_back(tokenizer.encode(vlp::with_prompt(prompt, text)));
  return vlp::collate_ids(rows, tokenizer.special().pad, vlp::prompt_length(tokenizer, prompt));
}

at::Tensor ids(std::vector<std::int64_t> values) { return at::tensor(values, at::kLong); }
bool same(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && at::equal(a, b);
}

const std::vector<std::string> kTexts{"w0 w1 w2", "w3"};

}  // namespace

BOOST_AUTO_TEST_CASE(rows_are_padded_on_the_right_and_masked) {
  const Texts text = collate_texts(AnyTokenizer(Words{}), "", kTexts);
  BOOST_TEST(same(text.token_ids, ids({1, 10, 11, 12, 2, 1, 13, 2, 0, 0}).view({2, 5})));
  BOOST_TEST(same(text.token_mask, ids({1, 1, 1, 1, 1, 1, 1, 1, 0, 0}).view({2, 5}).to(at::kBool)));
}

BOOST_AUTO_TEST_CASE(without_a_prompt_every_token_after_cls_is_a_target) {
  const Texts text = collate_texts(AnyTokenizer(Words{}), "", kTexts);
  BOOST_TEST(same(text.target_index, ids({0, 1, 2, 3, 5, 6})));
  BOOST_TEST(same(text.targets, ids({10, 11, 12, 2, 13, 2})));
}

BOOST_AUTO_TEST_CASE(the_prompt_is_in_the_text_and_not_among_the_targets) {
  const Texts text = collate_texts(AnyTokenizer(Words{}), "w7 w8", kTexts);
  BOOST_TEST(
      same(text.token_ids, ids({1, 17, 18, 10, 11, 12, 2, 1, 17, 18, 13, 2, 0, 0}).view({2, 7})));
  BOOST_TEST(same(text.target_index, ids({2, 3, 4, 5, 9, 10})));
  BOOST_TEST(same(text.targets, ids({10, 11, 12, 2, 13, 2})));
}

BOOST_AUTO_TEST_CASE(each_target_is_the_token_after_its_position) {
  const Texts text = collate_texts(AnyTokenizer(Words{}), "w7", kTexts);
  BOOST_TEST(same(text.token_ids.flatten().index_select(0, text.target_index + 1), text.targets));
  BOOST_TEST(text.token_mask.flatten().index_select(0, text.target_index + 1).all().item<bool>());
}

BOOST_AUTO_TEST_CASE(a_text_cut_within_the_prompt_has_no_targets_but_sep) {
  const Texts cut = collate_texts(AnyTokenizer(Words{.max_length = 4}), "w7 w8 w9", kTexts);
  BOOST_TEST(same(cut.token_ids, ids({1, 17, 18, 2, 1, 17, 18, 2}).view({2, 4})));
  BOOST_TEST(same(cut.target_index, ids({2, 6})));
  BOOST_TEST(same(cut.targets, ids({2, 2})));
}

BOOST_AUTO_TEST_CASE(no_texts_give_empty_tensors) {
  const Texts text = collate_texts(AnyTokenizer(Words{}), "", {});
  BOOST_TEST(text.token_ids.sizes() == (at::IntArrayRef{0, 0}));
  BOOST_TEST(text.targets.numel() == 0);
  BOOST_TEST((text.targets.scalar_type() == at::kLong));
}

BOOST_AUTO_TEST_CASE(prompt_ids_have_no_special_tokens) {
  BOOST_TEST(vlp::prompt_ids(AnyTokenizer(Words{}), "w7 w8") == (std::vector<std::int64_t>{17, 18}),
             boost::test_tools::per_element());
  BOOST_TEST(vlp::prompt_ids(AnyTokenizer(Words{}), "").empty());
  BOOST_TEST(vlp::prompt_length(AnyTokenizer(Words{}), "w7 w8") == 3);
  BOOST_TEST(vlp::prompt_length(AnyTokenizer(Words{}), "") == 1);
}

BOOST_AUTO_TEST_CASE(each_row_may_have_a_prompt_of_another_length) {
  const std::vector<std::vector<std::int64_t>> rows{{1, 17, 18, 10, 2}, {1, 11, 2}, {1, 17, 2}};
  const Texts text = vlp::collate_ids(rows, 0, std::vector<std::int64_t>{3, 0, 2});
  BOOST_TEST(same(text.target_index, ids({2, 3, 5, 6, 11})));
  BOOST_TEST(same(text.targets, ids({10, 2, 11, 2, 2})));
}

BOOST_AUTO_TEST_SUITE_END()
