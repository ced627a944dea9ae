// One contestant of bench/side_by_side.py: times what it is asked for and prints a line of JSON.
// Arguments are KEY=VALUE:
// - task=caption|encoder|train|pretrain|images, model=FOLDER
// - inputs=FILE.safetensors, images=FOLDER, folder=FOLDER
// - batch=N[,N...], beams=N[,N...], repetitions=N, threads=N, device=cpu|cuda
// - precision=fp32|tf32|bf16|fp16|int8
// Of several batches or beams each gets a line; one that the GPU has no memory for says so in it.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "plugins/loss/lm.hpp"
#include "plugins/optimizer/adamw.hpp"
#include "plugins/transform/normalize.hpp"
#include "plugins/transform/resize.hpp"
#include "src/torch/keep_memory.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/assemble/open_model.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/data/to_device.hpp"
#include "vlp/image/decode.hpp"
#include "vlp/nn/autocast.hpp"
#include "vlp/nn/device.hpp"
#include "vlp/nn/inference.hpp"
#include "vlp/nn/tf32.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/registry/builtin.hpp"
#include "vlp/tasks/train.hpp"
#include "vlp/train/device.hpp"
#include "vlp/train/trainer.hpp"
#include "vlp/weights/safetensors.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Arguments {
 public:
  Arguments(int count, char** words) {
    for (int i = 1; i < count; ++i) {
      const std::string_view word = words[i];
      const std::size_t equals = word.find('=');
      if (equals == word.npos) throw vlp::RecipeError(fmt::format("{}: expected KEY=VALUE.", word));
      values_.emplace(word.substr(0, equals), word.substr(equals + 1));
    }
  }
  [[nodiscard]] std::string text(const std::string& key, const std::string& otherwise = "") const {
    const auto found = values_.find(key);
    return found == values_.end() ? otherwise : found->second;
  }
  [[nodiscard]] std::int64_t number(const std::string& key, std::int64_t otherwise) const {
    const auto found = values_.find(key);
    return found == values_.end() ? otherwise : std::stoll(found->second);
  }
  [[nodiscard]] std::vector<std::int64_t> numbers(const std::string& key,
                                                  const std::string& otherwise) const {
    std::vector<std::int64_t> all;
    std::istringstream words(text(key, otherwise));
    for (std::string word; std::getline(words, word, ',');) all.push_back(std::stoll(word));
    return all;
  }

 private:
  std::map<std::string, std::string> values_;
};

