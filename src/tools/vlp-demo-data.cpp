// vlp-demo-data: draws the demo's scenes and writes them in the layout of Kaggle's Flickr30k
// folder, with the lists that Karpathy and BLIP made of it. The same seed gives the same bytes
// whatever the number of threads, because every image has a random stream of its own.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>
#include <numbers>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <cairo.h>

#include <nlohmann/json.hpp>

#include "vlp/core/error.hpp"
#include "vlp/core/json.hpp"
#include "vlp/core/parallel.hpp"
#include "vlp/core/random.hpp"
#include "vlp/demo/scene.hpp"
#include "vlp/demo/scene_captions.hpp"
#include "vlp/image/encode.hpp"

namespace {

namespace fs = std::filesystem;
using std::numbers::pi;

constexpr std::string_view kUsage =
    "usage: vlp-demo-data OUT_DIR [--images N=36000] [--seed S=17] [--threads T=2]\n"
    "Draws captioned scenes of coloured shapes into OUT_DIR: results.csv, flickr30k_images/, "
    "scenes.jsonl, and the same\n"
    "captions with splits as dataset_flickr30k.json and flickr30k_{train,val,test}.json.\n";
constexpr int kJpegQuality = 90;

struct Rgb {
  double r, g, b;  // 0-1
};

Rgb jittered(Rgb colour, double by, vlp::RandomStream& random) {
  const auto moved = [&](double channel) {
    return std::clamp(channel + random.uniform(-by, by), 0.0, 1.0);
  };
  const double r = moved(colour.r), g = moved(colour.g);
  return {r, g, moved(colour.b)};
}
Rgb scaled(Rgb colour, double by) {
  return {std::min(colour.r * by, 1.0), std::min(colour.g * by, 1.0), std::min(colour.b * by, 1.0)};
}
void set_source(cairo_t* cairo, Rgb colour) {
  cairo_set_source_rgb(cairo, colour.r, colour.g, colour.b);
}

Rgb rgb_of(vlp::Colour colour) {
  switch (colour) {
    case vlp::Colour::red:    return {0.87, 0.10, 0.12};
    case vlp::Colour::green:  return {0.10, 0.62, 0.20};
    case vlp::Colour::blue:   return {0.12, 0.28, 0.88};
    case vlp::Colour::yellow: return {0.97, 0.90, 0.10};
    case vlp::Colour::orange: return {0.98, 0.50, 0.06};
    case vlp::Colour::purple: return {0.56, 0.16, 0.72};
    case vlp::Colour::black:  return {0.05, 0.05, 0.06};
    case vlp::Colour::white:  return {0.97, 0.97, 0.97};
  }
  return {};
}
Rgb rgb_of(vlp::Tone tone) {
  switch (tone) {
    case vlp::Tone::gray:  return {0.62, 0.63, 0.65};
    case vlp::Tone::beige: return {0.80, 0.72, 0.56};
    case vlp::Tone::dark:  return {0.27, 0.29, 0.34};
  }
  return {};
}

/// Adds the outline of a shape of diameter 1 around the origin to the path.
void trace_shape(cairo_t* cairo, vlp::Shape shape) {
  switch (shape) {
    case vlp::Shape::circle: cairo_arc(cairo, 0, 0, 0.5, 0, 2 * pi); break;
    case vlp::Shape::square: cairo_rectangle(cairo, -0.44, -0.44, 0.88, 0.88); break;
    case vlp::Shape::triangle:
      cairo_translate(cairo, 0, 0.11);
      for (int i = 0; i < 3; ++i)
        cairo_line_to(cairo, 0.6 * std::cos(2 * pi * i / 3 - pi / 2),
                      0.6 * std::sin(2 * pi * i / 3 - pi / 2));
      cairo_close_path(cairo);
      break;
    case vlp::Shape::bar: cairo_rectangle(cairo, -0.5, -0.15, 1, 0.3); break;
    case vlp::Shape::cross:
      cairo_rectangle(cairo, -0.16, -0.5, 0.32, 1);
      cairo_rectangle(cairo, -0.5, -0.16, 1, 0.32);
      break;
    case vlp::Shape::ring:
      cairo_arc(cairo, 0, 0, 0.5, 0, 2 * pi);
      cairo_new_sub_path(cairo);
      cairo_arc_negative(cairo, 0, 0, 0.26, 2 * pi, 0);
      break;
  }
}

/// Fills stripes, checks or dots over a ground that is already there.
void draw_pattern(cairo_t* cairo, const vlp::Scene& scene, vlp::RandomStream& random) {
  const auto longer = static_cast<double>(std::max(scene.width, scene.height));
  const double cell = longer * random.uniform(0.06, 0.11);
  const double reach = longer * 1.5;  // covers the image under any rotation
  cairo_save(cairo);
  cairo_translate(cairo, static_cast<double>(scene.width) / 2,
                  static_cast<double>(scene.height) / 2);
  cairo_rotate(cairo, random.uniform(0, pi));
  cairo_translate(cairo, random.uniform(0, cell), random.uniform(0, cell));
  const int cells = static_cast<int>(reach / cell);
  for (int i = -cells; i <= cells; ++i) {
    if (scene.texture == vlp::Texture::striped)
      cairo_rectangle(cairo, -reach, i * 2 * cell, 2 * reach, cell);
    for (int j = -cells; j <= cells && scene.texture != vlp::Texture::striped; ++j)
      if (scene.texture == vlp::Texture::checked && (i + j) % 2 == 0) {
        cairo_rectangle(cairo, i * cell, j * cell, cell, cell);
      } else if (scene.texture == vlp::Texture::dotted) {
        cairo_new_sub_path(cairo);
        cairo_arc(cairo, i * cell, j * cell, cell * 0.27, 0, 2 * pi);
      }
  }
  cairo_fill(cairo);
  cairo_restore(cairo);
}

void draw_background(cairo_t* cairo, const vlp::Scene& scene, vlp::RandomStream& random) {
  const Rgb ground = scaled(jittered(rgb_of(scene.tone), 0.03, random), random.uniform(0.92, 1.08));
  set_source(cairo, ground);
  cairo_paint(cairo);
  switch (scene.texture) {
    case vlp::Texture::shaded: {
      const double angle = random.uniform(0, 2 * pi), w = static_cast<double>(scene.width),
                   h = static_cast<double>(scene.height);
      const double dx = std::cos(angle) * w / 2, dy = std::sin(angle) * h / 2;
      const std::unique_ptr<cairo_pattern_t, void (*)(cairo_pattern_t*)> gradient(
          cairo_pattern_create_linear(w / 2 - dx, h / 2 - dy, w / 2 + dx, h / 2 + dy),
          cairo_pattern_destroy);
      const Rgb from = scaled(ground, 1.22), to = scaled(ground, 0.7);
      cairo_pattern_add_color_stop_rgb(gradient.get(), 0, from.r, from.g, from.b);
      cairo_pattern_add_color_stop_rgb(gradient.get(), 1, to.r, to.g, to.b);
      cairo_set_source(cairo, gradient.get());
      cairo_paint(cairo);
      break;
    }
    case vlp::Texture::striped:
    case vlp::Texture::checked:
    case vlp::Texture::dotted:
      set_source(cairo, scaled(ground, random.below(2) ? 0.85 : 1.14));
      draw_pattern(cairo, scene, random);
      break;
    case vlp::Texture::plain:
    case vlp::Texture::grainy: break;
  }
}

void draw_object(cairo_t* cairo, const vlp::Scene& scene, const vlp::SceneObject& object,
                 vlp::RandomStream& random) {
  const double diameter =
      object.diameter * static_cast<double>(std::max(scene.width, scene.height));
  cairo_save(cairo);
  cairo_translate(cairo, object.x * static_cast<double>(scene.width),
                  object.y * static_cast<double>(scene.height));
  cairo_rotate(cairo, object.rotation * pi / 180);
  cairo_scale(cairo, diameter, diameter);
  trace_shape(cairo, object.shape);
  set_source(cairo, jittered(rgb_of(object.colour), 0.05, random));
  cairo_fill(cairo);
  cairo_restore(cairo);
}

/// Adds noise to a 32-bit cairo image while packing it as RGB.
std::vector<std::uint8_t> noisy_rgb(cairo_surface_t* surface, const vlp::Scene& scene,
                                    vlp::RandomStream& random) {
  const int amplitude = scene.texture == vlp::Texture::grainy
                            ? 20
                            : 1 + static_cast<int>(random.below(7));  // grey levels
  cairo_surface_flush(surface);
  const unsigned char* const data = cairo_image_surface_get_data(surface);
  const int stride = cairo_image_surface_get_stride(surface);
  std::vector<std::uint8_t> rgb;
  rgb.reserve(static_cast<std::size_t>(scene.width * scene.height * 3));
  for (std::int64_t y = 0; y < scene.height; ++y)
    for (std::int64_t x = 0; x < scene.width; ++x) {
      std::uint32_t pixel = 0;
      std::memcpy(&pixel, data + y * stride + 4 * x, sizeof pixel);
      std::uint64_t bits = random.next();
      for (int shift = 16; shift >= 0; shift -= 8, bits >>= 16) {
        const int noise =
            static_cast<int>(((bits & 0xffff) * static_cast<std::uint64_t>(2 * amplitude + 1)) >>
                             16) -
            amplitude;
        rgb.push_back(static_cast<std::uint8_t>(
            std::clamp(static_cast<int>(pixel >> shift & 0xff) + noise, 0, 255)));
      }
    }
  return rgb;
}

std::vector<std::uint8_t> draw_scene(const vlp::Scene& scene, vlp::RandomStream& random) {
  const std::unique_ptr<cairo_surface_t, void (*)(cairo_surface_t*)> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(scene.width),
                                 static_cast<int>(scene.height)),
      cairo_surface_destroy);
  {
    const std::unique_ptr<cairo_t, void (*)(cairo_t*)> cairo(cairo_create(surface.get()),
                                                             cairo_destroy);
    draw_background(cairo.get(), scene, random);
    for (const vlp::SceneObject& object : scene.objects)
      draw_object(cairo.get(), scene, object, random);
    if (cairo_status(cairo.get()) != CAIRO_STATUS_SUCCESS)
      throw vlp::DataError(std::string("vlp-demo-data: can't draw (") +
                           cairo_status_to_string(cairo_status(cairo.get())) + ").");
  }
  return noisy_rgb(surface.get(), scene, random);
}

