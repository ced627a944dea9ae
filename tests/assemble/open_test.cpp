#include "vlp/assemble/open.hpp"

#include <string>

#include <ATen/Context.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/tiny_run.hpp"
#include "vlp/assemble/open_model.hpp"
#include "vlp/nn/tf32.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/tasks/train.hpp"

namespace {

struct Opened : vlp_test::TinyRun {
  ~Opened() { vlp::choose_tf32(vlp::Precision::fp32); }

  void open_run(const std::string& precision) const {
    vlp::RunArguments arguments;
    arguments.threads = 1;
    (void)vlp::open_context(
        vlp::plan_training(vlp::load_recipe(root / "recipe.toml", {"train.precision=" + precision}),
                           registry),
        arguments);
  }
  /// Whether products of matrices and convolutions may be made of TF32; both or neither.
  static bool may_use_tf32() {
    BOOST_TEST(at::globalContext().allowTF32CuBLAS() == at::globalContext().allowTF32CuDNN());
    return at::globalContext().allowTF32CuDNN();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(open_parts, Opened)

BOOST_AUTO_TEST_CASE(the_run_that_was_opened_last_says_whether_tf32_may_be_used) {
  for (const std::string precision : {"fp32", "tf32", "bf16", "tf32", "fp16"}) {
    open_run(precision);
    BOOST_TEST(may_use_tf32() == (precision == "tf32"), precision);
  }
}

BOOST_AUTO_TEST_CASE(an_opened_model_computes_in_fp32_whatever_its_run_did) {
  (void)run("out", {"train.max_steps=1", "evaluate.max_images=2"}, 1);
  BOOST_TEST(!may_use_tf32());
  open_run("tf32");
  (void)vlp::open_model((root / "out").string(), registry, {});
  BOOST_TEST(!may_use_tf32());
}

BOOST_AUTO_TEST_SUITE_END()
