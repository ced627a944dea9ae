#pragma once
// Tensors of shapes without memory, so that a large model can be put together, and shapes can be
// followed through it, in no time.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/ExpandUtils.h>
#include <ATen/WrapDimUtils.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>
#include <c10/core/Device.h>
#include <c10/core/DispatchKey.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/util/Exception.h>
#include <torch/library.h>

namespace vlp {

namespace detail {

inline void make_on_meta(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const c10::impl::ExcludeDispatchKeyGuard once(c10::DispatchKey::TESTING_ONLY_GenericMode);
  const auto& arguments = op.schema().arguments();
  const std::size_t first = stack->size() - arguments.size();
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].name() == "device") (*stack)[first + i] = c10::Device(c10::kMeta);
    if (arguments[i].name() == "pin_memory") (*stack)[first + i] = c10::IValue();
  }
  op.callBoxed(stack);
}

/// A tensor of the same shape on the CPU: zeros; of one number only, unless it will be written.
[[nodiscard]] inline at::Tensor cpu_twin(const at::Tensor& meta, bool written) {
  if (!meta.defined() || !meta.is_meta()) return meta;
  const auto options = meta.options().device(c10::kCPU);
  return written ? at::zeros(meta.sizes(), options) : at::zeros({}, options).expand(meta.sizes());
}

[[nodiscard]] inline at::Tensor meta_twin(const at::Tensor& cpu) {
  if (!cpu.defined() || cpu.is_meta()) return cpu;
  return at::empty_strided(cpu.sizes(), cpu.strides(), cpu.options().device(c10::kMeta));
}

/// Calls `f` on each tensor of an operator's argument or result, which becomes what it returns.
template <class F>
void replace_tensors(c10::IValue& value, const F& f) {
  if (value.isTensor()) {
    value = f(value.toTensor());
  } else if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(f(tensor));
    value = list;
  } else if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> list;
    for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorVector())
      list.push_back(tensor ? std::optional(f(*tensor)) : tensor);
    value = list;
  }
}

/// Whether an operator writes to what is given for an argument, or gives back what it has written.
[[nodiscard]] inline bool written(const c10::Argument& argument) {
  return argument.alias_info() && argument.alias_info()->isWrite();
}

/// The shapes that come out of an operator for which LibTorch has no rule in C++: it is computed on
/// the CPU, with zeros that take no memory going in.
inline void follow_on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const c10::impl::ExcludeDispatchKeyGuard real(c10::DispatchKey::TESTING_ONLY_GenericMode);
  const c10::FunctionSchema& schema = op.schema();
  const std::size_t first = stack->size() - schema.arguments().size();
  const std::vector<c10::IValue> given(stack->begin() + static_cast<std::ptrdiff_t>(first),
                                       stack->end());
  for (std::size_t i = 0; i < given.size(); ++i) {
    c10::IValue& value = (*stack)[first + i];
    replace_tensors(value, [&](const at::Tensor& tensor) {
      return cpu_twin(tensor, written(schema.arguments()[i]));
    });
    if (value.isDevice() && value.toDevice().is_meta()) value = c10::Device(c10::kCPU);
  }
  op.callBoxed(stack);
  const std::size_t results = schema.returns().size(), begin = stack->size() - results;
  for (std::size_t r = 0; r < results; ++r) {
    c10::IValue& value = (*stack)[begin + r];
    const c10::Argument& result = schema.returns()[r];
    if (!written(result)) {
      replace_tensors(value, meta_twin);
      continue;
    }
    for (std::size_t i = 0; i < given.size(); ++i) {  // what was written is what was given
      if (!written(schema.arguments()[i]) ||
          *schema.arguments()[i].alias_info() != *result.alias_info())
        continue;
      if (given[i].isTensor() && value.isTensor() &&
          given[i].toTensor().sizes() != value.toTensor().sizes())
        given[i].toTensor().resize_(value.toTensor().sizes());
      value = given[i];
      break;
    }
  }
}

