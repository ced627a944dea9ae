#pragma once
// A folder of a dataset in the making, and what a dataset says of it.

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/core/error.hpp"

/// Files below a folder of the test's own, which is the context's data folder.
struct DataFolder : ScratchFolder {
  DataFolder() {
    ctx.folders.data = path;
    ctx.machine.console.on_note = [this](std::string_view note) { notes.emplace_back(note); };
  }

  /// Writes a file, and the folders above it.
  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << text;
    return (path / name).string();
  }
  /// Writes images that nobody decodes.
  void images(const std::vector<std::string>& names) const {
    for (const std::string& name : names) write(name, "not decoded here");
  }
  /// What is wrong with a dataset; empty = nothing.
  template <class D>
  [[nodiscard]] std::string problem(const typename D::Options& options) const {
    return vlp_test::message_of<vlp::Error>([&] { (void)vlp::build_component<D>(options, ctx); });
  }
  /// Whether a dataset counts as not there, rather than broken.
  template <class D>
  [[nodiscard]] bool not_found(const typename D::Options& options) const {
    try {
      (void)vlp::build_component<D>(options, ctx);
    } catch (const vlp::DataNotFoundError&) {
      return true;
    } catch (const vlp::Error&) {
    }
    return false;
  }

  vlp::Context ctx;
  std::vector<std::string> notes;
};

/// "id: caption|caption" of each image of a split.
template <class D>
std::vector<std::string> shown_records(const D& dataset, vlp::Split split) {
  std::vector<std::string> lines;
  for (const vlp::ImageRecord& record : dataset.records(split)) {
    std::string line = record.image_id.text() + ":";
    for (std::size_t i = 0; i < record.captions.size(); ++i)
      line += (i > 0 ? "|" : " ") + record.captions[i];
    lines.push_back(line);
  }
  return lines;
}