/// The truth of one image as a line of JSON.
std::string truth_line(const std::string& image, const vlp::Scene& scene) {
  using namespace vlp::scene_words;
  std::ostringstream line;
  line << std::fixed << std::setprecision(3) << "{\"image\":\"" << image
       << "\",\"width\":" << scene.width << ",\"height\":" << scene.height
       << ",\"background\":{\"tone\":\"" << of(tones, scene.tone) << "\",\"texture\":\""
       << of(textures, scene.texture) << "\"},\"objects\":[";
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    const auto& object = scene.objects[i];
    line << (i ? "," : "") << "{\"colour\":\"" << of(colours, object.colour) << "\",\"shape\":\""
         << of(shapes, object.shape) << "\",\"size\":\"" << of(sizes, object.size)
         << "\",\"x\":" << object.x << ",\"y\":" << object.y << ",\"diameter\":" << object.diameter
         << ",\"rotation\":" << object.rotation << "}";
  }
  line << "],\"relations\":[";
  for (std::size_t i = 0; i + 1 < scene.objects.size(); ++i)
    line << (i ? "," : "") << "[" << i << ",\""
         << (scene.layout == vlp::Layout::row ? "left_of" : "above") << "\"," << i + 1 << "]";
  line << "]}\n";
  return line.str();
}

