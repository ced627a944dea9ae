#include "vlp/concepts/batch.hpp"

#include <set>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(batch)

BOOST_AUTO_TEST_CASE(each_tensor_of_a_batch_is_visited_once) {
  const auto texts = [] {
    return vlp::Texts{at::ones({1}), at::ones({1}), at::ones({1}), at::ones({1}), at::ones({1})};
  };
  vlp::Batch batch{.pixels = at::ones({1}),
                   .texts = texts(),
                   .extra_captions = {texts(), texts()},
                   .image_index = at::ones({1}),
                   .image_ids = {}};
  std::set<const void*> seen;
  int visits = 0;
  for_each_tensor(batch, [&](at::Tensor& tensor) {
    ++visits;
    seen.insert(tensor.unsafeGetTensorImpl());
    tensor = tensor + 1;
  });
  BOOST_TEST(visits == 17);
  BOOST_TEST(seen.size() == 17U);
  for_each_tensor(batch, [](at::Tensor& tensor) { BOOST_TEST(tensor.item<float>() == 2.0F); });
  // One tensor more in Texts or Batch must be visited, too: these lists are all of them.
  [[maybe_unused]] const auto& [ids, mask, index, targets, rows] = batch.texts;
  [[maybe_unused]] const auto& [pixels, own, extra, numbers, names] = batch;
}

BOOST_AUTO_TEST_SUITE_END()
