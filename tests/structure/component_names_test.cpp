// The core knows no component by name: no literal of include/vlp outside blip/, which one format is
// made of, has the name of a model, one of its parts, a tokenizer, dataset, loss, optimizer or
// format.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/component_names.hpp"

BOOST_AUTO_TEST_SUITE(component_names)

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = VLP_SOURCE_ROOT;

std::vector<fs::path> headers(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".hpp") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

std::set<std::string> real_names() {
  std::set<std::string> names;
  for (const std::string& kind : vlp_test::kUnnamedKinds)
    for (const fs::path& file : headers(kRoot / "plugins" / kind)) {
      std::ifstream text(file);
      const std::set<std::string> found = vlp_test::names_in_plugin(text);
      BOOST_TEST(!found.empty(), file << " names no component");
      names.insert(found.begin(), found.end());
    }
  return names;
}

/// What is told of one line; "" if nothing.
std::string told(const std::string& line) {
  std::istringstream text(line);
  std::string all;
  for (const std::string& violation :
       vlp_test::named_components("x.hpp", text, {"lm", "vit", "bert", "blip", "folder"}))
    all += violation;
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_core_names_no_component) {
  const std::set<std::string> names = real_names();
  BOOST_TEST(names.size() > 10U);
  std::size_t checked = 0;
  for (const fs::path& file : headers(kRoot / "include" / "vlp")) {
    const std::string path = fs::relative(file, kRoot).string();
    if (path.starts_with("include/vlp/blip/")) continue;
    std::ifstream text(file);
    for (const std::string& violation : vlp_test::named_components(path, text, names))
      BOOST_ERROR(violation);
    ++checked;
  }
  BOOST_TEST(checked > 100U);
}

BOOST_AUTO_TEST_CASE(a_name_in_a_literal_is_found) {
  BOOST_TEST(told("find(\"lm\");") ==
             "x.hpp:1: names the component 'lm'; what knows components by name is a plugin, or a "
             "recipe");
  for (const char* line :
       {"uses(resolved, \"model.encoder\", \"vit\")", "\"the recipe has no loss 'lm', which\"",
        "set(\"use\", Value(\"bert\"))  // why", "parse(\"[model]\\nuse = \\\"blip\\\"\")",
        "use = \"folder\"", "\"dataset 'folder': no\"", "parse(\"use = \\\"folder\\\"\")"})
    BOOST_TEST(told(line) != "", line);
}

BOOST_AUTO_TEST_CASE(names_elsewhere_are_none) {
  for (const char* line :
       {"#include \"vlp/nn/bert.hpp\"", "// the loss \"lm\"", "BertSizes bert;",
        "\"as in Salesforce/blip-image-captioning-base\"", "\"text = \\\"bert-base-uncased\\\"\"",
        "const char quote = '\"'; // \"lm\"", "\"blip_vision_model\"", "\"alm and lms\"",
        "\": the folder can't be read\"", "counted(n, \"folder\", \"folders\")"})
    BOOST_TEST(told(line) == "", line);
}

BOOST_AUTO_TEST_SUITE_END()
