#pragma once
// What names an image: a text, or an integer as in COCO's files. Includes no torch.

#include <compare>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace vlp {

/// An image's name where a file has it; see `ImageId`.
struct ImageIdView {
  std::string_view text;
  bool is_number = false;
};

/// An image's name. Ids are compared by how they are written: the integer 7 and the text "7" are
/// the same image. Files get back what they gave: an integer stays one, a text stays a text.
class ImageId {
 public:
  ImageId() = default;
  /// A text.
  ImageId(std::string text) : text_(std::move(text)) {}
  ImageId(std::string_view text) : text_(text) {}
  ImageId(const char* text) : text_(text) {}
  ImageId(ImageIdView id) : text_(id.text), is_number_(id.is_number) {}
  /// An integer. @param digits  as JSON has it, e.g. -12
  [[nodiscard]] static ImageId number(std::string_view digits) {
    return ImageIdView{digits, /*is_number=*/true};
  }

  /// As it is written.
  [[nodiscard]] const std::string& text() const { return text_; }
  /// Whether it is an integer.
  [[nodiscard]] bool is_number() const { return is_number_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }

  /// For `pack`.
  [[nodiscard]] auto members() { return std::tie(text_, is_number_); }
  [[nodiscard]] auto members() const { return std::tie(text_, is_number_); }

  friend bool operator==(const ImageId& a, const ImageId& b) { return a.text_ == b.text_; }
  friend std::strong_ordering operator<=>(const ImageId& a, const ImageId& b) {
    return a.text_ <=> b.text_;
  }
  friend std::ostream& operator<<(std::ostream& out, const ImageId& id) { return out << id.text_; }

 private:
  std::string text_;
  bool is_number_ = false;
};

}  // namespace vlp
