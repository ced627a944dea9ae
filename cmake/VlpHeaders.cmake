# Every header compiles by itself. One that sees no LibTorch is compiled so by its test, which includes it first, or in a
# unit of its own here, without LibTorch's folders, without a precompiled header and without the bodies in NAME_inl.hpp.
# With the bodies, and where it sees LibTorch, it is compiled so by ./dev lint only: there the same target has a unit for each.
# Target: headers_compile_alone. A broken header is named by the failing generated unit.

set(alone_units "")
set(alone_torch_units "")
set(everything "")
foreach(header IN LISTS vlp_headers plugin_headers)
  if(header MATCHES "_inl\\.hpp$")
    continue()
  endif()
  string(REGEX REPLACE "^include/" "" path "${header}")
  set(unit "${PROJECT_BINARY_DIR}/generated/alone/${path}.cpp")
  string(APPEND everything "#include \"${path}\"\n")
  vlp_sees_torch(sees "${header}")
  if(header IN_LIST headers_first OR (sees AND VLP_PCH))
    continue()
  endif()
  file(CONFIGURE OUTPUT "${unit}" @ONLY CONTENT "#include \"@path@\"\n")
  if(sees)
    list(APPEND alone_torch_units "${unit}")
  else()
    list(APPEND alone_units "${unit}")
  endif()
endforeach()

add_custom_target(headers_compile_alone)
if(alone_units)
  add_library(vlp_headers_alone OBJECT EXCLUDE_FROM_ALL ${alone_units})
  target_compile_options(vlp_headers_alone PRIVATE ${VLP_QUICK_COMPILE})
  if(VLP_PCH)
    target_compile_definitions(vlp_headers_alone PRIVATE VLP_HEADER_ONLY=0)
  endif()
  target_link_libraries(vlp_headers_alone PRIVATE vlp_base vlp_image_libraries vlp_caption_libraries vlp_hub_libraries)
  add_dependencies(headers_compile_alone vlp_headers_alone)
endif()
if(alone_torch_units)
  add_library(vlp_headers_alone_torch OBJECT EXCLUDE_FROM_ALL ${alone_torch_units})
  target_compile_options(vlp_headers_alone_torch PRIVATE -fsyntax-only)  # without LibTorch's precompiled header it takes long
  vlp_use_torch(vlp_headers_alone_torch)
  add_dependencies(headers_compile_alone vlp_headers_alone_torch)
endif()

# Every header at once, in two units that are linked: names that clash between headers show here, and a function that
# lacks `inline` is defined twice. Used by ./dev lint.
foreach(unit IN ITEMS everything everything_again)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/${unit}.cpp" @ONLY CONTENT "@everything@")
endforeach()
add_library(vlp_everything SHARED EXCLUDE_FROM_ALL "${PROJECT_BINARY_DIR}/generated/everything.cpp"
            "${PROJECT_BINARY_DIR}/generated/everything_again.cpp")
target_compile_options(vlp_everything PRIVATE ${VLP_QUICK_COMPILE})
target_link_libraries(vlp_everything PRIVATE vlp_caption_libraries vlp_hub_libraries)
vlp_use_torch(vlp_everything)
