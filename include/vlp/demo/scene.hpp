#pragma once
// Demo scenes: one to three coloured shapes on a textured background. This is the truth behind the
// demo's images; the captions are in scene_captions.hpp. Includes neither torch nor cairo.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/core/random.hpp"

namespace vlp {

/// Colour of an object.
enum class Colour { red, green, blue, yellow, orange, purple, black, white };
/// Shape of an object.
enum class Shape { circle, square, triangle, bar, cross, ring };
/// Size of an object, as captions call it.
enum class ObjectSize { small, large };
/// Tone of the background.
enum class Tone { gray, beige, dark };
/// What the background is filled with.
enum class Texture { plain, shaded, striped, checked, dotted, grainy };
/// How the objects of a scene stand: beside one another, or above one another.
enum class Layout { row, column };

/// The words of the grammar, indexed by the enumerators above.
namespace scene_words {
inline constexpr std::array<std::string_view, 8> colours{
    "red", "green", "blue", "yellow", "orange", "purple", "black", "white"};  ///< of Colour
inline constexpr std::array<std::string_view, 6> shapes{"circle", "square", "triangle", "bar",
                                                        "cross",  "ring"};  ///< of Shape, one
inline constexpr std::array<std::string_view, 6> plurals{
    "circles", "squares", "triangles", "bars", "crosses", "rings"};        ///< of Shape, several
inline constexpr std::array<std::string_view, 2> sizes{"small", "large"};  ///< of ObjectSize
inline constexpr std::array<std::string_view, 3> tones{"gray", "beige", "dark"};  ///< of Tone
inline constexpr std::array<std::string_view, 6> textures{"plain",  "shaded", "striped", "checked",
                                                          "dotted", "grainy"};  ///< of Texture
inline constexpr std::array<std::string_view, 4> numbers{"zero", "one", "two",
                                                         "three"};  ///< of numbers of objects

/// The word of an enumerator.
template <class E, std::size_t N>
constexpr std::string_view of(const std::array<std::string_view, N>& words, E value) {
  return words[static_cast<std::size_t>(value)];
}
}  // namespace scene_words

/// What a caption must name of every object.
using ColourShape = std::pair<Colour, Shape>;

/// One shape of a scene.
struct SceneObject {
  Colour colour{};
  Shape shape{};
  ObjectSize size{};
  double x = 0.5;         ///< centre, share of the image's width from the left
  double y = 0.5;         ///< centre, share of the image's height from the top
  double diameter = 0.3;  ///< share of the image's longer side
  double rotation = 0;    ///< degrees, clockwise

