#pragma once

#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "vlp/assemble/model_tables.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/plan/tables.hpp"
#include "vlp/recipe/read.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/report/run_plugins.hpp"
#include "vlp/start/formats.hpp"

namespace vlp {

VLP_INLINE Plan read_model_tables(const Recipe& recipe, const Registry& registry) {
  Diagnostics problems = recipe.problems;
  ReadContext read{problems, &registry, plugins_of_run(recipe.file)};
  ModelTables tables;
  read_fields(*recipe.value.as<Table>(), recipe.value.place, "", tables, read);
  DatasetExtras of_images;
  const Entry* dataset = recipe.value.as<Table>()->find("dataset");
  if (const Table* table = dataset ? dataset->value.as<Table>() : nullptr)
    read_fields(*table, dataset->value.place, "dataset", of_images, read);
  problems.throw_if_any();
  Plan plan;
  plan.dataset.extra.images = of_images.images;
  plan.resolved = write_options(tables);
  plan.formats = Formats(registry);
  if (tables.tokenizer) plan.tokenizer = std::move(*tables.tokenizer);
  plan.transform = std::move(tables.transform);
  plan.model = std::move(tables.model);
  plan.loss = std::move(tables.loss);
  plan.generate = tables.generate;
  return plan;
}

}  // namespace vlp
