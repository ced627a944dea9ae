#pragma once
// Opens a trained model with everything around it, whatever it lies in: a Hugging Face folder, a
// run, a lone file of weights, or a downloaded model of the hub.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <c10/core/ScalarType.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/data/pipeline.hpp"
#include "vlp/image/image_reading.hpp"
#include "vlp/plan/plan.hpp"

namespace vlp {

/// A model ready for use, in evaluation mode and on its device.
struct OpenedModel {
  Plan plan;    ///< tokenizer, transforms, model, losses and generation; the rest unchosen
  Context ctx;  ///< device, special tokens, sizes; precision fp32
  std::optional<AnyTokenizer> tokenizer;  ///< none where the model has no vocabulary with it
  Pipeline transforms;       ///< those of evaluation: of images, and of captions that it reads
  AnyModel model;            ///< with its weights
  GenerateOptions generate;  ///< how it generates unless told otherwise
  std::string prompt;        ///< how its captions begin
  std::string not_finite;    ///< which of its file's tensors aren't finite, for messages about
                             ///< results that aren't; empty = all are
  bool imported = false;     ///< whether a format, not a recipe, describes it
  ImageReading reading;      ///< how image files are read, as in its training
};

/// How to open a model.
struct OpenModelArguments {
  DeviceName device;                          ///< where it will be
  std::int64_t threads = 0;                   ///< 0 = all cores
  std::filesystem::path share_dir = "share";  ///< holds vocabularies/
  Console console;                            ///< hears of what was assumed, left out or changed
  c10::ScalarType dtype = c10::kFloat;        ///< of the weights; float32 or float64
  Parts needs = {};  ///< what it is opened for; a model that doesn't serve it is refused
  std::vector<std::string> sets = {};  ///< KEY=VALUE changes of what its recipe or config says
};

/// Opens the model that `name` stands for: see `find_model`. Nothing is downloaded.
/// @param name       a folder, a run, a file or a name on the hub
/// @param registry   holds the components that it is made of
/// @param arguments  device, threads, dtype, purpose
/// @throws WeightsError if there is no such model, or its files are broken or don't fit together
/// @throws RecipeError  if a run's recipe names components that the registry doesn't have, or the
///                      model doesn't serve the purpose
[[nodiscard]] OpenedModel open_model(const std::string& name, const Registry& registry,
                                     const OpenModelArguments& arguments);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/assemble/open_model_inl.hpp"
#endif