/// The flaws of the real file in a few rows: quotes around a word, doubled blanks, blanks at the
/// end.
std::string with_flaws(std::string caption, vlp::RandomStream& random) {
  const auto dice = random.below(400);
  if (dice == 0) {
    for (const std::string_view texture : vlp::scene_words::textures)
      if (const auto at = caption.find(texture); at != std::string::npos)
        return caption.replace(at, texture.size(), "\" " + std::string(texture) + " \"");
  } else if (dice == 1) {
    caption.insert(caption.find(' '), " ");
  } else if (dice == 2) {
    caption += "  ";
  }
  return caption;
}

struct Arguments {
  fs::path out;
  std::uint64_t images = 36'000, seed = 17, threads = 2;
};

/// Everything of one image that goes into the text files.
struct Entry {
  std::string rows, truth;
  std::array<std::string, 5> captions;  // without flaws
};

/// The split of an image in the JSON files: 1 of 200 validates, 2 of 200 are for the test, the
/// others train.
std::string_view split_of(std::size_t image) {
  const std::size_t place = image % 200;
  return place == 1 ? "val" : place == 2 || place == 3 ? "test" : "train";
}

/// Karpathy's file: {"images":[{"filename","imgid","split","sentences":[{"raw"}]}]}.
std::string karpathy_json(const std::vector<std::string>& names,
                          const std::vector<Entry>& entries) {
  vlp::Json images = vlp::Json::array();
  for (std::size_t i = 0; i < names.size(); ++i) {
    vlp::Json sentences = vlp::Json::array();
    for (const std::string& caption : entries[i].captions) sentences.push_back({{"raw", caption}});
    images.push_back({{"imgid", i},
                      {"sentences", std::move(sentences)},
                      {"split", split_of(i)},
                      {"filename", names[i]}});
  }
  return vlp::Json{{"images", std::move(images)}, {"dataset", "flickr30k"}}.dump() + "\n";
}

