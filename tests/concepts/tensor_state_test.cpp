#include "vlp/concepts/tensor_state.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"
#include "vlp/weights/state_file.hpp"

#include <ATen/ATen.h>

BOOST_AUTO_TEST_SUITE(tensor_state)

using namespace vlp;
using vlp_test::contains;
using vlp_test::message_of;

BOOST_FIXTURE_TEST_CASE(every_dtype_and_shape_comes_back_exactly, ScratchFolder) {
  State state;
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto& [name, dtype] : vlp::detail::kDtypes) {
    BOOST_TEST(dtype_name(dtype) == name);
    BOOST_TEST((dtype_of(name) == dtype));
    for (const std::vector<std::int64_t>& shape :
         {std::vector<std::int64_t>{}, {3}, {2, 0}, {2, 3, 1}})
      tensors.emplace_back(
          std::string(name) + std::to_string(shape.size()),
          at::arange(6).slice(0, 0, c10::multiply_integers(shape)).reshape(shape).to(dtype));
  }
  for (const auto& [name, tensor] : tensors) put_tensor(state, name, tensor);
  save_state(state, path / "s");
  const State back = load_state(path / "s");
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor read = get_tensor(back, name);
    BOOST_TEST((read.scalar_type() == tensor.scalar_type()), name);
    BOOST_TEST(read.equal(tensor), name);
  }
}

BOOST_AUTO_TEST_CASE(a_snapshot_does_not_follow_the_tensor) {
  State state;
  at::Tensor w = at::ones({3}).set_requires_grad(true);
  put_tensor(state, "w", w);
  w.detach().fill_(7);
  const at::Tensor saved = get_tensor(state, "w");
  BOOST_TEST(saved.equal(at::ones({3})));
  BOOST_TEST(!saved.requires_grad());
  saved.fill_(5);  // nor does the state follow what it gave
  BOOST_TEST(get_tensor(state, "w").equal(at::ones({3})));
}

BOOST_AUTO_TEST_CASE(views_are_saved_in_row_order) {
  State state;
  const at::Tensor table = at::arange(12, at::kFloat).reshape({3, 4});
  put_tensor(state, "transposed", table.t());
  put_tensor(state, "expanded", at::ones({1}).expand({5}));
  put_tensor(state, "strided", table.slice(1, 0, 4, 2));
  BOOST_TEST(get_tensor(state, "transposed").equal(table.t()));
  BOOST_TEST(get_tensor(state, "expanded").equal(at::ones({5})));
  BOOST_TEST(get_tensor(state, "strided").equal(table.slice(1, 0, 4, 2)));
  BOOST_TEST(state.tensor("transposed").bytes.size() == 48u);
}

BOOST_AUTO_TEST_CASE(bytes_share_memory_where_they_can) {
  const at::Tensor w = at::ones({3});
  BOOST_TEST((tensor_bytes(w).bytes.data() == static_cast<const std::byte*>(w.const_data_ptr())));
  BOOST_TEST((tensor_view(tensor_bytes(w)).const_data_ptr() == w.const_data_ptr()));
}

BOOST_AUTO_TEST_CASE(unaligned_bytes_are_read_correctly) {
  const at::Tensor w = at::arange(5, at::kDouble);
  const auto shifted = std::make_shared<std::vector<std::byte>>(w.nbytes() + 1);
  std::memcpy(shifted->data() + 1, w.const_data_ptr(), w.nbytes());
  const TensorBytes odd{"F64", {5}, std::span(*shifted).subspan(1), shifted};
  BOOST_TEST(tensor_view(odd).equal(w));
}

BOOST_AUTO_TEST_CASE(host_copies_are_row_major_and_do_not_follow_the_tensor) {
  HostCopies copies;
  std::vector<std::pair<at::Tensor, at::Tensor>> pairs;  // what was, and its copy
  const auto copy = [&](const at::Tensor& tensor) {
    pairs.emplace_back(tensor.clone(), copies.begin(tensor));
    if (tensor.is_contiguous()) at::Tensor(tensor).zero_();
  };
  for (const auto& [name, dtype] : vlp::detail::kDtypes)
    for (const std::vector<std::int64_t>& shape :
         {std::vector<std::int64_t>{}, {3}, {2, 0}, {2, 3, 1}})
      copy(at::arange(1, 7).slice(0, 0, c10::multiply_integers(shape)).reshape(shape).to(dtype));
  const at::Tensor table = at::arange(12, at::kFloat).reshape({3, 4});
  copy(table.t());
  copy(at::ones({1}).expand({5}));
  copy(at::arange((1 << 20) + 3).to(at::kChar));  // more than a block
  copy(at::zeros({0}));
  copy(at::arange(700'000, at::kDouble));
  copy(at::arange(5));
  copies.wait();
  for (const auto& [was, copied] : pairs) {
    BOOST_TEST((copied.scalar_type() == was.scalar_type()));
    BOOST_TEST(copied.equal(was));
    BOOST_TEST(copied.is_contiguous());
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(copied.const_data_ptr()) % was.element_size() ==
               0U);
  }
}

BOOST_AUTO_TEST_CASE(load_copies_into_the_same_memory) {
  State state;
  put_tensor(state, "w", at::full({2, 2}, 3.0f));
  at::Tensor into = at::zeros({2, 2}).set_requires_grad(true);
  const void* memory = into.const_data_ptr();
  load_tensor(state, "w", into);
  BOOST_TEST((into.const_data_ptr() == memory));
  BOOST_TEST(into.detach().equal(at::full({2, 2}, 3.0f)));
  BOOST_TEST((into.is_leaf() && into.requires_grad()));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_named) {
  State state;
  State part = state.prefixed("m");
  put_tensor(part, "w", at::zeros({2}));
  at::Tensor longer = at::zeros({3}), whole = at::zeros({2}, at::kLong);
  BOOST_TEST(contains(message_of<WeightsError>([&] { load_tensor(state, "m.w", longer); }),
                      "entry 'm.w' doesn't fit (got F32 [2], expected F32 [3])"));
  BOOST_TEST(contains(message_of<WeightsError>([&] { load_tensor(state, "m.w", whole); }),
                      "(got F32 [2], expected I64 [2])"));
  BOOST_TEST(contains(message_of<WeightsError>([&] { load_tensor(state, "none", whole); }),
                      "'none' is missing"));
  BOOST_TEST(contains(message_of<WeightsError>([&] { put_tensor(state, "u", at::Tensor()); }),
                      "tensor 'u' is undefined"));
  BOOST_TEST(contains(
      message_of<WeightsError>([&] { put_tensor(state, "c", at::zeros({1}, at::kComplexFloat)); }),
      "ComplexFloat can't be saved"));
  BOOST_TEST(
      contains(message_of<WeightsError>([&] { (void)dtype_of("F8"); }), "dtype 'F8' is unknown"));
  TensorBytes wrong = state.tensor("m.w");
  wrong.shape = {3};
  BOOST_TEST(contains(message_of<WeightsError>([&] { (void)tensor_view(wrong); }),
                      "tensor of 8 bytes can't have shape [3] and dtype F32"));
}

BOOST_AUTO_TEST_SUITE_END()
