#pragma once
// Classes and functions that a pickle may name besides tensors: those of the settings and numbers
// that training scripts save beside weights. Nothing is made of them and no module is looked for:
// what a pickle says of such a value is passed over. Includes no torch.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

namespace vlp {

namespace detail {

/// Modules and the names in them, divided by spaces.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 18> kOpaqueNames{
    {{"argparse", "Namespace"},
     {"collections", "Counter"},
     // Types of Python itself, as what makes the values of a defaultdict, and as omegaconf's types.
     {"builtins",
      "bool bytearray complex dict float frozenset int list object range set slice str tuple"},
     {"__builtin__",
      "bool bytearray complex dict float frozenset int list long object set slice str tuple "
      "unicode xrange"},
     {"typing", "Any"},
     {"pathlib", "Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath"},
     {"pathlib._local", "Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath"},
     // NumPy 1 and 2: numbers, arrays, and the types of both.
     {"numpy",
      "bool bool_ complex128 complex64 dtype float16 float32 float64 int16 int32 int64 int8 "
      "ndarray str_ uint16 uint32 uint64 uint8"},
     {"numpy.core.multiarray", "_reconstruct scalar"},
     {"numpy._core.multiarray", "_reconstruct scalar"},
     {"numpy.dtypes",
      "BoolDType Complex128DType Complex64DType Float16DType Float32DType Float64DType Int16DType "
      "Int32DType Int64DType Int8DType StrDType UInt16DType UInt32DType UInt64DType UInt8DType"},
     // What Hydra, Lightning and LAVIS write.
     {"omegaconf", "DictConfig ListConfig"},
     {"omegaconf.base", "ContainerMetadata Metadata UnionNode"},
     {"omegaconf.dictconfig", "DictConfig"},
     {"omegaconf.listconfig", "ListConfig"},
     {"omegaconf.nodes",
      "AnyNode BooleanNode BytesNode FloatNode IntegerNode InterpolationResultNode PathNode "
      "StringNode ValueNode"},
     {"torch",
      "complex128 complex32 complex64 float8_e4m3fn float8_e5m2 preserve_format uint16 "
      "uint32 uint64"},
     {"torch.torch_version", "TorchVersion"}}};

}  // namespace detail

/// Whether a value may be of that class or come from that function.
/// @param name  module and name, e.g. "argparse.Namespace"
[[nodiscard]] constexpr bool is_opaque_name(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == name.npos) return false;
  const std::string_view module = name.substr(0, dot), own = name.substr(dot + 1);
  const auto* known = std::ranges::find(detail::kOpaqueNames, module,
                                        [](const auto& names) { return names.first; });
  if (own.empty() || own.find(' ') != own.npos || known == detail::kOpaqueNames.end()) return false;
  const std::string_view names = known->second;
  for (std::size_t at = names.find(own); at != names.npos; at = names.find(own, at + 1))
    if ((at == 0 || names[at - 1] == ' ') &&
        (at + own.size() == names.size() || names[at + own.size()] == ' '))
      return true;
  return false;
}

}  // namespace vlp