/// BLIP's list of a split: a row a caption for training, a row an image otherwise.
std::string blip_json(std::string_view split, const std::vector<std::string>& names,
                      const std::vector<Entry>& entries) {
  vlp::Json rows = vlp::Json::array();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (split_of(i) != split) continue;
    const std::string image = "flickr30k_images/" + names[i];
    if (split != "train")
      rows.push_back({{"image", image}, {"caption", entries[i].captions}});
    else
      for (const std::string& caption : entries[i].captions)
        rows.push_back({{"image", image}, {"caption", caption}, {"image_id", names[i]}});
  }
  return rows.dump() + "\n";
}

/// @param flawed  leave out the separator in the last row, as row 2199200615.jpg of the real file
///                does
Entry make_entry(const fs::path& folder, const std::string& image, vlp::RandomStream random,
                 bool flawed) {
  const vlp::Scene scene = vlp::random_scene(random);
  const auto captions = vlp::five_captions(scene, random);
  const auto rgb = draw_scene(scene, random);
  vlp::write_jpeg(folder / image, {rgb, scene.height, scene.width}, kJpegQuality);
  Entry entry{{}, truth_line(image, scene), captions};
  for (std::size_t i = 0; i < captions.size(); ++i) {
    const bool last = i + 1 == captions.size();
    entry.rows += image + "| " + std::to_string(i) + (last && flawed ? "   " : "| ") +
                  with_flaws(captions[i], random) + "\n";
  }
  return entry;
}

