#include "vlp/concepts/peers.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/peer_threads.hpp"

BOOST_AUTO_TEST_SUITE(peers)

namespace {

using Bytes = std::vector<std::byte>;
using All = std::vector<Bytes>;

Bytes bytes(const std::string& text) {
  Bytes result;
  for (const char letter : text) result.push_back(static_cast<std::byte>(letter));
  return result;
}

/// A group of two whose other member always brings the same.
class TwoPeers final : public vlp::PeerGroup {
 public:
  TwoPeers(std::int64_t rank, at::Tensor others, Bytes bytes_of_other)
      : rank_(rank), others_(std::move(others)), bytes_of_other_(std::move(bytes_of_other)) {}

  [[nodiscard]] std::int64_t rank() const override { return rank_; }
  [[nodiscard]] std::int64_t size() const override { return 2; }
  void sum(at::Tensor& tensor) override { tensor += others_; }
  void max(at::Tensor& tensor) override { tensor = at::maximum(tensor, others_); }
  void gather(const at::Tensor& own, at::Tensor& all) override {
    all = rank_ == 0 ? at::cat({own, others_}) : at::cat({others_, own});
  }
  [[nodiscard]] All gather(const Bytes& own) override {
    return rank_ == 0 ? All{own, bytes_of_other_} : All{bytes_of_other_, own};
  }
  void broadcast(at::Tensor& tensor) override {
    if (rank_ != 0) tensor.copy_(others_);
  }
  void barrier() override { ++barriers; }

  int barriers = 0;

