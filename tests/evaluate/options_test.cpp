#include "vlp/evaluate/options.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(evaluate_options)

BOOST_AUTO_TEST_CASE(evaluations_come_by_epochs_by_updates_or_never) {
  using vlp::Rhythm;
  vlp::EvaluateOptions options;
  BOOST_TEST((options.rhythm() == Rhythm{Rhythm::Unit::epoch, 1}));
  BOOST_TEST(!options.by_steps());
  options.every = "500 steps";
  BOOST_TEST((options.rhythm() == Rhythm{Rhythm::Unit::step, 500}));
  BOOST_TEST(options.by_steps());
  options.every = "never";
  BOOST_TEST(!options.rhythm().has_value());
  BOOST_TEST(!options.by_steps());
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_told_with_what_is_expected) {
  vlp::EvaluateOptions options;
  for (const char* every : {"epoch", "1 step", "500 steps", "never"}) {
    options.every = every;
    BOOST_TEST(options.problem() == "", every);
  }
  options.every = "0 steps";
  BOOST_TEST(options.problem() ==
             "every is \"0 steps\", expected \"epoch\", \"N steps\" or \"never\"");
  options.every = "10 minutes";
  BOOST_TEST(options.problem() ==
             "every is \"10 minutes\"; evaluations choose the best weights, and which ones must "
             "not depend on the clock (expected \"epoch\", \"N steps\" or \"never\")");
  options.patience = 2;
  options.every = "500 steps";
  BOOST_TEST(options.problem() == "");
  options.every = "never";
  BOOST_TEST(options.problem() ==
             "patience is 2 and every is \"never\"; without evaluations nothing becomes better "
             "(expected patience = 0, every = \"epoch\" or every = \"N steps\")");
}

BOOST_AUTO_TEST_SUITE_END()
