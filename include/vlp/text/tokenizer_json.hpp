#pragma once
// The vocabulary in tokenizer.json, the file of Hugging Face's compiled tokenizers. Includes no
// torch.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"

namespace vlp {

/// @param file  tokenizer.json of a lower-casing WordPiece tokenizer
/// @return      its tokens by id, [DEC] and [ENC] included if they were added
/// @throws DataError if the file can't be read, or is of another tokenizer, naming the key
[[nodiscard]] std::vector<std::string> read_tokenizer_json(const std::filesystem::path& file);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/text/tokenizer_json_inl.hpp"
#endif
