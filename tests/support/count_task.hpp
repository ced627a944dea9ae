#pragma once
// A task of a third kind: it counts the captions of a dataset, has a table of its own, and neither
// a model nor a tokenizer.

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/tasks/task.hpp"

namespace vlp_test {

/// The table [count].
struct CountOptions {
  std::int64_t at_most = 1000;
  static constexpr auto fields() {
    return std::tuple{vlp::field<&CountOptions::at_most>("Most captions.", vlp::at_least(1))};
  }
};

/// What its recipes have.
struct CountTables {
  vlp::RunOptions run;
  vlp::Use<vlp::AnyDataset> dataset;
  CountOptions count;
  static constexpr auto fields() {
    return std::tuple{vlp::field<&CountTables::run>("The task."),
                      vlp::field<&CountTables::dataset>("Images with captions."),
                      vlp::field<&CountTables::count>("How to count.")};
  }
};

inline vlp::PlanOf<CountTables> plan_count(const vlp::Recipe& recipe,
                                           const vlp::Registry& registry) {
  return vlp::read_plan<CountTables>(
      recipe, registry, [&](const CountTables& tables, vlp::Diagnostics& problems) {
        if (tables.count.at_most == 13)
          problems.add(recipe.place_of("count.at_most"), "count.at_most", "13 is not counted to");
      });
}

inline vlp::Report count(const vlp::Recipe& recipe, const vlp::Registry& registry,
                         const vlp::RunArguments& arguments) {
  const auto plan = plan_count(recipe, registry);
  vlp::Context ctx;
  ctx.folders.data = arguments.data_dir;
  const vlp::AnyDataset dataset = plan.dataset.build(ctx);
  vlp::Report report;
  report.split = "train";
  for (const vlp::ImageRecord& record : dataset.records(vlp::Split::train))
    report.measured.images += static_cast<std::int64_t>(record.captions.size());
  report.measured.images = std::min(report.measured.images, plan.count.at_most);
  return report;
}

inline std::vector<std::string> check_count(const vlp::Recipe& recipe,
                                            const vlp::Registry& registry,
                                            const vlp::CheckArguments&) {
  return {"counts up to " + std::to_string(plan_count(recipe, registry).count.at_most)};
}

}  // namespace vlp_test
