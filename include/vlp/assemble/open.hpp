#pragma once
// From a plan to living parts: context, data, losses, metrics, weights.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "vlp/concepts/context.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/data/data.hpp"
#include "vlp/data/pipeline.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/plan/run_arguments.hpp"
#include "vlp/start/initial_weights.hpp"
#include "vlp/train/objective.hpp"

namespace vlp {

/// Device, precision, seeds and folders of a run. Seeds torch's own generators, from which initial
/// weights are drawn, and sets its threads and whether it may compute in TF32.
[[nodiscard]] Context open_context(const Plan& plan, const RunArguments& arguments);

/// Builds a recipe's transforms, each one once, and sorts them by where they take part.
/// @throws RecipeError as their constructors do
[[nodiscard]] Pipelines build_pipelines(const std::vector<TransformUse>& uses, const Context& ctx);

/// Builds the transforms, and tells the context the image's size: that of training, where it is
/// fixed.
[[nodiscard]] Pipelines build_transforms(const Plan& plan, Context& ctx);

/// Builds tokenizer and transforms, and tells the context the sizes that they settle.
/// @throws RecipeError as `require_room`, and as their constructors do
[[nodiscard]] Preprocessing load_preprocessing(const Plan& plan, Context& ctx);

/// @throws RecipeError if the model's prompt leaves no room for a caption: of the tokenizer's
/// longest text, or, where a metric asks for captions, of the longest that is generated
void require_room(const Plan& plan, const AnyTokenizer& tokenizer);

/// The recipe's dataset without the captions of which the text transforms leave nothing.
/// @param transforms  of the recipe, built
/// @throws DataError as the dataset's constructor does
[[nodiscard]] AnyDataset build_dataset(const Plan& plan, const Context& ctx,
                                       const Pipelines& transforms);

/// The sources of the model's first weights, opened; they can be as large as the model, so don't
/// keep them while it trains.
/// @throws WeightsError if one isn't there, is broken or of another architecture
[[nodiscard]] InitialWeights open_initial_weights(const Plan& plan, const Context& ctx);

/// Builds the model with what the losses need, fills in its first weights, and moves it to the
/// device.
/// @param plan      of the run
/// @param ctx       knows the sizes that tokenizer and transforms have settled
/// @param weights   as `open_initial_weights` gives them
/// @param complete  whether it must find all of itself in them, since it is used as it is
/// @throws WeightsError as `fill_model`
[[nodiscard]] AnyModel build_model(const Plan& plan, Context ctx, const InitialWeights& weights,
                                   bool complete = false);

/// The same with the sources opened here.
[[nodiscard]] AnyModel build_model(const Plan& plan, const Context& ctx);

/// The recipe's weighted sum of losses, their own parameters on the device. Several losses of one
/// name are told apart by their index.
[[nodiscard]] Objective build_losses(const Plan& plan, const Context& ctx);

/// The same, beginning with what the losses can use of the sources of initial weights: queues of
/// embeddings, and the parameters that a run's losses had.
[[nodiscard]] Objective build_losses(const Plan& plan, const Context& ctx,
                                     const InitialWeights& weights);

/// Gives the losses' own parameters the values of a file, as far as it has some that fit, and notes
/// what begins anew.
/// @param losses  with a module
/// @throws WeightsError if the file can't be read
void read_loss_weights(Objective& losses, const std::filesystem::path& path,
                       const Console& console);

/// Fresh metrics, as each evaluation needs them.
[[nodiscard]] std::vector<AnyMetric> build_metrics(const Plan& plan, const Context& ctx);

/// Loader threads: as the recipe says, else one on a CPU and up to 16 beside a GPU.
[[nodiscard]] std::int64_t worker_count(const Plan& plan, const Context& ctx);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/assemble/open_inl.hpp"
#endif
