# Finds LibTorch inside an unpacked PyPI wheel (or an installed torch), without asking Python and without the wheel's
# own TorchConfig, which wants a CUDA toolkit at configure time.
#
#   VLP_TORCH_DIR   the folder that holds torch's include/ and lib/ (…/site-packages/torch)
#
# Defines TorchWheel::c10, TorchWheel::torch_cpu and TorchWheel::torch (headers, definitions and both libraries),
# TorchWheel_VERSION and TorchWheel_LIBRARY_DIR. CUDA libraries are never linked: the program opens them at run time.

set(VLP_TORCH_DIR "${CMAKE_BINARY_DIR}/third_party/torch-2.11.0/torch" CACHE PATH
    "Folder of torch 2.11: include/ and lib/ lie in it")

find_path(TorchWheel_INCLUDE_DIR ATen/ATen.h PATHS "${VLP_TORCH_DIR}/include" NO_DEFAULT_PATH NO_CACHE)
find_library(TorchWheel_torch_cpu_LIBRARY torch_cpu PATHS "${VLP_TORCH_DIR}/lib" NO_DEFAULT_PATH NO_CACHE)
find_library(TorchWheel_c10_LIBRARY c10 PATHS "${VLP_TORCH_DIR}/lib" NO_DEFAULT_PATH NO_CACHE)

if(EXISTS "${VLP_TORCH_DIR}/version.py")
  file(STRINGS "${VLP_TORCH_DIR}/version.py" version_line REGEX "^__version__ *=")
  string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" TorchWheel_VERSION "${version_line}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(TorchWheel
  REQUIRED_VARS TorchWheel_torch_cpu_LIBRARY TorchWheel_c10_LIBRARY TorchWheel_INCLUDE_DIR TorchWheel_VERSION
  VERSION_VAR TorchWheel_VERSION
  HANDLE_VERSION_RANGE
  REASON_FAILURE_MESSAGE "looked in ${VLP_TORCH_DIR}. Run ./dev setup, or set VLP_TORCH_DIR to the torch folder of an installed torch 2.11.")

if(TorchWheel_FOUND AND NOT TARGET TorchWheel::torch)
  set(TorchWheel_LIBRARY_DIR "${VLP_TORCH_DIR}/lib")
  foreach(library IN ITEMS c10 torch_cpu)
    add_library(TorchWheel::${library} SHARED IMPORTED)
    set_target_properties(TorchWheel::${library} PROPERTIES
      IMPORTED_LOCATION "${TorchWheel_${library}_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES
        "${VLP_TORCH_DIR}/include;${VLP_TORCH_DIR}/include/torch/csrc/api/include")
  endforeach()
  target_link_libraries(TorchWheel::torch_cpu INTERFACE TorchWheel::c10)
  target_compile_definitions(TorchWheel::torch_cpu INTERFACE USE_DISTRIBUTED USE_C10D_GLOO)
  add_library(TorchWheel::torch INTERFACE IMPORTED)
  target_link_libraries(TorchWheel::torch INTERFACE TorchWheel::torch_cpu TorchWheel::c10)
endif()