void generate(const Arguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  if (fs::exists(arguments.out) && !fs::is_empty(arguments.out))
    throw vlp::DataError(arguments.out.string() +
                         ": already there and not empty. Remove it or choose another folder.");
  fs::path partial = arguments.out;
  partial += ".partial";
  fs::remove_all(partial);
  fs::create_directories(partial / "flickr30k_images");

  const vlp::RandomStream seeds(arguments.seed);
  vlp::RandomStream numbering = seeds.derive("names");
  std::uint64_t number = 1'000'092'795;
  std::vector<std::string> names;
  for (std::uint64_t i = 0; i < arguments.images; ++i, number += 1 + numbering.below(150'000))
    names.push_back(std::to_string(number) + ".jpg");
  std::vector<Entry> entries(names.size());
  const auto threads = static_cast<std::int64_t>(arguments.threads);
  vlp::parallel_for(threads, names.size(), [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      entries[i] = make_entry(partial / "flickr30k_images", names[i],
                              seeds.derive("scene").derive(i), i == names.size() * 2 / 3);
  });

  const auto write = [&](const std::string& file, const std::string& text) {
    std::ofstream stream(partial / file, std::ios::binary);
    if (!(stream << text) || !stream.flush())
      throw vlp::DataError((partial / file).string() +
                           ": can't write. Check rights and free space.");
  };
  std::string rows = "image_name| comment_number| comment\n", truth;
  for (const Entry& entry : entries) rows += entry.rows, truth += entry.truth;
  write("results.csv", rows);
  write("scenes.jsonl", truth);
  write("dataset_flickr30k.json", karpathy_json(names, entries));
  for (const std::string split : {"train", "val", "test"})
    write("flickr30k_" + split + ".json", blip_json(split, names, entries));
  std::uintmax_t bytes = 0;
  for (const auto& file : fs::recursive_directory_iterator(partial))
    bytes += file.is_regular_file() ? file.file_size() : 0;
  fs::rename(partial, arguments.out);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::cout << std::fixed << std::setprecision(1) << arguments.out.string() << ": " << names.size()
            << " images, " << 5 * names.size() << " captions, " << static_cast<double>(bytes) / 1e6
            << " MB, " << seconds.count() << " s\n";
}

/// @throws vlp::RecipeError if the command line is wrong
Arguments read_arguments(const std::vector<std::string>& words) {
  Arguments arguments;
  const auto number = [&](std::size_t i, std::uint64_t low, std::uint64_t high) {
    std::uint64_t value = 0;
    const std::string text = i + 1 < words.size() ? words[i + 1] : "";
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high)
      throw vlp::RecipeError(words[i] + ": bad value (got '" + text +
                             "', expected a whole number from " + std::to_string(low) + " to " +
                             std::to_string(high) + ").");
    return value;
  };
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == "--images")
      arguments.images = number(i, 1, 60'000), ++i;
    else if (words[i] == "--seed")
      arguments.seed = number(i, 0, INT64_MAX), ++i;
    else if (words[i] == "--threads")
      arguments.threads = number(i, 1, 256), ++i;
    else if (words[i].starts_with("-") || !arguments.out.empty())
      throw vlp::RecipeError("vlp-demo-data: unknown argument '" + words[i] + "'. See --help.");
    else
      arguments.out = words[i];
  if (arguments.out.empty()) throw vlp::RecipeError("vlp-demo-data: no folder given. See --help.");
  if (!arguments.out.has_filename()) arguments.out = arguments.out.parent_path();  // DIR/ is DIR
  return arguments;
}

}  // namespace

int main(int count, char** words) {
  try {
    const std::vector<std::string> arguments(words + 1, words + count);
    if (std::find(arguments.begin(), arguments.end(), "--help") != arguments.end())
      std::cout << kUsage;
    else
      generate(read_arguments(arguments));
    return 0;
  } catch (const vlp::Error& error) {
    std::cerr << error.what() << "\n";
    return static_cast<int>(error.code());
  } catch (const fs::filesystem_error& error) {
    std::cerr << error.what() << "\n";
    return static_cast<int>(vlp::ExitCode::data);
  } catch (const std::exception& error) {
    std::cerr << "vlp-demo-data: " << error.what() << "\n";
    return static_cast<int>(vlp::ExitCode::unexpected);
  }
}
