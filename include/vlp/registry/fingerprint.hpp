#pragma once
// What must be the same in a plugin and its host. In a header-only framework only an exact match is
// safe, so this promises detection, not compatibility. The build gives VLP_HEADERS_HASH and
// VLP_VERSION.

#include <torch/version.h>

#include "vlp_fingerprint.hpp"

/// The tokens of X as text, not expanded.
#define VLP_STRINGIFY_INNER(X) #X
/// X as text, expanded first.
#define VLP_STRINGIFY(X) VLP_STRINGIFY_INNER(X)

/// Compiler and its major version.
#if defined(__clang__)
#define VLP_COMPILER "clang " VLP_STRINGIFY(__clang_major__)
#else
#define VLP_COMPILER "g++ " VLP_STRINGIFY(__GNUC__)
#endif

/// One line, compared as text.
#define VLP_FINGERPRINT                                                                      \
  "vlp " VLP_VERSION " headers " VLP_HEADERS_HASH "; torch " TORCH_VERSION "; " VLP_COMPILER \
  "; abi " VLP_STRINGIFY(__GXX_ABI_VERSION) "/" VLP_STRINGIFY(                               \
      _GLIBCXX_USE_CXX11_ABI) "; C++ " VLP_STRINGIFY(__cplusplus)
