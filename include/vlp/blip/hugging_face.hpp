#pragma once
// A Hugging Face folder of a BLIP as the tables of a recipe: preprocessor_config.json becomes
// [[transform]], the tokenizer's files [tokenizer], generation_config.json [generate], config.json
// [model] and [[loss]]. Includes no torch.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vlp/blip/config.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/weights/config_file.hpp"

namespace vlp {

namespace detail {

// BLIP's own mean and standard deviation of red, green and blue, which range over 0-1.
inline const std::vector<double> kBlipMean{0.48145466, 0.4578275, 0.40821073};

inline const std::vector<double> kBlipStd{0.26862954, 0.26130258, 0.27577711};

}  // namespace detail

/// [[transform]] for square images of `size` pixels, BLIP's own mean and standard deviation unless
/// told otherwise.
/// @param size    height and width, pixels
/// @param kernel  a value of `ResizeKernel`, by name
/// @param mean    subtracted from red, green and blue, which range over 0-1
/// @param std     divides them after that
[[nodiscard]] Array transform_tables(std::int64_t size, const std::string& kernel,
                                     const std::vector<double>& mean = detail::kBlipMean,
                                     const std::vector<double>& std = detail::kBlipStd);

/// [[transform]] of a folder; a folder without such a file has the size of its config and BLIP's
/// mean and deviation.
/// @throws WeightsError for a processing that vlp doesn't do, naming the key
[[nodiscard]] Array read_image_processor(const std::filesystem::path& folder,
                                         const BlipConfig& config, const Console& console);

/// [tokenizer] for a vocabulary; texts of any length, since transformers cuts nothing off unless it
/// is asked to.
/// @param vocabulary  vocab.txt or tokenizer.json
[[nodiscard]] Table tokenizer_table(const std::filesystem::path& vocabulary);

/// [tokenizer] of a folder, none if there is no vocabulary in it.
/// @throws WeightsError for another tokenizer than lower-casing WordPiece
[[nodiscard]] std::optional<Table> read_tokenizer(const std::filesystem::path& folder);

/// [generate] of a generation_config.json; for keys that are missing transformers' defaults:
/// greedily, 20 new tokens.
/// @param file       the content; an empty object if there is no such file
/// @param positions  the longest text that the model can have, tokens
/// @param console    is warned of settings that may change what is generated and that vlp doesn't
///                   have, each by its key
/// @throws WeightsError for values that the settings can't have, naming the key
[[nodiscard]] Table generate_table(const ConfigObject& file, std::int64_t positions,
                                   const Console& console = {});

/// The tables of a recipe for a BLIP: [tokenizer], if there is one, [[transform]], [model], and for
/// one that writes captions [[loss]] and [generate].
/// @param config      of the model
/// @param tokenizer   if the model has a vocabulary with it
/// @param transforms  of images
/// @param generate    how captions are generated
/// @param sharing     what text encoder and decoder have in common, if there are both
[[nodiscard]] Value blip_recipe(const BlipConfig& config, std::optional<Table> tokenizer,
                                Array transforms, Table generate,
                                const char* sharing = "all_but_self_attention");

/// The same for a folder whose config has been read.
/// @throws WeightsError as the functions above
[[nodiscard]] Value hugging_face_recipe(const std::filesystem::path& folder,
                                        const BlipConfig& config, const Console& console);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/blip/hugging_face_inl.hpp"
#endif
