// Any bytes at all as a caption file: they are read, or refused with a DataError. JSON that is read
// is JSON to another parser too, and strings come out as UTF-8.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <nlohmann/json.hpp>

#include "vlp/captions/caption_file.hpp"
#include "vlp/text/utf8.hpp"

namespace {

void require(bool good) {
  if (!good) std::abort();
}

bool is_one_document(vlp::CaptionFormat format) {
  return format != vlp::CaptionFormat::json_lines && format != vlp::CaptionFormat::kaggle_csv;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const vlp::CaptionFile file = vlp::parse_caption_file(bytes, "fuzz");
    require(!file.images.empty() && file.second_rows.size() == file.images.size());
    for (const vlp::ImageCaptions& image : file.images) {
      require(!image.captions.empty() &&
              vlp::utf8_prefix(image.image_id.text()) == image.image_id.text().size());
      for (const std::string& caption : image.captions)
        require(vlp::utf8_prefix(caption) == caption.size());
    }
    if (is_one_document(file.format) && !vlp::is_gzip(bytes)) {
      // What its parser can't hold, numbers beyond double, is no mistake of the text.
      const auto mistake = vlp::find_json_mistake(vlp::TextFile::of("fuzz", bytes).text());
      require(!mistake || mistake->reason.find("number overflow") != mistake->reason.npos);
    }
  } catch (const vlp::DataError&) {
  }
  return 0;
}
