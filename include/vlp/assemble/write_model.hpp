#pragma once
// A run's model/: the recipe and the tokenizer, and, where a format can express the model,
// everything that makes it a folder of that format.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <torch/nn/module.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/format.hpp"
#include "vlp/concepts/tokenizer.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/report/run_folder.hpp"

namespace vlp {

/// Writes what vlp opens a model with, but for the weights: its recipe and the tokenizer's files.
void write_model_recipe(const RunFolder& folder, const Plan& plan, const AnyTokenizer& tokenizer);

/// Writes what makes the model's folder one of a format's, but for the weights. Of several formats
/// that can express the model it is the one that has read the first weights, else the first by
/// name; it is then named.
/// @param folder  of the run; model/ is in it
/// @param plan    of the run
/// @param ctx     knows special tokens and sizes; its console hears which it is, or why it is none
/// @param reader  the format that has read the first weights, if any
/// @return        the format that names the tensors in model/: this one, else the model's own; none
///                = they have the module's names
std::optional<AnyFormat> write_format_settings(const RunFolder& folder, const Plan& plan,
                                               const Context& ctx, std::string_view reader = {});

/// Writes the weights that a model is used with.
/// @param format  gives them the names and the metadata of its files; none = they keep the module's
/// @throws WeightsError naming the path if it can't be written
void write_model_weights(const torch::nn::Module& module, const std::filesystem::path& path,
                         const std::optional<AnyFormat>& format);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/assemble/write_model_inl.hpp"
#endif
