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

BOOST_AUTO_TEST_CASE(a_meter_keeps_no_graph_and_no_value_is_nan) {
  vlp::Meter meter;
  BOOST_TEST(std::isnan(meter.mean()));
  const at::Tensor x = at::ones({}).set_requires_grad(true);
  meter.add(x * 2);
  meter.add(x * 4);
  BOOST_TEST(meter.mean() == 3.0);
}

BOOST_AUTO_TEST_SUITE_END()
