# include/vlp/**/NAME_inl.hpp: the bodies of heavy functions, compiled once for our programs and tests. What is linked with
#   vlp_compiled        sees declarations only (VLP_HEADER_ONLY=0) and gets the bodies that need no LibTorch
#   vlp_compiled_torch  the same, with all of them
# Everything else, such as plugins of others, is header-only.

file(GLOB_RECURSE body_headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include/vlp/*_inl.hpp")
list(SORT body_headers)
set(free_units "")
set(torch_units "")
foreach(header IN LISTS body_headers)
  string(REGEX REPLACE "^include/(.*)\\.hpp$" "\\1" path "${header}")
  set(unit "${PROJECT_BINARY_DIR}/generated/library/${path}.cpp")
  file(CONFIGURE OUTPUT "${unit}" @ONLY CONTENT "#include \"@path@.hpp\"\n")
  vlp_sees_torch(sees "${header}")
  if(sees)
    list(APPEND torch_units "${unit}")
  else()
    list(APPEND free_units "${unit}")
  endif()
  # A room's bodies are compiled together, which spares them most of what they include; what instantiates most is alone.
  if(NOT path MATCHES "^vlp/tasks/(run_parts|fit)_inl$")
    cmake_path(GET path PARENT_PATH room)
    string(MAKE_C_IDENTIFIER "${room}" group)
    set_source_files_properties("${unit}" PROPERTIES UNITY_GROUP "${group}")
  endif()
endforeach()

# vlp_add_bodies(TARGET UNIT...)
function(vlp_add_bodies target)
  add_library(${target} STATIC EXCLUDE_FROM_ALL ${ARGN})
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  target_compile_definitions(${target} PRIVATE VLP_HEADER_ONLY=0)
endfunction()

vlp_add_bodies(vlp_bodies ${free_units})
vlp_use_no_torch(vlp_bodies)
add_library(vlp_compiled INTERFACE)
target_compile_definitions(vlp_compiled INTERFACE VLP_HEADER_ONLY=0)
target_link_libraries(vlp_compiled INTERFACE vlp_bodies vlp_base vlp_image_libraries vlp_caption_libraries)

vlp_add_bodies(vlp_torch_bodies ${torch_units})
vlp_use_torch(vlp_torch_bodies)
add_library(vlp_compiled_torch INTERFACE)
target_link_libraries(vlp_compiled_torch INTERFACE vlp_torch_bodies vlp_compiled)
