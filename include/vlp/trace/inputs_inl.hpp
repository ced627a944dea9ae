#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/error.hpp"
#include "vlp/nn/device.hpp"
#include "vlp/trace/inputs.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

namespace detail {

/// Reads one file; every message names it and the tensor.
class TraceInputReader {
 public:
  TraceInputReader(const std::filesystem::path& path, const Context& ctx, at::ScalarType dtype,
                   const Parts& serves)
      : path_(path), ctx_(ctx), dtype_(dtype), serves_(serves), file_(open(path)) {}

  [[nodiscard]] TraceInputs read() {
    if (!has("pixel_values"))
      fail("pixel_values", "is missing (the file has " + names() + ")",
           "Add it: float [B, 3, H, W].");
    TraceInputs inputs;
    inputs.pixel_values = pixels("pixel_values");
    const std::int64_t height = ctx_.facts.dimensions.image_height,
                       width = ctx_.facts.dimensions.image_width;
    if (height > 0 &&
        (inputs.pixel_values.size(2) != height || inputs.pixel_values.size(3) != width))
      fail("pixel_values",
           "are of another size than the model's images (got " +
               shape_text(inputs.pixel_values.sizes()) + ", expected [B, 3, " +
               std::to_string(height) + ", " + std::to_string(width) + "])",
           "Call them interp_pixel_values to have the positions interpolated.");
    if (has("interp_pixel_values")) inputs.interp_pixel_values = pixels("interp_pixel_values");
    const bool writes = serves_.contains(DecoderLogits::name),
               reads = serves_.contains(TextStates::name);
    if (writes || reads) read_texts(inputs);
    if (writes) read_labels(inputs);
    if (reads) read_retrieval(inputs);
    for (const auto& [name, tensor] : file_.tensors)
      if (!used_.contains(name) && name != "prompt_ids") inputs.unused.push_back(name);
    return inputs;
  }

 private:
  static SafetensorsFile open(const std::filesystem::path& path) {
    try {
      return read_safetensors(path);
    } catch (const WeightsError& error) {
      throw DataError(error.what());
    }
  }

  [[noreturn]] void fail(const std::string& name, const std::string& what,
                         const std::string& advice) const {
    throw DataError(path_.string() + ": " + name + " " + what + ". " + advice);
  }
  [[nodiscard]] bool has(const std::string& name) const { return file_.tensors.contains(name); }
  [[nodiscard]] std::string names() const {
    std::string text;
    for (const auto& [name, tensor] : file_.tensors) text += (text.empty() ? "" : ", ") + name;
    return text.empty() ? "no tensor" : text;
  }
  [[nodiscard]] at::Tensor take(const std::string& name) {
    used_.insert(name);
    return tensor_view(file_.tensor(name));
  }
  [[nodiscard]] static std::string described(const at::Tensor& tensor) {
    return dtype_name(tensor.scalar_type()) + " " + shape_text(tensor.sizes());
  }

  [[nodiscard]] at::Tensor pixels(const std::string& name) {
    const at::Tensor value = take(name);
    if (!value.is_floating_point() || value.dim() != 4 || value.size(1) != 3 || value.numel() == 0)
      fail(name,
           "has the wrong dtype or shape (got " + described(value) + ", expected F32 [B, 3, H, W])",
           "Store preprocessed images.");
    return value.to(torch_device(ctx_.machine.device), dtype_, /*non_blocking=*/false,
                    /*copy=*/true);
  }

  /// @param shape    sizes, 0 = any
  /// @param because  a name that asks for this one
  /// @return         int64 of this shape
  [[nodiscard]] at::Tensor integers(const std::string& name, const std::vector<std::int64_t>& shape,
                                    const std::string& because, const char* advice) {
    if (!has(name))
      fail(name, "is missing although there are " + because,
           shape.size() == 1 ? "Add it: int64 [B]." : "Add it: int64 [B, T].");
    const at::Tensor value = take(name);
    bool good = at::isIntegralType(value.scalar_type(), /*includeBool=*/true) &&
                value.dim() == static_cast<std::int64_t>(shape.size());
    std::string expected;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      good = good && value.size(static_cast<std::int64_t>(i)) > 0 &&
             (shape[i] == 0 || value.size(static_cast<std::int64_t>(i)) == shape[i]);
      expected += (i == 0 ? "" : ", ") + (shape[i] > 0 ? std::to_string(shape[i])
                                          : i == 0     ? "M"
                                                       : "T");
    }
    if (!good)
      fail(name,
           "has the wrong dtype or shape (got " + described(value) + ", expected I64 [" + expected +
               "])",
           advice);
    return value.to(torch_device(ctx_.machine.device), at::kLong, /*non_blocking=*/false,
                    /*copy=*/true);
  }

  /// @throws DataError unless all values lie in 0 to `limit` - 1, or are `other`
  void check_range(const std::string& name, const at::Tensor& value, std::int64_t limit,
                   std::int64_t other) const {
    const at::Tensor bad = value.masked_select((value.lt(0) | value.ge(limit)) & value.ne(other));
    if (bad.numel() > 0)
      fail(name,
           "holds a value out of range (got " + std::to_string(bad[0].item<std::int64_t>()) +
               ", expected 0 to " + std::to_string(limit - 1) +
               (other < 0 ? " or " + std::to_string(other) : "") + ")",
           limit > 2              ? "Store ids of this model's vocabulary."
           : name == "itm_labels" ? "Store 1 where text and image belong together, else 0."
                                  : "Store 1 for tokens and 0 for padding.");
  }