 private:
  std::int64_t rank_;
  at::Tensor others_;
  Bytes bytes_of_other_;
};

at::Tensor others() { return at::tensor({10.0, -20.0}); }
at::Tensor own() { return at::tensor({1.0, 2.0}); }

struct Pair {
  std::shared_ptr<TwoPeers> first = std::make_shared<TwoPeers>(0, others(), bytes("other")),
                            second = std::make_shared<TwoPeers>(1, others(), bytes("other"));
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_group_of_one_gives_back_what_it_got) {
  const vlp::Peers alone;
  BOOST_TEST(alone.rank() == 0);
  BOOST_TEST(alone.size() == 1);
  BOOST_TEST(alone.first());
  at::Tensor tensor = own();
  const void* memory = tensor.const_data_ptr();
  alone.sum(tensor);
  alone.max(tensor);
  alone.broadcast(tensor);
  alone.barrier();
  BOOST_TEST(tensor.equal(own()));
  BOOST_TEST((tensor.const_data_ptr() == memory));
  BOOST_TEST((alone.gather(tensor).const_data_ptr() == memory));
  BOOST_TEST((alone.gather(bytes("mine")) == All{bytes("mine")}));
  BOOST_TEST((alone.gather(Bytes{}) == All{Bytes{}}));
}

BOOST_AUTO_TEST_CASE(one_of_two_is_first_and_both_know_their_place) {
  const Pair pair;
  const vlp::Peers first(pair.first), second(pair.second);
  BOOST_TEST(first.first());
  BOOST_TEST(!second.first());
  BOOST_TEST(second.rank() == 1);
  BOOST_TEST(first.size() == 2);
}

BOOST_AUTO_TEST_CASE(sums_and_maxima_are_over_both) {
  const Pair pair;
  for (const auto& group : {pair.first, pair.second}) {
    const vlp::Peers peers(group);
    at::Tensor sum = own(), max = own();
    peers.sum(sum);
    peers.max(max);
    BOOST_TEST(sum.equal(at::tensor({11.0, -18.0})));
    BOOST_TEST(max.equal(at::tensor({10.0, 2.0})));
  }
}

BOOST_AUTO_TEST_CASE(what_is_gathered_stands_by_rank) {
  const Pair pair;
  const vlp::Peers first(pair.first), second(pair.second);
  BOOST_TEST(first.gather(own()).equal(at::tensor({1.0, 2.0, 10.0, -20.0})));
  BOOST_TEST(second.gather(own()).equal(at::tensor({10.0, -20.0, 1.0, 2.0})));
  BOOST_TEST((first.gather(bytes("me")) == All{bytes("me"), bytes("other")}));
  BOOST_TEST((second.gather(bytes("me")) == All{bytes("other"), bytes("me")}));
}

BOOST_AUTO_TEST_CASE(a_broadcast_gives_all_what_the_first_has) {
  const Pair pair;
  at::Tensor of_first = own(), of_second = own();
  vlp::Peers(pair.first).broadcast(of_first);
  vlp::Peers(pair.second).broadcast(of_second);
  BOOST_TEST(of_first.equal(own()));
  BOOST_TEST(of_second.equal(others()));
}

BOOST_AUTO_TEST_CASE(things_are_done_in_turn_each_by_one) {
  const Pair pair;
  const vlp::Peers alone, first(pair.first), second(pair.second);
  for (std::int64_t n = 0; n < 5; ++n) {
    BOOST_TEST(alone.takes(n));
    BOOST_TEST(first.takes(n) == (n % 2 == 0));
    BOOST_TEST(second.takes(n) == (n % 2 == 1));
  }
}

BOOST_AUTO_TEST_CASE(work_done_together_gives_the_bytes_of_all) {
  std::vector<All> found(3);
  vlp_test::run_together(3, [&](const vlp::Peers& peers) {
    found[static_cast<std::size_t>(peers.rank())] = vlp::together(
        peers, [&] { return peers.first() ? Bytes{} : bytes(std::to_string(peers.rank())); });
  });
  for (const All& all : found) BOOST_TEST((all == All{{}, bytes("1"), bytes("2")}));
  BOOST_TEST((vlp::together({}, [] { return bytes("alone"); }) == All{bytes("alone")}));
  BOOST_TEST((vlp::together({}, [] {}) == All{Bytes{}}));
}

BOOST_AUTO_TEST_CASE(what_fails_in_one_process_fails_in_all_with_its_words_and_its_code) {
  std::vector<std::string> told(3);
  std::vector<vlp::ExitCode> codes(3, vlp::ExitCode::ok);
  const auto fails = [&](const auto& work) {
    vlp_test::run_together(3, [&](const vlp::Peers& peers) {
      const auto rank = static_cast<std::size_t>(peers.rank());
      try {
        work(peers);
      } catch (const vlp::Error& error) {
        told[rank] = error.what();
        codes[rank] = error.code();
      } catch (const std::exception& error) {
        told[rank] = error.what();
      }
    });
  };
  fails([](const vlp::Peers& peers) {
    vlp::together(peers, [&] {
      if (peers.rank() == 1) throw vlp::DataError("image 'x': broken");
    });
  });
  BOOST_TEST(told[1] == "image 'x': broken");
  for (const std::size_t other : {0U, 2U})
    BOOST_TEST(told[other] == "process 1 (of 0 to 2): image 'x': broken");
  for (const vlp::ExitCode code : codes) BOOST_TEST((code == vlp::ExitCode::data));

  fails([](const vlp::Peers& peers) {
    vlp::together(peers, [&] {
      if (peers.rank() > 0) throw std::runtime_error("of " + std::to_string(peers.rank()));
    });
  });
  BOOST_TEST(told[0] == "process 1 (of 0 to 2): of 1", "the first that failed");
  BOOST_TEST((codes[0] == vlp::ExitCode::unexpected));
  BOOST_TEST(told[1] == "of 1");
  BOOST_TEST(told[2] == "of 2");
}

BOOST_AUTO_TEST_CASE(what_fails_alone_ends_the_next_work_that_the_others_do_together) {
  std::vector<std::string> told(2);
  vlp_test::run_together(2, [&](const vlp::Peers& peers) {
    try {
      const int seven = vlp::alone(peers, [&] {
        if (peers.first()) throw vlp::WeightsError("disk: full");
        return 7;
      });
      vlp::together(peers, [&] { told[1] = std::to_string(seven) + ", "; });
    } catch (const vlp::Error& error) {
      told[static_cast<std::size_t>(peers.rank())] += error.what();
    }
  });
  BOOST_TEST(told[0] == "disk: full");
  BOOST_TEST(told[1] == "7, process 0 (of 0 to 1): disk: full");
  BOOST_CHECK_THROW(vlp::alone({}, [] { throw vlp::DataError("x"); }), vlp::DataError);
}

BOOST_AUTO_TEST_CASE(copies_share_their_group) {
  const Pair pair;
  const vlp::Peers one(pair.first), two = one;
  one.barrier();
  two.barrier();
  BOOST_TEST(pair.first->barriers == 2);
}

BOOST_AUTO_TEST_SUITE_END()
