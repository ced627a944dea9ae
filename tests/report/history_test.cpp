#include "vlp/report/history.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(history)

BOOST_AUTO_TEST_CASE(a_history_comes_back_as_it_was) {
  vlp::History history;
  history.records.push_back({.epoch = 2, .step = 25, .measured = {}});
  history.records.push_back({.epoch = 2,
                             .step = 30,
                             .measured = {.images = 8,
                                          .bad = 3,
                                          .loss = -std::numeric_limits<double>::infinity(),
                                          .losses = {{"lm", 1.0 / 3}},
                                          .scores = {{"Bleu_4", std::nan("")}, {"CIDEr", 0.1}},
                                          .rows = {}}});
  history.last_is_best();
  vlp::State state;
  vlp::State part = state.prefixed("history");
  history.save(part);
  vlp::History back;
  back.records.resize(5);
  back.load(state.prefixed("history"));
  BOOST_TEST(back.best_epoch == 2);
  BOOST_TEST(back.best_step == 30);
  BOOST_TEST(back.records.size() == 2U);
  BOOST_TEST((back.records[0].measured == history.records[0].measured));
  const vlp::Measured& measured = back.records[1].measured;
  BOOST_TEST(back.records[1].epoch == 2);
  BOOST_TEST(back.records[1].step == 30);
  BOOST_TEST(measured.images == 8);
  BOOST_TEST(measured.bad == 3);
  BOOST_TEST(std::isinf(measured.loss.value()));
  BOOST_TEST(measured.losses[0].second == 1.0 / 3);
  BOOST_TEST(std::isnan(measured.scores[0].second));
  BOOST_TEST(measured.scores[1].first == "CIDEr");
}

BOOST_AUTO_TEST_CASE(records_behind_the_best_are_counted_and_it_is_named_as_evaluations_go) {
  vlp::History history;
  for (const std::int64_t step : {4, 8, 12}) {
    history.records.push_back({.epoch = step > 10 ? 2 : 1, .step = step, .measured = {}});
    if (step == 4) history.last_is_best();
  }
  BOOST_TEST(history.records_since_best() == 2);
  BOOST_TEST(history.best_in_words() == "epoch 1");
  BOOST_TEST(history.in_words(2, 12) == "epoch 2");
  history.by_steps = true;
  BOOST_TEST(history.best_in_words() == "update 4, epoch 1");
  history.forget_best();
  BOOST_TEST(history.best_epoch == 0);
  BOOST_TEST(history.records_since_best() == 3);
}

BOOST_AUTO_TEST_CASE(a_state_of_before_evaluations_could_come_within_an_epoch_is_read) {
  vlp::State state;
  state.put("epochs", std::int64_t{2});
  for (const std::int64_t epoch : {1, 2}) {
    vlp::State record = state.prefixed("epoch." + std::to_string(epoch - 1));
    vlp::HistoryRecord{.epoch = epoch, .step = 15 * epoch, .measured = {}}.save(record);
  }
  state.put("best_epoch", std::int64_t{1});
  vlp::History history;
  history.load(state);
  BOOST_TEST(history.records.size() == 2U);
  BOOST_TEST(history.records[1].step == 30);
  BOOST_TEST(history.best_epoch == 1);
  BOOST_TEST(history.best_step == 15);
  BOOST_CHECK_THROW(history.load(vlp::State()), vlp::WeightsError);
}

BOOST_AUTO_TEST_SUITE_END()
