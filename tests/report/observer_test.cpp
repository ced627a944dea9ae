#include "vlp/report/observer.hpp"

#include <memory>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(observer)

namespace {

/// Hears two of the six things; may only be moved.
struct HearsTwo {
  std::unique_ptr<std::string> name;
  std::vector<std::string>* heard;

  void log(const vlp::LogLine& line) {
    heard->push_back(*name + ": step " + std::to_string(line.step));
  }
  void end(const vlp::RunEnd& end) { heard->push_back(*name + ": end of " + end.report.split); }
};
static_assert(vlp::Observer<HearsTwo>);

struct HearsNothing {};
static_assert(!vlp::Observer<HearsNothing>);

}  // namespace

BOOST_AUTO_TEST_CASE(each_hears_what_it_listens_to_in_the_order_of_the_list) {
  std::vector<std::string> heard;
  vlp::Observers observers;
  observers.add(HearsTwo{std::make_unique<std::string>("first"), &heard});
  observers.add(HearsTwo{std::make_unique<std::string>("second"), &heard});
  const vlp::Measured nothing;
  const std::string chooser = "loss";
  vlp::LogLine line;
  line.step = 7;
  vlp::Report report;
  report.split = "test";

  observers.begin({});
  observers.log(line);
  observers.bad_sample({"1.jpg", "missing", "1.jpg: can't open.", 0});
  observers.evaluation(
      {.split = vlp::Split::test, .measured = nothing, .images = {}, .captions = {}});
  observers.checkpoint({.measured = nothing, .chooser = chooser});
  observers.end({.report = report, .captions = {}});
  BOOST_TEST(heard == (std::vector<std::string>{"first: step 7", "second: step 7",
                                                "first: end of test", "second: end of test"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