  static constexpr const char* kOneTextEach = "Store one text an image.";

  [[nodiscard]] at::Tensor ids(const std::string& name, const std::vector<std::int64_t>& shape,
                               const std::string& because) {
    at::Tensor value =
        integers(name, shape, because, shape.front() > 0 ? kOneTextEach : "Store one text a row.");
    check_range(name, value, ctx_.facts.dimensions.vocabulary_size, 0);
    return value;
  }
  [[nodiscard]] at::Tensor mask(const std::string& name, const at::Tensor& of,
                                const std::string& because) {
    const at::Tensor value = integers(name, of.sizes().vec(), because, kOneTextEach);
    check_range(name, value, 2, 0);
    return value.to(at::kBool);
  }

  void read_texts(TraceInputs& inputs) {
    for (const char* name : {"labels", "labels_prompt_masked", "itm_labels"})
      if (!has("input_ids") && has(name) &&
          serves_.contains(name[0] == 'l' ? DecoderLogits::name : MatchLogits::name))
        fail("input_ids", "is missing although there are labels", "Add it: int64 [B, T].");
    if (!has("input_ids")) return;
    inputs.input_ids = ids("input_ids", {inputs.pixel_values.size(0), 0}, "");
    inputs.attention_mask = mask("attention_mask", inputs.input_ids, "input_ids");
  }

  void read_labels(TraceInputs& inputs) {
    if (!inputs.input_ids.defined()) return;
    const at::Tensor first = inputs.input_ids.select(1, 0);
    const at::Tensor others = first.masked_select(first.ne(ctx_.facts.tokens.decode));
    if (others.numel() > 0)
      fail("input_ids",
           "don't begin with the decoder's first token (got " +
               std::to_string(others[0].item<std::int64_t>()) + ", expected " +
               std::to_string(ctx_.facts.tokens.decode) + ")",
           "Put it at position 0 of every row, in place of [CLS].");
    for (const auto& [name, into] :
         {std::pair("labels", &inputs.labels),
          std::pair("labels_prompt_masked", &inputs.labels_prompt_masked)}) {
      if (!has(name)) continue;
      *into = integers(name, inputs.input_ids.sizes().vec(), "", kOneTextEach);
      check_range(name, *into, ctx_.facts.dimensions.vocabulary_size, -100);
      if (into->slice(1, 1).ne(-100).sum().item<std::int64_t>() == 0)
        fail(name, "supervise no token (all behind the first column are -100)",
             "Store ids to be predicted, or leave the labels out.");
    }
  }

  void read_retrieval(TraceInputs& inputs) {
    const std::int64_t rows = inputs.pixel_values.size(0);
    if (serves_.contains(MatchLogits::name) && inputs.input_ids.defined()) {
      if (has("input_ids_enc"))
        inputs.input_ids_enc = ids("input_ids_enc", inputs.input_ids.sizes().vec(), "");
      if (has("itm_labels")) {
        inputs.itm_labels = integers("itm_labels", {rows}, "", "Store one label an image.");
        check_range("itm_labels", inputs.itm_labels, 2, 0);
      }
    }
    if (!has("all_input_ids")) return;
    inputs.all_input_ids = ids("all_input_ids", {0, 0}, "");
    inputs.all_attention_mask = mask("all_attention_mask", inputs.all_input_ids, "all_input_ids");
  }

  std::filesystem::path path_;
  const Context& ctx_;
  at::ScalarType dtype_;
  Parts serves_;
  SafetensorsFile file_;
  std::set<std::string, std::less<>> used_;
};

}  // namespace detail

VLP_INLINE TraceInputs read_trace_inputs(const std::filesystem::path& path, const Context& ctx,
                                         at::ScalarType dtype, const Parts& serves) {
  return detail::TraceInputReader(path, ctx, dtype, serves).read();
}

VLP_INLINE NamedTensors trace_tensors(const Batch& batch, const SpecialTokens& tokens,
                                      const Parts& serves) {
  NamedTensors tensors;
  const auto put = [&](const char* name, const at::Tensor& tensor) {
    tensors.emplace_back(name, tensor_bytes(tensor));
  };
  put("pixel_values", batch.pixels);
  if (!batch.texts.token_ids.defined()) return tensors;
  const auto begun_with = [&](std::int64_t token) {
    at::Tensor ids = batch.texts.token_ids.clone();
    ids.select(1, 0).fill_(token);
    return ids;
  };
  const bool writes = serves.contains(DecoderLogits::name),
             matches = serves.contains(MatchLogits::name);
  put("input_ids", writes ? begun_with(tokens.decode) : batch.texts.token_ids);
  put("attention_mask", batch.texts.token_mask.to(at::kLong));
  if (writes) {
    const at::Tensor next = at::full_like(batch.texts.token_ids, -100).flatten();
    next.index_put_({batch.texts.target_index}, batch.texts.targets);
    const at::Tensor shifted = next.view(batch.texts.token_ids.sizes());
    put("labels",
        at::cat({at::full_like(shifted.slice(1, 0, 1), -100), shifted.slice(1, 0, -1)}, 1));
  }
  if (matches) put("input_ids_enc", begun_with(tokens.encode));
  return tensors;
}

}  // namespace vlp
