#include "vlp/report/history.hpp"

#include <cmath>
#include <limits>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(history)

BOOST_AUTO_TEST_CASE(a_history_comes_back_as_it_was) {
  vlp::History history;
  history.epochs.push_back({.epoch = 1, .step = 15, .measured = {}});
  history.epochs.push_back({.epoch = 2,
                            .step = 30,
                            .measured = {.images = 8,
                                         .bad = 3,
                                         .loss = -std::numeric_limits<double>::infinity(),
                                         .losses = {{"lm", 1.0 / 3}},
                                         .scores = {{"Bleu_4", std::nan("")}, {"CIDEr", 0.1}},
                                         .rows = {}}});
  history.best_epoch = 2;
  vlp::State state;
  vlp::State part = state.prefixed("history");
  history.save(part);
  vlp::History back;
  back.epochs.resize(5);
  back.load(state.prefixed("history"));
  BOOST_TEST(back.best_epoch == 2);
  BOOST_TEST(back.epochs.size() == 2U);
  BOOST_TEST((back.epochs[0].measured == history.epochs[0].measured));
  const vlp::Measured& measured = back.epochs[1].measured;
  BOOST_TEST(back.epochs[1].step == 30);
  BOOST_TEST(measured.images == 8);
  BOOST_TEST(measured.bad == 3);
  BOOST_TEST(std::isinf(measured.loss.value()));
  BOOST_TEST(measured.losses[0].second == 1.0 / 3);
  BOOST_TEST(std::isnan(measured.scores[0].second));
  BOOST_TEST(measured.scores[1].first == "CIDEr");
}

BOOST_AUTO_TEST_SUITE_END()
