# Everything that is not ours, as a few interface targets. Debian's packages are listed in third_party/.

find_package(TorchWheel 2.11...<2.12 MODULE REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(jpeg REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(png REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(webp REQUIRED IMPORTED_TARGET libwebp libwebpdemux)
pkg_check_modules(cairo REQUIRED IMPORTED_TARGET cairo)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(simdjson REQUIRED IMPORTED_TARGET simdjson)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(crypto REQUIRED IMPORTED_TARGET libcrypto)
find_library(VLP_MINIZIP_LIBRARY minizip REQUIRED)  # its pkg-config file would put a crypt.h before the system's
find_path(VLP_MINIZIP_INCLUDE_DIR minizip/unzip.h REQUIRED)
find_path(VLP_RANGE_V3_INCLUDE_DIR range/v3/view/transform.hpp REQUIRED)
find_path(VLP_CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)

# Our headers and what they need as long as no tensor is involved.
add_library(vlp_base INTERFACE)
target_include_directories(vlp_base INTERFACE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}")
target_compile_features(vlp_base INTERFACE cxx_std_20)
target_compile_definitions(vlp_base INTERFACE VLP_VERSION="${PROJECT_VERSION}")
target_link_libraries(vlp_base INTERFACE fmt::fmt nlohmann_json::nlohmann_json PkgConfig::tomlplusplus
                      PkgConfig::utf8proc PkgConfig::crypto "${VLP_MINIZIP_LIBRARY}" Threads::Threads
                      ${CMAKE_DL_LIBS})

add_library(vlp_image_libraries INTERFACE)
target_link_libraries(vlp_image_libraries INTERFACE PkgConfig::jpeg PkgConfig::png PkgConfig::webp PkgConfig::cairo
                      PkgConfig::zlib)

# What files of captions need; see include/vlp/captions/caption_file.hpp.
add_library(vlp_caption_libraries INTERFACE)
target_link_libraries(vlp_caption_libraries INTERFACE PkgConfig::simdjson PkgConfig::zlib)
# Its classes have other members where a compiler does not optimise, unless this says otherwise.
target_compile_definitions(vlp_caption_libraries INTERFACE SIMDJSON_DEVELOPMENT_CHECKS=0)

# What downloads need; see include/vlp/hub/.
add_library(vlp_hub_libraries INTERFACE)
target_link_libraries(vlp_hub_libraries INTERFACE PkgConfig::curl)

# The same with LibTorch. Its include folder carries an fmt of its own that comes before the system's: header-only, it
# needs no library of that version.
add_library(vlp_torch_base INTERFACE)
target_compile_definitions(vlp_torch_base INTERFACE FMT_HEADER_ONLY=1)
target_link_libraries(vlp_torch_base INTERFACE vlp_base vlp_image_libraries TorchWheel::torch)

# Tests of what uses LibTorch spend their time in LibTorch, and compile in half the time when not optimised.
set(VLP_QUICK_COMPILE -O0)

# Precompiled headers hold third-party headers only, never our own: an edit would rebuild everything.
set(vlp_pch_owner "${PROJECT_BINARY_DIR}/generated/vlp_pch.cpp")
file(CONFIGURE OUTPUT "${vlp_pch_owner}" CONTENT "// Owner of the precompiled header.\n")
set(vlp_pch_headers
    <fmt/format.h>
    <nlohmann/json.hpp>
    <toml++/toml.h>
    <algorithm> <array> <charconv> <cmath> <cstdint> <filesystem> <fstream> <functional> <map> <memory> <mutex>
    <numeric> <optional> <ranges> <set> <span> <sstream> <string> <string_view> <thread> <tuple> <unordered_map>
    <utility> <variant> <vector>)
set(vlp_pch_torch_headers
    <ATen/ATen.h>
    <ATen/autocast_mode.h>
    <torch/csrc/autograd/custom_function.h>
    <torch/nn/init.h>
    <torch/nn/module.h>
    <torch/nn/modules/container/modulelist.h>
    <torch/nn/modules/conv.h>
    <torch/nn/modules/dropout.h>
    <torch/nn/modules/embedding.h>
    <torch/nn/modules/linear.h>
    <torch/nn/modules/normalization.h>)

# vlp_add_pch(TARGET LIBRARY OPTION...)
function(vlp_add_pch target library)
  add_library(${target} OBJECT EXCLUDE_FROM_ALL "${vlp_pch_owner}")
  target_link_libraries(${target} PRIVATE ${library})
  target_compile_options(${target} PRIVATE ${ARGN} $<$<CXX_COMPILER_ID:Clang>:-fpch-instantiate-templates>)
  if(library STREQUAL "vlp_torch_base")
    target_precompile_headers(${target} PRIVATE ${vlp_pch_torch_headers})
  endif()
  target_precompile_headers(${target} PRIVATE ${vlp_pch_headers})
endfunction()
if(VLP_PCH)
  vlp_add_pch(vlp_pch vlp_torch_base)
  vlp_add_pch(vlp_pch_free vlp_base)
  if(VLP_TESTS)
    vlp_add_pch(vlp_pch_quick vlp_torch_base ${VLP_QUICK_COMPILE})
    target_precompile_headers(vlp_pch_quick PRIVATE <boost/test/unit_test.hpp>)
    target_compile_definitions(vlp_pch_quick PRIVATE BOOST_TEST_DYN_LINK)
  endif()
endif()

# What a part of the programs says that sees no tensors. Tests don't: without a precompiled header they prove more.
function(vlp_use_no_torch target)
  target_link_libraries(${target} PRIVATE vlp_base vlp_image_libraries vlp_caption_libraries)
  target_compile_definitions(${target} PRIVATE VLP_HEADER_ONLY=0)
  if(VLP_PCH)
    target_precompile_headers(${target} REUSE_FROM vlp_pch_free)
  endif()
endfunction()

# What every target that sees tensors says: the libraries, the precompiled header, where LibTorch is at run time.
# vlp_use_torch(TARGET [QUICK]): with QUICK it is compiled quickly and runs slowly.
function(vlp_use_torch target)
  target_link_libraries(${target} PRIVATE vlp_torch_base)
  vlp_use_fingerprint(${target})
  set_target_properties(${target} PROPERTIES DEFINE_SYMBOL ""
    BUILD_RPATH "$ORIGIN;${TorchWheel_LIBRARY_DIR}" BUILD_RPATH_USE_ORIGIN OFF)
  if(VLP_PCH)
    if("QUICK" IN_LIST ARGN)
      target_compile_options(${target} PRIVATE ${VLP_QUICK_COMPILE})
      target_precompile_headers(${target} REUSE_FROM vlp_pch_quick)
    else()
      target_precompile_headers(${target} REUSE_FROM vlp_pch)
    endif()
  endif()
endfunction()