/// An operator that returns nothing changes values, of which there are none. What it writes side by
/// side, such as parameters and their moments, must be of the same shapes.
inline void change_values_on_meta(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& arguments = op.schema().arguments();
  const std::size_t first = stack->size() - arguments.size();
  std::vector<at::Tensor> shapes;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const c10::IValue& value = (*stack)[first + i];
    if (!written(arguments[i]) || !value.isTensorList()) continue;
    const std::vector<at::Tensor> tensors = value.toTensorVector();
    if (shapes.empty()) shapes = tensors;
    if (tensors.empty()) continue;
    TORCH_CHECK(tensors.size() == shapes.size(), op.operator_name().name, ": got ", tensors.size(),
                " tensors as ", arguments[i].name(), ", expected ", shapes.size());
    for (std::size_t k = 0; k < tensors.size(); ++k)
      TORCH_CHECK(tensors[k].sizes() == shapes[k].sizes(), op.operator_name().name, ": got ",
                  arguments[i].name(), " ", tensors[k].sizes(), ", expected ", shapes[k].sizes());
  }
  torch::jit::drop(stack, arguments.size());
}

// The operators of transformers whose tensors are large get rules, so that nothing is computed.

inline at::Tensor where_on_meta(const at::Tensor& condition, const at::Tensor& yes,
                                const at::Tensor& no) {
  const auto shape = at::infer_size(at::infer_size(condition.sizes(), yes.sizes()), no.sizes());
  return at::empty(shape, condition.options().dtype(at::result_type(yes, no)));
}

inline at::Tensor& where_out_on_meta(const at::Tensor& condition, const at::Tensor& yes,
                                     const at::Tensor& no, at::Tensor& out) {
  out.resize_(where_on_meta(condition, yes, no).sizes());
  return out;
}

inline std::tuple<at::Tensor, at::Tensor, at::Tensor> layer_norm_on_meta(
    const at::Tensor& input, at::IntArrayRef normalized, const std::optional<at::Tensor>& weight,
    const std::optional<at::Tensor>&, double) {
  std::vector<std::int64_t> outer = input.sizes().vec();
  const std::size_t inner = outer.size() - normalized.size();
  TORCH_CHECK(normalized.size() <= outer.size() && input.sizes().slice(inner) == normalized &&
                  (!weight || !weight->defined() || weight->sizes() == normalized),
              "layer norm: got input ", input.sizes(), ", expected [..., ", normalized, "]");
  std::fill(outer.begin() + static_cast<std::ptrdiff_t>(inner), outer.end(), 1);
  return {at::empty_like(input), at::empty(outer, input.options()),
          at::empty(outer, input.options())};
}
inline std::tuple<at::Tensor, at::Tensor, at::Tensor> layer_norm_backward_on_meta(
    const at::Tensor&, const at::Tensor& input, at::IntArrayRef normalized, const at::Tensor&,
    const at::Tensor&, const std::optional<at::Tensor>&, const std::optional<at::Tensor>&,
    std::array<bool, 3> wanted) {
  const auto of_weights = [&](bool asked) {
    return asked ? at::empty(normalized, input.options()) : at::Tensor();
  };
  return {wanted[0] ? at::empty_like(input) : at::Tensor(), of_weights(wanted[1]),
          of_weights(wanted[2])};
}

inline at::Tensor embedding_backward_on_meta(const at::Tensor& gradient, const at::Tensor&,
                                             std::int64_t rows, std::int64_t, bool) {
  return at::empty({rows, gradient.size(-1)}, gradient.options());
}

inline at::Tensor index_select_on_meta(const at::Tensor& from, std::int64_t dimension,
                                       const at::Tensor& index) {
  TORCH_CHECK(index.dim() <= 1, "index_select: got an index ", index.sizes(), ", expected [K]");
  std::vector<std::int64_t> shape = from.sizes().vec();
  if (!shape.empty())
    shape[static_cast<std::size_t>(at::maybe_wrap_dim(dimension, from.dim()))] = index.numel();
  return at::empty(shape, from.options());
}

