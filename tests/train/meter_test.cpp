#include "vlp/train/meter.hpp"

#include <cmath>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(meter)

BOOST_AUTO_TEST_CASE(all_numbers_of_a_line_are_means_over_the_same_updates) {
  vlp::StepMeters meters;
  meters.add({.loss = at::scalar_tensor(4.0),
              .parts = {{"itc", at::scalar_tensor(3.0)}, {"lm", at::scalar_tensor(1.0)}},
              .grad_norm = at::scalar_tensor(8.0)});
  meters.add({.loss = at::scalar_tensor(2.0),
              .parts = {{"itc", at::scalar_tensor(1.0)}, {"itm", at::scalar_tensor(5.0)}},
              .grad_norm = at::scalar_tensor(4.0)});
  vlp::LogLine line;
  meters.read(line);
  BOOST_TEST(line.loss == 3.0);
  BOOST_TEST(line.grad_norm == 6.0);
  BOOST_TEST((line.losses == vlp::Scores{{"itc", 2.0}, {"lm", 1.0}, {"itm", 5.0}}));
}

BOOST_AUTO_TEST_CASE(meters_go_on_from_their_state) {
  const vlp::StepRecord first{.loss = at::scalar_tensor(0.1F),
                              .parts = {{"itm", at::scalar_tensor(0.3F)}},
                              .grad_norm = at::scalar_tensor(0.7F)},
      second{.loss = at::scalar_tensor(0.2F),
             .parts = {{"itc", at::scalar_tensor(2.0F)}, {"itm", at::scalar_tensor(0.9F)}},
             .grad_norm = at::scalar_tensor(1.1F)};
  vlp::StepMeters whole, begun, later;
  whole.add(first);
  begun.add(first);
  vlp::State state;
  begun.save(state);
  later.load(state, at::kCPU);
  whole.add(second);
  later.add(second);
  vlp::LogLine expected, found;
  whole.read(expected);
  later.read(found);
  BOOST_TEST(found.loss == expected.loss);
  BOOST_TEST(found.grad_norm == expected.grad_norm);
  BOOST_TEST((found.losses == expected.losses));

  vlp::State nothing;
  vlp::StepMeters().save(nothing);
  later.load(nothing, at::kCPU);
  found = {};
  later.read(found);
  BOOST_TEST(std::isnan(found.loss));
  BOOST_TEST(found.losses.empty());
}

BOOST_AUTO_TEST_CASE(a_meter_keeps_no_graph_and_no_value_is_nan) {
  vlp::Meter meter;
  BOOST_TEST(std::isnan(meter.mean()));
  const at::Tensor x = at::ones({}).set_requires_grad(true);
  meter.add(x * 2);
  meter.add(x * 4);
  BOOST_TEST(meter.mean() == 3.0);
}

BOOST_AUTO_TEST_SUITE_END()