  /// Its colour and shape.
  [[nodiscard]] ColourShape pair() const { return {colour, shape}; }
};

/// Everything that a picture of the demo shows.
struct Scene {
  std::int64_t width = 0;   ///< pixels
  std::int64_t height = 0;  ///< pixels
  std::vector<SceneObject>
      objects;  ///< in reading order: from the left in a row, from the top in a column
  Layout layout = Layout::row;  ///< of neighbours
  Tone tone{};                  ///< of the background
  Texture texture{};            ///< of the background
};

/// Neighbours that look alike, which captions count: "two red circles".
struct SceneGroup {
  SceneObject object;     ///< the first of them
  std::size_t count = 1;  ///< how many
};

/// The groups of a scene in reading order; equal objects always stand side by side.
[[nodiscard]] inline std::vector<SceneGroup> groups_of(const Scene& scene) {
  std::vector<SceneGroup> groups;
  for (const SceneObject& object : scene.objects)
    if (!groups.empty() && groups.back().object.pair() == object.pair())
      ++groups.back().count;
    else
      groups.push_back({object, 1});
  return groups;
}

namespace detail {

/// Width and height of the images, pixels; each is used in both orientations.
inline constexpr std::array<std::pair<std::int64_t, std::int64_t>, 8> kSceneSizes{
    {{96, 96}, {112, 96}, {128, 112}, {144, 120}, {176, 160}, {192, 160}, {224, 192}, {256, 224}}};

template <class E, std::size_t N>
E pick(RandomStream& random, const std::array<std::string_view, N>&) {
  return static_cast<E>(random.below(N));
}

/// Equal objects become neighbours of equal size, so that a caption may count them.
inline void gather_equal_objects(std::vector<SceneObject>& objects) {
  if (objects.size() == 3 && objects[0].pair() == objects[2].pair())
    std::swap(objects[1], objects[2]);
  for (std::size_t i = 1; i < objects.size(); ++i)
    if (objects[i].pair() == objects[i - 1].pair())
      objects[i].size = objects[i - 1].size = ObjectSize::small;
}

/// Spreads the objects along the layout's axis without overlap and lets them stray a little across
/// it.
inline void place_objects(Scene& scene, RandomStream& random) {
  const auto longer = static_cast<double>(std::max(scene.width, scene.height));
  const bool row = scene.layout == Layout::row;
  const double along = longer / static_cast<double>(row ? scene.width : scene.height);
  const double across = longer / static_cast<double>(row ? scene.height : scene.width);
  constexpr double margin = 0.02;
  double free = 1 - margin;
  for (const SceneObject& object : scene.objects) free -= object.diameter * along + margin;
  double gaps = 0;
  std::vector<double> gap(scene.objects.size() + 1);
  for (double& part : gap) gaps += part = random.uniform(0.2, 1.0);
  double from = margin;
  const double line = random.uniform(0.3, 0.7);
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    SceneObject& object = scene.objects[i];
    const double length = object.diameter * along, height = object.diameter * across;
    from += std::max(free, 0.0) * gap[i] / gaps;
    const double centre = from + length / 2;
    from += length + margin;
    const double edge = height / 2 + margin;
    const double stray = std::clamp(line + random.uniform(-0.1, 0.1), edge, 1 - edge);
    (row ? object.x : object.y) = centre;
    (row ? object.y : object.x) = stray;
  }
}

}  // namespace detail

/// One random scene: 1 to 3 objects that stay recognisable when the image is resized to 64 x 64
/// pixels.
[[nodiscard]] inline Scene random_scene(RandomStream& random) {
  using namespace scene_words;
  Scene scene;
  auto [width, height] = detail::kSceneSizes[random.below(detail::kSceneSizes.size())];
  if (random.below(2)) std::swap(width, height);
  scene.width = width;
  scene.height = height;
  const double crowd = random.uniform();
  const std::size_t count = crowd < 0.5 ? 1 : crowd < 0.82 ? 2 : 3;
  scene.layout = random.below(2) ? Layout::row : Layout::column;
  if (count == 3 && width != height)
    scene.layout = width > height ? Layout::row : Layout::column;  // there is room

  const bool cramped =
      count == 2 && (scene.layout == Layout::row ? width < height : height < width);
  std::size_t large_left = count == 1 || (count == 2 && !cramped) ? count : count == 2 ? 1 : 0;
  for (std::size_t i = 0; i < count; ++i) {
    SceneObject object;
    const bool again = i > 0 && random.below(5) == 0;  // so that there is something to count
    object.colour = again ? scene.objects.back().colour : detail::pick<Colour>(random, colours);
    object.shape = again ? scene.objects.back().shape : detail::pick<Shape>(random, shapes);
    if (large_left > 0 && random.below(2))
      object.size = ObjectSize::large;
    else
      object.size = ObjectSize::small;
    large_left -= object.size == ObjectSize::large ? 1 : 0;
    scene.objects.push_back(object);
  }
  detail::gather_equal_objects(scene.objects);

  bool black = false;
  for (SceneObject& object : scene.objects) {
    const double small_size = count == 1   ? 0.36
                              : count == 2 ? 0.34
                                           : 0.28,
                 large_size = count == 1 ? 0.6
                              : cramped  ? 0.41
                                         : 0.46;
    object.diameter =
        (object.size == ObjectSize::small ? small_size : large_size) * random.uniform(0.97, 1.03);
    object.rotation = random.uniform(-10, 10);
    black = black || object.colour == Colour::black;
  }
  detail::place_objects(scene, random);
  scene.tone = static_cast<Tone>(random.below(black ? 2 : 3));  // nothing black on dark
  scene.texture = detail::pick<Texture>(random, textures);
  return scene;
}

}  // namespace vlp
