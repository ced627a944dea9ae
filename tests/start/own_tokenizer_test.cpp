#include "vlp/start/own_tokenizer.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vlp/recipe/load.hpp"
#include "vlp/recipe/write.hpp"

namespace own_tokenizer_test {

using namespace vlp;

/// A tokenizer whose one file is no vocab.txt.
struct Pieces {
  static constexpr std::string_view name = "pieces";
  struct Options {
    std::string model = "ships";
    std::int64_t most = 9;
    static constexpr auto fields() {
      return std::tuple{field<&Options::model>("File."), field<&Options::most>("Tokens.")};
    }
  };
  explicit Pieces(const Options&) {}
  static Options from_folder(Options options, const std::filesystem::path& folder) {
    options.model = (folder / "pieces.model").string();
    return options;
  }
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view) const { return {}; }
  [[nodiscard]] std::string decode(std::span<const std::int64_t>) const { return {}; }
  [[nodiscard]] SpecialTokens special() const { return {}; }
  [[nodiscard]] std::int64_t vocabulary_size() const { return 1; }
  void write(const std::filesystem::path&) const {}
};
static_assert(Tokenizer<Pieces>);

/// The table as it is after its tokenizer has been asked for its files in `here`.
inline std::string taken(const std::string& toml, const Pieces::Options& options,
                         const std::string& set = {}) {
  Value root = parse_toml(toml, "r.toml");
  Diagnostics problems;
  if (!set.empty()) apply_set(root, set, problems);
  take_own_files(*root.as<Table>()->find("tokenizer")->value.as<Table>(),
                 AnyTokenizer::traits<Pieces>(options), "here");
  return write_toml(root);
}

BOOST_AUTO_TEST_SUITE(own_tokenizer)

BOOST_AUTO_TEST_CASE(the_tokenizer_says_which_options_its_files_are) {
  BOOST_TEST(taken("[tokenizer]\nuse = \"pieces\"\nmodel = \"gone\"\n", {.model = "gone"}) ==
             "[tokenizer]\nuse = \"pieces\"\nmodel = \"here/pieces.model\"\nmost = 9\n");
}

BOOST_AUTO_TEST_CASE(what_a_set_says_stays) {
  BOOST_TEST(taken("[tokenizer]\nuse = \"pieces\"\n", {.model = "mine", .most = 4},
                   "tokenizer.model=mine") ==
             "[tokenizer]\nuse = \"pieces\"\nmodel = \"mine\"\nmost = 4\n");
}

BOOST_AUTO_TEST_CASE(a_tokenizer_that_says_nothing_keeps_its_table) {
  Table table;
  take_own_files(table, AnyTokenizer::Traits{}, "here");
  BOOST_TEST(table.entries().empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace own_tokenizer_test
