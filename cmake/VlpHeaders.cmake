# Every header compiles by itself. Headers that never see LibTorch are compiled alone, without its include folders and
# without the precompiled header: that is the proof. The others are compiled alone with the precompiled header;
# a plugin that sees LibTorch is compiled so already, as a part of the program.
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
  if(header IN_LIST torch_headers AND header IN_LIST plugin_headers)
    continue()
  endif()
  file(CONFIGURE OUTPUT "${unit}" @ONLY CONTENT "#include \"@path@\"\n")
  if(header IN_LIST torch_headers)
    list(APPEND alone_torch_units "${unit}")
  else()
    list(APPEND alone_units "${unit}")
  endif()
endforeach()

add_custom_target(headers_compile_alone)
if(alone_units)
  add_library(vlp_headers_alone OBJECT EXCLUDE_FROM_ALL ${alone_units})
  target_link_libraries(vlp_headers_alone PRIVATE vlp_base vlp_image_libraries vlp_caption_libraries vlp_hub_libraries)
  add_dependencies(headers_compile_alone vlp_headers_alone)
endif()
if(alone_torch_units)
  add_library(vlp_headers_alone_torch OBJECT EXCLUDE_FROM_ALL ${alone_torch_units})
  vlp_use_torch(vlp_headers_alone_torch)
  add_dependencies(headers_compile_alone vlp_headers_alone_torch)
endif()

# One unit with every header at once: names that clash between headers show here. Used by ./dev lint.
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/everything.cpp" @ONLY CONTENT "@everything@")
add_library(vlp_everything OBJECT EXCLUDE_FROM_ALL "${PROJECT_BINARY_DIR}/generated/everything.cpp")
vlp_use_torch(vlp_everything)
