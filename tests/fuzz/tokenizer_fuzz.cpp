// Any bytes at all as a vocabulary, as lines and as tokenizer.json: they are read, or refused with
// a DataError; what is read cuts any text into its own ids.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/fuzz/scratch_files.hpp"
#include "vlp/core/error.hpp"
#include "vlp/text/wordpiece.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"vocab.txt", "tokenizer.json"}) {
    try {
      const vlp::WordPiece tokenizer(written_file(name, bytes));
      const auto ids = tokenizer.encode(bytes, 64);
      if (ids.size() < 2 || ids.size() > 64) std::abort();
      for (const std::int64_t id : ids)
        if (id < 0 || id >= tokenizer.vocabulary_size()) std::abort();
      (void)tokenizer.decode(ids);
    } catch (const vlp::DataError&) {
    }
  }
  return 0;
}