/// Seconds of each repetition, after one that doesn't count. `work` waits for its device.
template <class F>
std::vector<double> seconds_of(std::int64_t repetitions, F&& work) {
  work();
  std::vector<double> seconds;
  for (std::int64_t i = 0; i < repetitions; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return seconds;
}

/// A device has done its work when something that depends on it has reached the host.
void wait_for(const at::Tensor& result) { (void)result.flatten()[0].item<float>(); }

vlp::Precision precision_of(const std::string& text) {
  return text == "tf32"   ? vlp::Precision::tf32
         : text == "bf16" ? vlp::Precision::bf16
         : text == "fp16" ? vlp::Precision::fp16
                          : vlp::Precision::fp32;
}

class Measurement {
 public:
  explicit Measurement(const Arguments& arguments)
      : repetitions_(arguments.number("repetitions", 1)),
        precision_(arguments.text("precision", "fp32")) {
    vlp::add_builtin_plugins(registry_);
    vlp::OpenModelArguments open;
    open.device = vlp::choose_device(arguments.text("device", "cpu")).device;
    open.threads = arguments.number("threads", 0);
    open.share_dir = arguments.text("share", "share");
    opened_.emplace(vlp::open_model(arguments.text("model"), registry_, open));
    const vlp::SafetensorsFile file = vlp::read_safetensors(arguments.text("inputs"));
    const auto input = [&](const char* name) {
      return vlp::tensor_view(file.tensor(name)).clone().to(device());
    };
    all_pixels_ = input("pixel_values");
    all_ids_ = input("input_ids");
  }

  /// Takes so many of the inputs, from the first again where there are fewer.
  void take(std::int64_t batch) {
    batch_ = batch;
    const at::Tensor rows = at::arange(batch, all_ids_.options()).remainder(all_ids_.size(0));
    pixels_ = all_pixels_.index_select(0, rows);
    ids_ = all_ids_.index_select(0, rows);
    if (device().is_cpu()) return;
    allocator().emptyCache();
    allocator().resetPeakStats(device().index());
  }

  /// Most memory that tensors had on the GPU since `take`, bytes; 0 on a CPU.
  [[nodiscard]] std::int64_t peak_memory() const {
    if (device().is_cpu()) return 0;
    using Stat = c10::CachingAllocator::StatType;
    return allocator()
        .getDeviceStats(device().index())
        .allocated_bytes[static_cast<std::size_t>(Stat::AGGREGATE)]
        .peak;
  }

  json caption(std::int64_t beams) {
    const at::NoGradGuard no_grad;
    prepare();
    std::vector<std::vector<std::int64_t>> ids;
    vlp::GenerateOptions options{.beams = beams, .max_length = 21, .min_length = 21};
    options.repetition_penalty = 1.5;  // or random weights repeat one token
    const auto seconds = seconds_of(repetitions_, [&] {
      const vlp::Autocast autocast(precision_of(precision_), opened_->ctx.machine.device);
      const auto results =
          parts().get<vlp::Generate>()(parts().call<vlp::ImageStates>(pixels_), {}, options, {});
      ids.clear();
      for (const auto& candidates : results) ids.push_back(candidates.front().ids);
    });
    return {{"seconds", seconds}, {"items", batch_}, {"beams", beams}, {"ids", ids}};
  }

  json encoder() {
    const at::NoGradGuard no_grad;
    prepare();
    const auto seconds = seconds_of(repetitions_, [&] {
      const vlp::Autocast autocast(precision_of(precision_), opened_->ctx.machine.device);
      wait_for(parts().call<vlp::ImageStates>(pixels_));
    });
    return {{"seconds", seconds}, {"items", batch_}};
  }

  json train() {
    vlp::Context ctx = opened_->ctx;
    ctx.machine.precision = precision_of(precision_);
    vlp::Trainer trainer(opened_->model, vlp::LanguageModelLoss(vlp::LanguageModelLoss::Options{}),
                         vlp::AdamW(vlp::AdamW::Options{.lr = 5e-5, .weight_decay = 0.1}),
                         {.clip_norm = 1.0}, ctx);
    const std::int64_t length = ids_.size(1);
    vlp::Batch batch;
    batch.pixels = pixels_;
    batch.texts.token_ids = ids_;
    batch.texts.token_mask = at::ones(ids_.sizes(), ids_.options().dtype(at::kBool));
    batch.texts.target_index = at::arange(batch_ * length, ids_.options())
                                   .view({batch_, length})
                                   .narrow(1, 0, length - 1)
                                   .flatten();
    batch.texts.targets = ids_.narrow(1, 1, length - 1).flatten().contiguous();
    std::vector<double> losses;
    const auto seconds = seconds_of(
        repetitions_, [&] { losses.push_back(trainer.step(batch).loss.item<double>()); });
    return {{"seconds", seconds}, {"items", batch_}, {"losses", losses}};
  }

 private:
  const vlp::ModelParts& parts() const { return opened_->model.parts(); }
  at::Device device() const { return vlp::torch_device(opened_->ctx.machine.device); }
  c10::DeviceAllocator& allocator() const { return *c10::getDeviceAllocator(device().type()); }

  void prepare() {
    if (weights_) return;
    vlp::choose_tf32(precision_of(precision_));
    if (opened_->ctx.machine.device.type == vlp::DeviceName::Type::cpu &&
        (precision_ == "fp32" || precision_ == "int8"))
      weights_.emplace(opened_->model.ptr(),
                       precision_ == "int8" ? vlp::WeightForm::int8 : vlp::WeightForm::packed);
  }

  std::int64_t batch_ = 0, repetitions_;
  std::string precision_;
  vlp::Registry registry_;
  std::optional<vlp::OpenedModel> opened_;
  std::optional<vlp::InferenceWeights> weights_;
  at::Tensor all_pixels_, all_ids_, pixels_, ids_;
};

/// JPEG files to normalised 384 x 384 tensors.
json images(const Arguments& arguments) {
  at::set_num_threads(static_cast<int>(arguments.number("threads", 1)));
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(arguments.text("images")))
    files.push_back(entry.path());
  std::ranges::sort(files);
  const vlp::Resize resize{vlp::Resize::Options{}};
  const vlp::Normalize normalize{vlp::Normalize::Options{}};
  vlp::RandomStream random(0);
  double sum = 0;
  const auto seconds = seconds_of(arguments.number("repetitions", 1), [&] {
    for (const fs::path& file : files)
      sum += normalize(resize(vlp::decode_image(file), random), random)[0][0][0].item<double>();
  });
  return {{"seconds", seconds}, {"items", files.size()}, {"sum", sum}};
}

