// `vlp trace`: a model's numbers on given inputs, as a safetensors file.

#include <filesystem>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "src/torch/commands.hpp"
#include "vlp/assemble/open_model.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/non_finite.hpp"
#include "vlp/image/decode.hpp"
#include "vlp/image/image_names.hpp"
#include "vlp/nn/device.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/trace/trace.hpp"
#include "vlp/weights/finite_tensors.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

namespace {

/// Images as the model's transforms make them: [B, 3, H, W].
at::Tensor preprocessed(const TraceCommand& command, const OpenedModel& opened,
                        at::ScalarType dtype, Terminal& terminal) {
  ImageReading reading = opened.reading;
  reading.orient = reading.orient || command.orient;
  const ImageFiles images_of(reading);
  std::vector<at::Tensor> images;
  ImageNames names({.paths = command.images, .recursive = command.recursive},
                   [&](const std::string& note) { terminal.line(note); });
  while (const auto named = names.next()) {
    if (!named->problem.empty()) throw DataError(named->problem);
    RandomStream random = opened.ctx.facts.seeds.derive(named->name);
    at::Tensor image = opened.transforms(images_of(named->name).pixels, random);
    if (!images.empty() && image.sizes() != images.front().sizes())
      throw DataError(named->name + ": becomes another size than the first image (got " +
                      shape_text(image.sizes()) + ", expected " +
                      shape_text(images.front().sizes()) + "). Trace images of one size together.");
    images.push_back(std::move(image));
  }
  if (const std::string note = images_of.note("--orient turns them upright."); !note.empty())
    terminal.line(note);
  return at::stack(images).to(torch_device(opened.ctx.machine.device), dtype);
}

/// What updates: AdamW with betas 0.9 and 0.999, eps 1e-8, decay on every parameter.
Table optimizer_of(const TraceCommand& command) {
  Table table;
  table.set("use", Value("adamw"));
  table.set("lr", Value(command.lr));
  table.set("weight_decay", Value(command.weight_decay));
  table.set("decay_norms_and_biases", Value(true));
  return table;
}

}  // namespace

int carry_out(const TraceCommand& command, const Registry& registry, Terminal& terminal) {
  const auto folder =
      command.out.has_parent_path() ? command.out.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(folder))
    throw RecipeError("--out " + command.out.string() + ": there is no folder " + folder.string() +
                      ". Make it first.");

  OpenModelArguments arguments = open_arguments(command.machine, terminal);
  arguments.dtype = command.dtype == "float64" ? at::kDouble : at::kFloat;
  OpenedModel opened = open_model(command.model, registry, arguments);

  TraceInputs inputs;
  if (command.images.empty()) {
    inputs = read_trace_inputs(command.inputs, opened.ctx, arguments.dtype, opened.model.serves());
    for (const std::string& name : inputs.unused)
      terminal.line(command.inputs.string() + ": " + name +
                    " is not used by a trace of this model");
  } else {
    inputs.pixel_values = preprocessed(command, opened, arguments.dtype, terminal);
  }

  NamedTensors trace;
  try {
    Tracer tracer(opened.plan, opened.model, registry, opened.ctx);
    trace = tracer.trace(inputs, {.steps = command.steps, .optimizer = optimizer_of(command)});
  } catch (
      const ShapeError& error) {  // what the reader of the inputs can't know, e.g. the longest text
    throw DataError((command.images.empty() ? command.inputs : command.images.front()).string() +
                    ": " + error.what());
  }
  if (!command.images.empty())
    trace.insert(trace.begin(), {"pixel_values", tensor_bytes(inputs.pixel_values)});
  write_safetensors(command.out, trace);
  fmt::print("{}: {} tensors\n", command.out.string(), trace.size());
  const std::string not_finite = not_finite_tensors(command.out.string(), trace);
  blaming_weights(opened.not_finite, [&] {
    if (!not_finite.empty()) throw NonFiniteError(not_finite);
  });
  return 0;
}

}  // namespace vlp
