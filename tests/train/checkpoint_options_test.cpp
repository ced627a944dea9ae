#include "vlp/train/checkpoint_options.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(checkpoint_options)

BOOST_AUTO_TEST_CASE(rhythms_are_epochs_steps_or_minutes) {
  using vlp::Rhythm;
  BOOST_TEST((vlp::rhythm_of("epoch") == Rhythm{Rhythm::Unit::epoch, 1}));
  BOOST_TEST((vlp::rhythm_of("500 steps") == Rhythm{Rhythm::Unit::step, 500}));
  BOOST_TEST((vlp::rhythm_of("1 step") == Rhythm{Rhythm::Unit::step, 1}));
  BOOST_TEST((vlp::rhythm_of("10 minutes") == Rhythm{Rhythm::Unit::minute, 10}));
  for (const char* text : {"", "epochs", "0 steps", "steps", "5", "5steps", "-5 steps",
                           "1.5 minutes", "9999999999 steps", "5 steps "})
    BOOST_TEST(!vlp::rhythm_of(text), text);
}

BOOST_AUTO_TEST_CASE(times_are_days_hours_minutes_and_seconds_in_this_order) {
  const auto seconds = [](std::string_view text) -> std::int64_t {
    const auto duration = vlp::duration_of(text);
    return duration ? duration->count() : -1;
  };
  BOOST_TEST(seconds("3h50m") == 13800);
  BOOST_TEST(seconds("1d2h3m4s") == 93784);
  BOOST_TEST(seconds("90s") == 90);
  BOOST_TEST(seconds("0s") == 0);
  for (const char* text : {"", "3", "h", "3h50", "50m3h", "1h1h", "3 h", "1.5h", "-1h", "3w"})
    BOOST_TEST(seconds(text) == -1, text);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_told_with_what_is_expected) {
  BOOST_TEST(vlp::CheckpointOptions{}.problem() == "");
  BOOST_TEST((vlp::CheckpointOptions{.every = "day", .keep = 2}.problem()) ==
             "every is \"day\", expected \"epoch\", \"N steps\" or \"N minutes\"");
}

BOOST_AUTO_TEST_SUITE_END()
