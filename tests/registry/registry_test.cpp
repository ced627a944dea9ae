#include "vlp/registry/registry.hpp"

#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "vlp/concepts/metric.hpp"
#include "vlp/concepts/schedule.hpp"

BOOST_AUTO_TEST_SUITE(registry)

namespace {

struct Level {
  static constexpr std::string_view name = "level";
  struct Options {
    double value = 1;
    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::value>("The factor.", vlp::at_least(0))};
    }
  };
  explicit Level(const Options& options) : value(options.value) {}
  double operator()(const vlp::SchedulePosition&) const { return value; }
  double value;
};

struct AnotherLevel {
  static constexpr std::string_view name = "level";
  double operator()(const vlp::SchedulePosition&) const { return 0; }
};

struct Ramp {
  static constexpr std::string_view name = "a_ramp";
  double operator()(const vlp::SchedulePosition& position) const {
    return static_cast<double>(position.step);
  }
};

struct Words {
  static constexpr std::string_view name = "level";  // of another kind: no clash
  static std::vector<vlp::ScoreName> score_names(const vlp::NoOptions&) { return {}; }
  [[nodiscard]] vlp::ImageStatistics measure(const vlp::CaptionSet&) const { return {}; }
  [[nodiscard]] vlp::Scores scores(std::span<const double>) const { return {}; }
};

/// Options that recipes could not set.
struct Misnamed {
  static constexpr std::string_view name = "misnamed";
  struct Options {
    double share = 2;
    std::string use;
    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::share>("Share.", vlp::between(0, 1)),
                        vlp::field<&Options::use>("No.")};
    }
  };
  explicit Misnamed(const Options&) {}
  double operator()(const vlp::SchedulePosition&) const { return 1; }
};

/// A schedule whose constructor throws what vlp knows or what it doesn't.
struct Faulty {
  static constexpr std::string_view name = "faulty";
  struct Options {
    bool known = false;
    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::known>("Throws an error of vlp.")};
    }
  };
  explicit Faulty(const Options& options) {
    if (options.known) throw vlp::DataError("a.csv:3: bad row.");
    throw std::runtime_error("bad row");
  }
  double operator()(const vlp::SchedulePosition&) const { return 1; }
};

/// Builds `Faulty` by its name.
void build_faulty(bool known) {
  vlp::Registry registry;
  registry.add<vlp::AnySchedule, Faulty>("1", "x");
  vlp::Diagnostics problems;
  vlp::ReadContext ctx{problems, &registry};
  vlp::Table options;
  options.set("known", vlp::Value(known));
  registry.find<vlp::AnySchedule>("faulty")->prepare(options, {}, "", {}, ctx)->build({});
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_was_added_is_found_by_kind_and_name) {
  vlp::Registry registry;
  registry.add<vlp::AnySchedule, Level>("1.2", "level.hpp");
  const auto* factory = registry.find<vlp::AnySchedule>("level");
  BOOST_TEST_REQUIRE(factory);
  BOOST_TEST(factory->info->kind == "schedule");
  BOOST_TEST(factory->info->name == "level");
  BOOST_TEST(factory->info->version == "1.2");
  BOOST_TEST(factory->info->origin == "level.hpp");
  BOOST_TEST(!registry.find<vlp::AnySchedule>("leve"));
  BOOST_TEST(!registry.find<vlp::AnyMetric>("level"));
}

BOOST_AUTO_TEST_CASE(names_are_sorted_and_kept_apart_by_kind) {
  vlp::Registry registry;
  registry.add<vlp::AnySchedule, Level>("1", "x");
  registry.add<vlp::AnySchedule, Ramp>("1", "x");
  registry.add<vlp::AnyMetric, Words>("1", "x");
  BOOST_TEST(registry.names("schedule") == (std::vector<std::string>{"a_ramp", "level"}),
             boost::test_tools::per_element());
  BOOST_TEST(registry.names("metric") == (std::vector<std::string>{"level"}),
             boost::test_tools::per_element());
  BOOST_TEST(registry.names("loss").empty());
  std::vector<std::string> all;
  for (const auto& info : registry.components()) all.push_back(info->kind + " " + info->name);
  BOOST_TEST(all == (std::vector<std::string>{"metric level", "schedule a_ramp", "schedule level"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_second_component_of_one_name_is_refused_and_both_origins_are_named) {
  vlp::Registry registry;
  registry.add<vlp::AnySchedule, Level>("1", "plugins/schedule/level.hpp");
  BOOST_CHECK_EXCEPTION((registry.add<vlp::AnySchedule, AnotherLevel>("1", "other.so")),
                        vlp::PluginError, [](const vlp::PluginError& error) {
                          return std::string(error.what()) ==
                                 "other.so: schedule 'level' is registered twice: by "
                                 "plugins/schedule/level.hpp and by other.so. Rename one of them.";
                        });
  BOOST_TEST(registry.find<vlp::AnySchedule>("level")->info->origin ==
             "plugins/schedule/level.hpp");
}

BOOST_AUTO_TEST_CASE(options_are_described_with_default_range_and_meaning) {
  vlp::Registry registry;
  registry.add<vlp::AnySchedule, Level>("1", "x");
  const auto docs = registry.components().at(0)->describe();
  BOOST_TEST_REQUIRE(docs.size() == 1U);
  BOOST_TEST(docs[0].key == "value");
  BOOST_TEST(docs[0].default_value == "1.0");
  BOOST_TEST(docs[0].allowed == "a number, at least 0");
  BOOST_TEST(docs[0].meaning == "The factor.");
}

BOOST_AUTO_TEST_CASE(options_that_recipes_could_not_set_are_refused_all_at_once) {
  vlp::Registry registry;
  const std::string message = vlp_test::message_of<vlp::PluginError>(
      [&] { registry.add<vlp::AnySchedule, Misnamed>("1", "misnamed.so"); });
  BOOST_TEST(message ==
             "misnamed.so: schedule 'misnamed': option 'use' is the key that names the component. "
             "Rename the option.\n"
             "misnamed.so: schedule 'misnamed': option 'share' has a default outside its own range "
             "(got 2.0, expected a number, 0 to 1). Change the default or the range.");
  BOOST_TEST(registry.components().empty());
}

BOOST_AUTO_TEST_CASE(what_a_constructor_throws_names_the_component) {
  BOOST_TEST(vlp_test::message_of<vlp::ComponentError>([] { build_faulty(false); }) ==
             "schedule 'faulty': bad row");
  BOOST_TEST(vlp_test::message_of<vlp::DataError>([] { build_faulty(true); }) ==
             "a.csv:3: bad row.");
}

BOOST_AUTO_TEST_CASE(plugin_files_are_listed_in_their_order) {
  vlp::Registry registry;
  BOOST_TEST(registry.plugins().empty());
  registry.add_plugin_file({"/b/b.so", "b", "1.0"});
  registry.add_plugin_file({"/a/a.so", "a", "0.2"});
  BOOST_TEST_REQUIRE(registry.plugins().size() == 2U);
  BOOST_TEST(registry.plugins()[0].file == "/b/b.so");
  BOOST_TEST(registry.plugins()[1].name == "a");
  BOOST_TEST(registry.plugins()[1].version == "0.2");
}

BOOST_AUTO_TEST_CASE(registries_do_not_share_components) {
  vlp::Registry one, other;
  one.add<vlp::AnySchedule, Level>("1", "x");
  BOOST_TEST(other.components().empty());
}

BOOST_AUTO_TEST_SUITE_END()
