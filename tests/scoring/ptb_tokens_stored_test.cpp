// Captions with the tokens that the reference tokenizer printed for them.

#include "vlp/scoring/ptb_tokens.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/caption_scores.hpp"

BOOST_AUTO_TEST_SUITE(stored_tokens)

namespace {

namespace fs = std::filesystem;

/// Calls `visit(file)` for each file of the stored folders whose name holds `part`, and wants at
/// least one.
template <class Visit>
void for_each_stored(std::string_view part, const Visit& visit) {
  std::size_t found = 0;
  for (const auto& folder : vlp::test::score_folders())
    for (const auto& entry : fs::directory_iterator(folder))
      if (const std::string name = entry.path().filename().string(); name.find(part) != name.npos) {
        visit(entry.path());
        ++found;
      }
  BOOST_REQUIRE(found > 0);
}

/// The file beside `file` in whose name `part` stands in place of `old_part`.
fs::path beside(const fs::path& file, std::string_view old_part, std::string_view part) {
  std::string name = file.filename().string();
  name.replace(name.find(old_part), old_part.size(), part);
  return file.parent_path() / name;
}

std::vector<std::string_view> lines(std::string_view text) {
  std::vector<std::string_view> lines;
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (std::size_t end = 0; end != text.npos; text.remove_prefix(end == text.npos ? 0 : end + 1)) {
    end = text.find('\n');
    lines.push_back(text.substr(0, end));
  }
  return lines;
}

/// Compares the tokens of all stored lines with those in the files called `stored`.
void check_lines(std::string_view stored, const vlp::PtbOptions& options) {
  constexpr std::string_view kCaptions = ".captions.txt";
  for_each_stored(kCaptions, [&](const fs::path& file) {
    const fs::path other = beside(file, kCaptions, stored);
    const std::string text = vlp::test::read_text(file);
    const std::string expected_text = vlp::test::read_text(other);
    const auto captions = lines(text);
    const auto expected = lines(expected_text);
    const auto tokens = vlp::ptb_tokens(captions, options);
    BOOST_REQUIRE(tokens.size() == expected.size());
    for (std::size_t i = 0; i < tokens.size(); ++i)
      BOOST_TEST(tokens[i] == expected[i],
                 other.filename().string() << ":" << i + 1 << ": `" << captions[i] << "` gives `"
                                           << tokens[i] << "`, not `" << expected[i] << "`");
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(tokens_of_a_stream_equal_those_of_the_reference) {
  check_lines(".java_tokens.txt", {.keep_punctuation = true});
}

BOOST_AUTO_TEST_CASE(tokens_of_single_captions_equal_those_of_the_reference) {
  check_lines(".java_tokens_isolated.txt", {.isolated = true, .keep_punctuation = true});
}

BOOST_AUTO_TEST_CASE(words_that_metrics_see_equal_those_of_the_reference) {
  check_lines(".ptb_tokens.txt", {});
}

BOOST_AUTO_TEST_CASE(images_tokens_equal_those_of_the_reference) {
  constexpr std::string_view kInputs = ".inputs.json";
  for_each_stored(kInputs, [&](const fs::path& file) {
    std::vector<vlp::ScoredCaption> images;
    for (const auto& row : vlp::test::read_json(file))
      images.push_back({vlp::test::image_id(row), row.at("hyp").get<std::string>(),
                        row.at("refs").get<std::vector<std::string>>()});
    const auto expected = vlp::test::read_json(beside(file, kInputs, ".tokenized.json"));
    const auto tokens = vlp::ptb_tokens(images, {});
    BOOST_REQUIRE(tokens.size() == expected.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      BOOST_TEST(tokens[i].image_id == vlp::test::image_id(expected[i]));
      BOOST_TEST(tokens[i].candidate == expected[i].at("hyp").get<std::string>(),
                 file << ", image " << tokens[i].image_id);
      BOOST_TEST(tokens[i].references == expected[i].at("refs").get<std::vector<std::string>>(),
                 boost::test_tools::per_element());
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
