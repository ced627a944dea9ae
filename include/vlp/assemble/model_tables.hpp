#pragma once
// What of a recipe makes a model that is opened for use.

#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "vlp/concepts/generation.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/plan/tables.hpp"

namespace vlp {

/// The tables of a recipe that make a model.
struct ModelTables {
  std::optional<Use<AnyTokenizer>> tokenizer;
  std::vector<TransformUse> transform;
  Use<AnyModel, ModelExtras> model;
  std::vector<Use<AnyLoss, LossExtras>> loss;
  GenerateOptions generate;

  static constexpr auto fields() {
    using T = ModelTables;
    return std::tuple{field<&T::tokenizer>("Text to ids and back."),
                      field<&T::transform>("What becomes of images and captions."),
                      field<&T::model>("What is opened."), field<&T::loss>("What is traced."),
                      field<&T::generate>("How captions are generated.")};
  }
};

/// Reads the tables that make a model, and no others: a recipe's dataset need not be known any
/// more, only how its images were read.
[[nodiscard]] Plan read_model_tables(const Recipe& recipe, const Registry& registry);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/assemble/model_tables_inl.hpp"
#endif
