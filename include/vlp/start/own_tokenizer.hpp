#pragma once
// The tokenizer of a model that vlp has written: that of its recipe, made of the files that lie
// beside it. Includes no torch.

#include <filesystem>
#include <utility>

#include "vlp/concepts/tokenizer.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

/// Gives a recipe's [tokenizer] the options under which the tokenizer is made of the files that it
/// has left in a folder; what a --set has changed stays.
/// @param tokenizer  the table
/// @param traits     of the component that it chooses, from these options
/// @param folder     model/ of a run
inline void take_own_files(Table& tokenizer, const AnyTokenizer::Traits& traits,
                           const std::filesystem::path& folder) {
  if (!traits.from_folder) return;
  Table own = traits.from_folder(folder);
  for (Entry& option : own.entries()) {
    const Entry* given = tokenizer.find(option.key);
    if (!given || given->value.place.layer != Layer::set)
      tokenizer.set(option.key, std::move(option.value));
  }
}

}  // namespace vlp
