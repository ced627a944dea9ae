#pragma once
// What `vlp check` tells of training captions: how long they are, how many are cut, and how much of
// them the vocabulary doesn't know.

#include <span>
#include <string>

#include "vlp/concepts/dataset.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/data/data.hpp"
#include "vlp/plan/plan.hpp"

namespace vlp {

/// Looks at 100,000 captions at most, drawn with the plan's seed.
/// @param data     the recipe's tokenizer, transforms and prompt
/// @param records  of the training split
/// @return  e.g. "texts      120 captions, the longest of 9 tokens; none is cut at 10; no token is
///          [UNK]"; lengths count the prompt, the share of [UNK] doesn't
[[nodiscard]] std::string texts_line(const Plan& plan, const Preprocessing& data,
                                     std::span<const ImageRecord> records);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/tasks/texts_line_inl.hpp"
#endif