/// Whether an operator has a rule here.
[[nodiscard]] inline bool has_own_rule(const c10::OperatorName& name) {
  const std::string full = c10::toString(name);
  return full == "aten::where.self" || full == "aten::where.self_out" ||
         full == "aten::native_layer_norm" || full == "aten::native_layer_norm_backward" ||
         full == "aten::embedding_dense_backward" || full == "aten::index_select";
}

/// Whether LibTorch computes an operator on the CPU and has no rule in C++ for its shapes.
[[nodiscard]] inline bool needs_rule(const c10::OperatorHandle& op) {
  using K = c10::DispatchKey;
  if (op.operator_name().name == "aten::convolution" ||
      op.operator_name().name == "aten::convolution_backward")
    return true;  // these refer to backends by name
  return op.hasSchema() && op.hasKernelForDispatchKey(K::CPU) &&
         !op.hasKernelForDispatchKey(K::Meta) &&
         !op.hasKernelForDispatchKey(K::CompositeExplicitAutograd) &&
         !op.hasKernelForDispatchKey(K::CompositeExplicitAutogradNonFunctional) &&
         !op.hasKernelForDispatchKey(K::CompositeImplicitAutograd) &&
         op.operator_name().name.starts_with("aten::") &&
         op.operator_name().name != "aten::_local_scalar_dense";  // a value, which there is none of
}

/// Tells LibTorch's dispatcher, once, how tensors are made without memory, and how shapes come out
/// of operators for which it has no rule.
inline void register_meta_rules() {
  static const std::array<torch::Library, 2> libraries = [] {
    torch::Library mode(torch::Library::IMPL, "_", c10::DispatchKey::TESTING_ONLY_GenericMode,
                        __FILE__, __LINE__);
    mode.fallback(torch::CppFunction::makeFromBoxedFunction<&make_on_meta>());
    torch::Library meta(torch::Library::IMPL, "aten", c10::DispatchKey::Meta, __FILE__, __LINE__);
    c10::Dispatcher& dispatcher = c10::Dispatcher::singleton();
    for (const c10::OperatorName& name : dispatcher.getAllOpNames())
      if (const auto op = dispatcher.findOp(name); op && !has_own_rule(name) && needs_rule(*op))
        meta.impl(c10::toString(name).substr(6).c_str(),
                  op->schema().returns().empty()
                      ? torch::CppFunction::makeFromBoxedFunction<&change_values_on_meta>()
                      : torch::CppFunction::makeFromBoxedFunction<&follow_on_cpu>());
    meta.impl("where.self", TORCH_FN(where_on_meta));
    meta.impl("where.self_out", TORCH_FN(where_out_on_meta));
    meta.impl("native_layer_norm", TORCH_FN(layer_norm_on_meta));
    meta.impl("native_layer_norm_backward", TORCH_FN(layer_norm_backward_on_meta));
    meta.impl("embedding_dense_backward", TORCH_FN(embedding_backward_on_meta));
    meta.impl("index_select", TORCH_FN(index_select_on_meta));
    return std::array<torch::Library, 2>{std::move(mode), std::move(meta)};
  }();
}

}  // namespace detail

/// While it lives, whatever this thread makes or moves lies on the device `meta`: shapes and dtypes
/// without values. (Single numbers that LibTorch makes on a path of its own stay on the CPU; they
/// mix with the others.)
class MetaTensors {
 public:
  MetaTensors() = default;
  MetaTensors(const MetaTensors&) = delete;
  MetaTensors& operator=(const MetaTensors&) = delete;

 private:
  struct Registered {
    Registered() { detail::register_meta_rules(); }
  };
  Registered registered_;
  c10::impl::IncludeDispatchKeyGuard guard_{c10::DispatchKey::TESTING_ONLY_GenericMode};
};

/// Whether an error says no more than that a tensor has no values.
/// @param message  LibTorch's, with or without what stands before it
[[nodiscard]] inline bool lacks_values(std::string_view message) {
  for (const std::string_view words :
       {"meta tensor", "Meta tensor", "on meta", "meta device", "data is not allocated yet"})
    if (message.find(words) != message.npos) return true;
  return false;
}

}  // namespace vlp
