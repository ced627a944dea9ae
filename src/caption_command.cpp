#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "commands.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/image/decode.hpp"
#include "vlp/nn/autocast.hpp"
#include "vlp/plan.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/report/run_folder.hpp"

namespace vlp {

namespace {

namespace fs = std::filesystem;

/// Calls `visit` for every image that the command names, folders in sorted order, without holding them all.
void for_each_image(const Command& command, const std::function<void(const fs::path&)>& visit) {
  for (const fs::path& path : command.images) {
    if (!fs::is_directory(path)) {
      visit(path);
      continue;
    }
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(path)) {
      std::string extension = entry.path().extension().string();
      std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      if (entry.is_regular_file() && (extension == ".jpg" || extension == ".jpeg" || extension == ".png")) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    for (const fs::path& file : files) visit(file);
  }
  if (command.image_list.empty()) return;
  std::ifstream list(command.image_list);
  if (!list) throw DataError(command.image_list.string() + ": list of images not found or not readable.");
  for (std::string line; std::getline(list, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) visit(line);
  }
}

GenerateOptions generate_options(const Command& command, GenerateOptions options) {
  options.beams = command.beams.value_or(options.beams);
  options.min_length = command.min_length.value_or(options.min_length);
  options.length_penalty = command.length_penalty.value_or(options.length_penalty);
  options.repetition_penalty = command.repetition_penalty.value_or(options.repetition_penalty);
  options.max_new_tokens = command.max_new_tokens.value_or(command.max_length ? 0 : options.max_new_tokens);
  options.max_length = command.max_length.value_or(options.max_length);
  if (command.early_stopping)
    options.early_stopping = *command.early_stopping == "true"    ? EarlyStopping::yes
                             : *command.early_stopping == "never" ? EarlyStopping::never
                                                                  : EarlyStopping::no;
  const std::int64_t wanted = command.num_captions.value_or(1);
  if (wanted > options.beams)
    throw RecipeError(
        fmt::format("--num-captions {}: more than the beams (got {} beams). Use --beams {} or more.", wanted, options.beams, wanted));
  return options;
}

/// A trained model with everything around it, as its run folder describes it.
class Captioning {
 public:
  Captioning(const Command& command, const Registry& registry, Terminal& terminal) : command_(command), terminal_(terminal) {
    const fs::path recipe_file = command.model / "recipe.toml";
    if (!fs::is_regular_file(recipe_file))
      throw WeightsError(command.model.string() +
                         ": not a run folder (no recipe.toml in it). Give the folder that `vlp run` printed, or its model/.");
    std::vector<std::string> sets{"model.weights=" + detail::toml_string(command.model.string())};
    for (const fs::path& vocabulary : {command.model / "model" / "vocab.txt", command.model / "vocab.txt"})
      if (fs::exists(vocabulary)) sets.push_back("tokenizer.vocabulary=" + detail::toml_string(vocabulary.string()));
    const Plan plan = make_plan(load_recipe(recipe_file, sets), registry);

    RunArguments arguments;
    const DeviceChoice choice = choose_device(command.device);
    arguments.device = choice.device;
    arguments.threads = command.threads;
    arguments.share_dir = command.share_dir;
    ctx_ = open_context(plan, arguments);
    ctx_.precision = command.precision == "fp32" ? Precision::fp32 : command.precision == "bf16" ? Precision::bf16 : Precision::fp16;
    if (ctx_.precision == Precision::fp16 && ctx_.device.type == DeviceName::Type::cpu)
      throw RecipeError("--precision fp16: needs a GPU and this is a CPU. Use fp32 or bf16.");
    preprocessing_.emplace(load_preprocessing(plan, ctx_));
    model_.emplace(build_model(plan, ctx_));
    model_->ptr()->eval();
    if (!model_->parts().generate)
      throw RecipeError(command.model.string() + ": model '" + plan.model.name() + "' doesn't write captions.");
    prompt_ = prompt_ids(preprocessing_->tokenizer, command.prompt.value_or(preprocessing_->prompt));
    options_ = generate_options(command, plan.generate);
    terminal.line("device " + ctx_.device.text());
  }

  /// @return  how many images could not be read
  std::int64_t caption_all() {
    for_each_image(command_, [&](const fs::path& file) {
      ++named_;
      try {
        at::Tensor image = decode_image(file);
        RandomStream random = ctx_.seeds.derive(file.string());
        for (const AnyTransform& transform : preprocessing_->transforms) image = transform(image, random);
        files_.push_back(file);
        pixels_.push_back(std::move(image));
      } catch (const DataError& error) {
        terminal_.line(std::string("error: ") + error.what());
        ++broken_;
      }
      if (static_cast<std::int64_t>(files_.size()) == command_.batch_size) caption_batch();
    });
    caption_batch();
    if (named_ == 0) throw DataError("caption: no images given. Name images, folders of .jpg and .png files, or a --list.");
    return broken_;
  }

 private:
  void caption_batch() {
    if (files_.empty()) return;
    const at::NoGradGuard no_grad;
    const Autocast autocast(ctx_.precision, ctx_.device);
    const at::Tensor pixels = at::stack(pixels_).to(torch_device(ctx_.device));
    const auto candidates = model_->parts().generate(model_->parts().image_states(pixels), prompt_, options_);
    for (std::size_t i = 0; i < files_.size(); ++i) print(files_[i], candidates[i]);
    files_.clear();
    pixels_.clear();
  }

  void print(const fs::path& file, const std::vector<Candidate>& candidates) const {
    const auto wanted = static_cast<std::size_t>(command_.num_captions.value_or(1));
    Json captions = Json::array();
    for (std::size_t i = 0; i < std::min(wanted, candidates.size()); ++i) {
      const std::string text = preprocessing_->tokenizer.decode(candidates[i].ids);
      if (command_.json)
        captions.push_back({{"text", text}, {"ids", candidates[i].ids}, {"score", candidates[i].score}});
      else
        fmt::print("{}: {}\n", file.string(), text);
    }
    if (command_.json) fmt::print("{}\n", Json{{"image", file.string()}, {"captions", captions}}.dump());
    std::fflush(stdout);
  }

  const Command& command_;
  Terminal& terminal_;
  Context ctx_;
  std::optional<Preprocessing> preprocessing_;
  std::optional<AnyModel> model_;
  std::vector<std::int64_t> prompt_;
  GenerateOptions options_;
  std::vector<fs::path> files_;
  std::vector<at::Tensor> pixels_;
  std::int64_t named_ = 0, broken_ = 0;
};

}  // namespace

int caption_command(const Command& command, const Registry& registry, Terminal& terminal) {
  Captioning captioning(command, registry, terminal);
  return captioning.caption_all() == 0 ? 0 : static_cast<int>(ExitCode::data);
}

}  // namespace vlp
