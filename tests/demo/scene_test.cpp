// Demo scenes: what is drawn is legible, what is written is true, and what is written can be read
// back.
#include "vlp/demo/scene.hpp"
#include "vlp/demo/scene_captions.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "vlp/core/random.hpp"

BOOST_AUTO_TEST_SUITE(scene)

namespace {

using vlp::Colour;
using vlp::Shape;
using Position = vlp::Relation::Position;

constexpr std::uint64_t kScenes = 3000;

template <class Check>
void for_scenes(const Check& check) {
  for (std::uint64_t seed = 0; seed < kScenes; ++seed) {
    vlp::RandomStream random(seed);
    const vlp::Scene scene = vlp::random_scene(random);
    check(scene, random);
  }
}

std::set<vlp::ColourShape> pairs_of(const vlp::Scene& scene) {
  std::set<vlp::ColourShape> pairs;
  for (const auto& object : scene.objects) pairs.insert(object.pair());
  return pairs;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_scene_and_captions) {
  vlp::RandomStream a(5), b(5), c(6);
  const auto scene_a = vlp::random_scene(a), scene_b = vlp::random_scene(b),
             scene_c = vlp::random_scene(c);
  BOOST_TEST(scene_a.objects[0].x == scene_b.objects[0].x);
  BOOST_TEST(scene_a.objects[0].x != scene_c.objects[0].x);
  BOOST_TEST((vlp::five_captions(scene_a, a) == vlp::five_captions(scene_b, b)));
}

BOOST_AUTO_TEST_CASE(objects_are_legible_at_64_pixels_and_do_not_overlap) {
  for_scenes([](const vlp::Scene& scene, vlp::RandomStream&) {
    BOOST_REQUIRE(scene.objects.size() >= 1 && scene.objects.size() <= 3);
    BOOST_REQUIRE(scene.width >= 96 && scene.width <= 320 && scene.height >= 96 &&
                  scene.height <= 320);
    const double longer = static_cast<double>(std::max(scene.width, scene.height));
    for (std::size_t i = 0; i < scene.objects.size(); ++i) {
      const auto& object = scene.objects[i];
      const double wide = object.diameter * longer / static_cast<double>(scene.width);
      const double high = object.diameter * longer / static_cast<double>(scene.height);
      BOOST_REQUIRE(std::min(wide, high) * 64 >= 14);  // pixels
      // A little of a rotated shape may cross the edge, never its disc.
      BOOST_REQUIRE(object.x - wide / 2 >= -1e-9 && object.x + wide / 2 <= 1 + 1e-9);
      BOOST_REQUIRE(object.y - high / 2 >= -1e-9 && object.y + high / 2 <= 1 + 1e-9);
      for (std::size_t j = 0; j < i; ++j) {
        const auto& other = scene.objects[j];
        const double distance =
            std::hypot((object.x - other.x) * static_cast<double>(scene.width),
                       (object.y - other.y) * static_cast<double>(scene.height));
        BOOST_REQUIRE(distance >= 0.98 * longer * (object.diameter + other.diameter) / 2);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(objects_stand_in_reading_order_and_equal_ones_side_by_side) {
  for_scenes([](const vlp::Scene& scene, vlp::RandomStream&) {
    for (std::size_t i = 1; i < scene.objects.size(); ++i) {
      const auto &before = scene.objects[i - 1], &now = scene.objects[i];
      const double dx = (now.x - before.x) * static_cast<double>(scene.width),
                   dy = (now.y - before.y) * static_cast<double>(scene.height);
      const bool row = scene.layout == vlp::Layout::row;
      BOOST_REQUIRE((row ? dx : dy) > std::abs(row ? dy : dx));
    }
    BOOST_REQUIRE(vlp::groups_of(scene).size() == pairs_of(scene).size());
  });
}

BOOST_AUTO_TEST_CASE(every_colour_shape_tone_texture_and_number_occurs) {
  std::set<Colour> colours;
  std::set<Shape> shapes;
  std::set<std::pair<vlp::Tone, vlp::Texture>> backgrounds;
  std::set<std::pair<std::size_t, vlp::Layout>> layouts;
  std::set<std::pair<std::int64_t, std::int64_t>> sizes;
  for_scenes([&](const vlp::Scene& scene, vlp::RandomStream&) {
    for (const auto& object : scene.objects)
      colours.insert(object.colour), shapes.insert(object.shape);
    backgrounds.insert({scene.tone, scene.texture});
    layouts.insert({scene.objects.size(), scene.layout});
    sizes.insert({scene.width, scene.height});
  });
  BOOST_TEST(colours.size() == 8);
  BOOST_TEST(shapes.size() == 6);
  BOOST_TEST(backgrounds.size() == 18);
  BOOST_TEST(layouts.size() == 6);
  BOOST_TEST(sizes.size() >= 12);
}

BOOST_AUTO_TEST_CASE(every_caption_tells_exactly_the_pairs_and_the_number) {
  for_scenes([](const vlp::Scene& scene, vlp::RandomStream& random) {
    const auto captions = vlp::five_captions(scene, random);
    BOOST_REQUIRE(std::set<std::string>(captions.begin(), captions.end()).size() == 5);
    for (const auto& caption : captions) {
      BOOST_REQUIRE_MESSAGE(vlp::read_pairs(caption) == pairs_of(scene), caption);
      BOOST_REQUIRE_MESSAGE(vlp::read_count(caption) == scene.objects.size(), caption);
      BOOST_REQUIRE_MESSAGE(
          caption.ends_with(" .") && std::isupper(static_cast<unsigned char>(caption[0])), caption);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_caption_that_tells_a_relation_tells_the_true_one) {
  std::size_t told = 0, possible = 0;
  for_scenes([&](const vlp::Scene& scene, vlp::RandomStream& random) {
    const auto groups = vlp::groups_of(scene);
    std::size_t here = 0;
    for (const auto& caption : vlp::five_captions(scene, random)) {
      const auto relation = vlp::read_relation(caption);
      if (!relation) continue;
      ++here;
      BOOST_REQUIRE_MESSAGE(groups.size() > 1, caption);
      const auto position = scene.layout == vlp::Layout::row ? Position::left_of : Position::above;
      BOOST_REQUIRE_MESSAGE(
          (*relation == vlp::Relation{groups[0].object.pair(), position, groups[1].object.pair()}),
          caption);
    }
    told += here;
    possible += groups.size() > 1 ? 3 : 0;
  });
  BOOST_TEST(told ==
             possible);  // three of the five captions wherever there are two different objects
}

BOOST_AUTO_TEST_CASE(equal_objects_are_counted_in_words) {
  vlp::Scene scene{.width = 96,
                   .height = 96,
                   .objects = {},
                   .layout = vlp::Layout::row,
                   .tone = vlp::Tone::gray,
                   .texture = vlp::Texture::striped};
  scene.objects.assign(2, {.colour = Colour::red, .shape = Shape::cross});
  scene.objects.push_back({.colour = Colour::orange, .shape = Shape::bar});
  const auto sentences = vlp::detail::relation_sentences(scene, vlp::groups_of(scene));
  BOOST_TEST(sentences[0] == "two red crosses are to the left of an orange bar");
  BOOST_TEST(sentences[2] == "two red crosses with an orange bar to their right");
}

BOOST_AUTO_TEST_CASE(pairs_are_read_whatever_the_case_and_punctuation) {
  const std::set<vlp::ColourShape> both{{Colour::red, Shape::circle},
                                        {Colour::white, Shape::cross}};
  BOOST_TEST((vlp::read_pairs("A Red circle, and two WHITE crosses.") == both));
  BOOST_TEST((vlp::read_pairs(
                  "a white cross and a red circle on a dark \" striped \" background") == both));
  BOOST_TEST(vlp::read_pairs("a red background with a circle").empty());
  BOOST_TEST(vlp::read_pairs("").empty());
}

BOOST_AUTO_TEST_CASE(counts_are_read_only_where_they_are_told) {
  BOOST_TEST((vlp::read_count("two small red circles and an orange bar") == 3U));
  BOOST_TEST(!vlp::read_count("red circles"));
  BOOST_TEST(!vlp::read_count("many red circles"));
  BOOST_TEST(!vlp::read_count("a man"));
}

BOOST_AUTO_TEST_CASE(relations_are_read_in_either_direction) {
  const vlp::Relation left{
      {Colour::red, Shape::circle}, Position::left_of, {Colour::blue, Shape::bar}};
  const vlp::Relation above{
      {Colour::red, Shape::circle}, Position::above, {Colour::blue, Shape::bar}};
  for (const char* text :
       {"a red circle to the left of a blue bar", "a blue bar is to the right of a red circle",
        "a red circle with a blue bar to its right", "a blue bar with a red circle to its left",
        "from left to right , a red circle and a blue bar"})
    BOOST_TEST((vlp::read_relation(text) == left), text);
  for (const char* text :
       {"a red circle above a blue bar", "a blue bar below a red circle",
        "a red circle with a blue bar below it", "a blue bar with a red circle above it",
        "from top to bottom , a red circle and a blue bar"})
    BOOST_TEST((vlp::read_relation(text) == above), text);
  BOOST_TEST(!vlp::read_relation("a red circle and a blue bar"));
  BOOST_TEST(!vlp::read_relation("a red circle"));
}

BOOST_AUTO_TEST_CASE(the_demo_vocabulary_holds_every_word_and_every_letter) {
  std::ifstream file(std::string(VLP_SOURCE_ROOT) + "/share/vocabularies/demo.txt");
  std::set<std::string> vocabulary;
  std::vector<std::string> order;
  for (std::string line; std::getline(file, line); order.push_back(line))
    BOOST_TEST(vocabulary.insert(line).second, line);
  BOOST_REQUIRE(order.size() > 5);
  BOOST_TEST((std::vector<std::string>(order.begin(), order.begin() + 5) ==
              std::vector<std::string>{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}));
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    BOOST_TEST(vocabulary.contains(std::string(1, letter)));
    BOOST_TEST(vocabulary.contains("##" + std::string(1, letter)));
  }
  for_scenes([&](const vlp::Scene& scene, vlp::RandomStream& random) {
    for (std::string caption : vlp::five_captions(scene, random)) {
      caption[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(caption[0])));
      std::istringstream words(caption);
      for (std::string word; words >> word;) BOOST_REQUIRE_MESSAGE(vocabulary.contains(word), word);
    }
  });
  for (const auto texture : vlp::scene_words::textures)
    BOOST_TEST(vocabulary.contains(std::string(texture)));
  BOOST_TEST(vocabulary.contains("\""));
}

BOOST_AUTO_TEST_SUITE_END()