/// Updates of the recipe that bench/pretrain_peer.py has written, from its weights and queues, on
/// one batch of its inputs.
json pretrain(const Arguments& arguments) {
  vlp::Registry registry;
  vlp::add_builtin_plugins(registry);
  const fs::path folder = arguments.text("folder");
  const vlp::Plan plan = vlp::plan_training(
      vlp::load_recipe(folder / "recipe.toml",
                       {"train.precision=\"" + arguments.text("precision", "fp32") + "\""}),
      registry);
  vlp::RunArguments run;
  run.device = vlp::choose_device(arguments.text("device", "cpu")).device;
  run.threads = arguments.number("threads", 0);
  run.share_dir = arguments.text("share", "share");
  vlp::Context ctx = vlp::open_context(plan, run);
  (void)vlp::load_preprocessing(plan, ctx);
  const vlp::InitialWeights weights = vlp::open_initial_weights(plan, ctx);
  vlp::AnyModel model = vlp::build_model(plan, ctx, weights);
  vlp::Trainer trainer(model, vlp::build_losses(plan, ctx, weights), plan.optimizer->build(ctx),
                       {.clip_norm = 0}, ctx);

  const vlp::SafetensorsFile file = vlp::read_safetensors(folder / "inputs.safetensors");
  const std::int64_t size = arguments.number("batch", 2);
  const auto input = [&](const char* name) {
    return vlp::tensor_view(file.tensor(name)).narrow(0, 0, size).clone();
  };
  vlp::Batch batch;
  batch.pixels = input("pixel_values");
  batch.texts.token_ids = input("input_ids");
  batch.texts.token_mask = input("attention_mask").to(at::kBool);
  const std::int64_t length = batch.texts.token_ids.size(1);
  batch.texts.target_index = (batch.texts.token_mask.slice(1, 1) *
                              (at::arange(size).view({size, 1}) * length + at::arange(1, length)))
                                 .masked_select(batch.texts.token_mask.slice(1, 1)) -
                             1;
  batch.texts.targets =
      batch.texts.token_ids.flatten().index_select(0, batch.texts.target_index + 1);
  batch.image_index = at::arange(size);
  batch = vlp::to_device(std::move(batch), vlp::torch_device(ctx.machine.device));
  json losses = json::array();
  const auto seconds = seconds_of(arguments.number("repetitions", 1), [&] {
    json parts = json::array();
    for (const auto& [name, part] : trainer.step(batch).parts)
      if (name.find('.') == name.npos) parts.push_back(part.item<double>());
    losses.push_back(parts);
  });
  return {{"seconds", seconds}, {"items", size}, {"losses", losses}};
}

void print(const json& line) {
  fmt::print("{}\n", line.dump());
  std::fflush(stdout);  // what was measured is known even if the next takes too long
}

/// Of one batch size; where a GPU has no memory for it, that.
json measured(Measurement& measurement, const std::string& task, std::int64_t batch,
              std::int64_t beams) {
  try {
    measurement.take(batch);
    json line = task == "caption"   ? measurement.caption(beams)
                : task == "encoder" ? measurement.encoder()
                                    : measurement.train();
    line["peak_bytes"] = measurement.peak_memory();
    return line;
  } catch (const std::exception& error) {  // LibTorch's, or that of the component in which it was
    if (std::string_view(error.what()).find("out of memory") == std::string_view::npos) throw;
    return {{"items", batch}, {"beams", beams}, {"error", "out of memory"}};
  }
}

void measure(const Arguments& arguments) {
  const std::string task = arguments.text("task");
  if (task == "images") return print(images(arguments));
  if (task == "pretrain") return print(pretrain(arguments));
  if (task != "caption" && task != "encoder" && task != "train")
    throw vlp::RecipeError(
        fmt::format("task={}: expected caption, encoder, train, pretrain or images.", task));
  Measurement measurement(arguments);
  for (const std::int64_t batch : arguments.numbers("batch", "1"))
    for (const std::int64_t beams : arguments.numbers("beams", "3"))
      print(measured(measurement, task, batch, beams));
}

}  // namespace

int main(int count, char** words) {
  vlp::keep_freed_memory();
  try {
    measure(Arguments(count, words));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "measure: {}\n", error.what());
    return 1;
  }
}
