#include "vlp/evaluate/in_turn.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/peer_threads.hpp"

namespace {

/// Block b has b % 3 rows (0, 1, 2, 0, ...) of number b.
at::Tensor block_of_rows(std::int64_t b, at::ScalarType type) {
  return at::full({b % 3, 2}, b, at::TensorOptions().dtype(type));
}

vlp::Columns own_blocks(const vlp::Peers& peers, std::int64_t count) {
  vlp::Columns own(2);
  for (std::int64_t b = 0; b < count; ++b)
    if (peers.takes(b)) {
      own[0].push_back(block_of_rows(b, at::kFloat));
      own[1].push_back(block_of_rows(b, at::kLong).select(1, 0));
    }
  return own;
}

std::vector<at::Tensor> rows_found(const vlp::Peers& peers, std::int64_t blocks) {
  return vlp::in_turn(peers, 2, at::kCPU, [&] { return own_blocks(peers, blocks); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(in_turn)

BOOST_AUTO_TEST_CASE(rows_stand_in_the_order_of_blocks_however_many_processes_make_them) {
  for (const std::int64_t blocks : {1, 2, 5, 8})
    for (const std::size_t size : {1U, 2U, 3U, 7U}) {
      std::vector<std::vector<at::Tensor>> all(size);
      vlp_test::run_together(size, [&](const vlp::Peers& peers) {
        all[static_cast<std::size_t>(peers.rank())] = rows_found(peers, blocks);
      });
      const std::vector<at::Tensor> expected = rows_found({}, blocks);
      for (const auto& columns : all)
        for (std::size_t column = 0; column < 2; ++column) {
          BOOST_TEST(columns.at(column).equal(expected[column]));
          BOOST_TEST((columns[column].scalar_type() == expected[column].scalar_type()));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_process_alone_gives_its_blocks_one_behind_the_other) {
  const std::vector<at::Tensor> columns = rows_found({}, 5);
  BOOST_TEST(columns.at(1).equal(at::tensor({1, 2, 2, 4}, at::kLong)));
}

BOOST_AUTO_TEST_CASE(without_blocks_there_is_nothing) {
  for (const std::size_t size : {1U, 2U}) {
    std::vector<std::vector<at::Tensor>> all(size);
    vlp_test::run_together(size, [&](const vlp::Peers& peers) {
      all[static_cast<std::size_t>(peers.rank())] = rows_found(peers, 0);
    });
    for (const auto& columns : all) {
      BOOST_TEST_REQUIRE(columns.size() == 2U);
      for (const at::Tensor& column : columns) BOOST_TEST(!column.defined());
    }
  }
}

BOOST_AUTO_TEST_CASE(rows_of_different_sizes_are_refused_by_all) {
  std::vector<std::string> told(2);
  vlp_test::run_together(2, [&](const vlp::Peers& peers) {
    try {
      (void)vlp::in_turn(peers, 1, at::kCPU,
                         [&] { return vlp::Columns{{at::zeros({2, 3 + peers.rank()})}}; });
    } catch (const vlp::ShapeError& error) {
      told[static_cast<std::size_t>(peers.rank())] = error.what();
    }
  });
  for (const std::string& message : told)
    BOOST_TEST(message.starts_with("evaluation: processes have rows of different sizes or types."));
}

BOOST_AUTO_TEST_SUITE_END()
