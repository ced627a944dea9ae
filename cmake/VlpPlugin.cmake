# Plugins: one header each. Those in plugins/<kind>/ become part of the program; any other header can be built as NAME.so.
# Two kinds may have plugins of one name: entry, unit, target and place of the .so carry the kind.

# vlp_plugin_path(RESULT HEADER): KIND/NAME of a header in a folder that is named like a kind, NAME of any other.
function(vlp_plugin_path result header)
  cmake_path(GET header STEM name)
  cmake_path(GET header PARENT_PATH folder)
  cmake_path(GET folder FILENAME kind)
  set(${result} "${name}" PARENT_SCOPE)
  if(kind AND IS_DIRECTORY "${PROJECT_SOURCE_DIR}/plugins/${kind}")
    set(${result} "${kind}/${name}" PARENT_SCOPE)
  endif()
endfunction()

# vlp_add_plugin(FILE.hpp [FOLDER [PREFIX]]): builds FOLDER/PATH.so (default build/plugins), where PATH is [KIND/]NAME, as
# the target PREFIX_PATH (default plugin_PATH) with a dot for the slash.
function(vlp_add_plugin header)
  set(folder "${PROJECT_BINARY_DIR}/plugins")
  if(ARGC GREATER 1)
    set(folder "${ARGV1}")
  endif()
  set(prefix plugin)
  if(ARGC GREATER 2)
    set(prefix "${ARGV2}")
  endif()
  cmake_path(ABSOLUTE_PATH header BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" NORMALIZE)
  cmake_path(GET header STEM name)
  vlp_plugin_path(path "${header}")
  string(REPLACE "/" "." target "${prefix}_${path}")
  set(unit "${folder}/${path}.cpp")
  file(CONFIGURE OUTPUT "${unit}" @ONLY
       CONTENT "#define VLP_PLUGIN_SHARED\n#define VLP_PLUGIN_STEM \"@name@\"\n#include \"@header@\"\n")
  add_library(${target} MODULE EXCLUDE_FROM_ALL "${unit}")
  vlp_use_torch(${target})
  target_link_libraries(${target} PRIVATE vlp_caption_libraries)  # header-only: it carries what it uses
  target_link_options(${target} PRIVATE -Wl,-z,defs)
  cmake_path(GET unit PARENT_PATH folder)
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME "${name}" LIBRARY_OUTPUT_DIRECTORY "${folder}")
endfunction()

# vlp_plugin_entry(RESULT HEADER): the function by which a plugin that is linked in shows itself, vlp_plugin_KIND_NAME.
function(vlp_plugin_entry result header)
  cmake_path(GET header STEM name)
  cmake_path(GET header PARENT_PATH folder)
  cmake_path(GET folder FILENAME kind)
  if(NOT name MATCHES "^[A-Za-z_][A-Za-z0-9_]*$")
    message(FATAL_ERROR "${header}: '${name}' can't be the name of a plugin (expected letters, digits and _). Rename the file.")
  endif()
  set(${result} "vlp_plugin_${kind}_${name}" PARENT_SCOPE)
endfunction()

# vlp_write_plugin_unit(RESULT HEADER): generated/HEADER.cpp, which makes a header under KIND/ a plugin that is linked in.
function(vlp_write_plugin_unit result header)
  cmake_path(GET header STEM name)
  vlp_plugin_entry(entry "${header}")
  cmake_path(REPLACE_EXTENSION header ".cpp" OUTPUT_VARIABLE unit)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/${unit}" @ONLY
       CONTENT "#define VLP_PLUGIN_BUILTIN @entry@\n#define VLP_PLUGIN_STEM \"@name@\"\n#include \"@header@\"\n#undef VLP_PLUGIN_BUILTIN\n#undef VLP_PLUGIN_STEM\n")
  set(${result} "${PROJECT_BINARY_DIR}/generated/${unit}" PARENT_SCOPE)
endfunction()

# The built-in ones.
file(GLOB plugin_headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/plugins/*/*.hpp")
list(SORT plugin_headers)

# vlp_write_plugin_list(FUNCTION HEADER...): generated/FUNCTION.cpp with void vlp::FUNCTION(Registry&), which adds the
# plugins of these headers in their order.
function(vlp_write_plugin_list function)
  set(declarations "")
  set(calls "")
  foreach(header IN LISTS ARGN)
    vlp_plugin_entry(entry "${header}")
    string(APPEND declarations "extern \"C\" const vlp_plugin_info* ${entry}();\n")
    string(APPEND calls "  add_plugin(registry, *${entry}(), \"${header}\");\n")
  endforeach()
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/${function}.cpp" @ONLY CONTENT [=[
// Written by cmake/VlpPlugin.cmake from the files in plugins/.
#include "vlp/registry/plugin.hpp"
#include "vlp/registry/registry.hpp"

@declarations@
namespace vlp {

void @function@([[maybe_unused]] Registry& registry) {
@calls@}

}  // namespace vlp
]=])
endfunction()

# Each is a small unit, compiled once: metrics, of which the program itself has need for `score`, tokenizers and formats, for
# `tokenize`; what else sees no LibTorch; the rest.
# libvlp_torch.so, the test programs and programs of one's own share the objects of all.
set(torch_plugin_units "")
set(free_plugin_units "")
set(metric_headers "")
set(metric_units "")
set(tokenizer_headers "")
set(tokenizer_units "")
foreach(header IN LISTS plugin_headers)
  vlp_write_plugin_unit(unit "${header}")
  vlp_sees_torch(sees "${header}")
  if(header MATCHES "^plugins/schedule/")  # small ones: together they compile as fast as one
    set_source_files_properties("${unit}" PROPERTIES UNITY_GROUP "small")
  endif()
  if(sees)
    list(APPEND torch_plugin_units "${unit}")
  elseif(header MATCHES "^plugins/metric/")
    list(APPEND metric_headers "${header}")
    list(APPEND metric_units "${unit}")
  elseif(header MATCHES "^plugins/(format|tokenizer)/")
    list(APPEND tokenizer_headers "${header}")
    list(APPEND tokenizer_units "${unit}")
  else()
    list(APPEND free_plugin_units "${unit}")
  endif()
endforeach()

vlp_write_plugin_list(add_builtin_plugins ${plugin_headers})
vlp_write_plugin_list(add_builtin_metrics ${metric_headers})
vlp_write_plugin_list(add_builtin_tokenizers ${tokenizer_headers})

# generated/builtin_plugins.cpp: all of them in one unit, for programs that are compiled against an installed tree.
set(list "")
file(READ "${PROJECT_BINARY_DIR}/generated/add_builtin_plugins.cpp" function)
foreach(header IN LISTS plugin_headers)
  vlp_plugin_entry(entry "${header}")
  string(APPEND list "#define VLP_PLUGIN_BUILTIN ${entry}\n#include \"${header}\"\n#undef VLP_PLUGIN_BUILTIN\n")
endforeach()
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/builtin_plugins.cpp" @ONLY CONTENT "@list@@function@")

add_library(vlp_metrics OBJECT ${metric_units} "${PROJECT_BINARY_DIR}/generated/add_builtin_metrics.cpp")
vlp_use_no_torch(vlp_metrics)
add_library(vlp_tokenizers OBJECT ${tokenizer_units} "${PROJECT_BINARY_DIR}/generated/add_builtin_tokenizers.cpp")
vlp_use_no_torch(vlp_tokenizers)
add_library(vlp_free_plugins OBJECT ${free_plugin_units} "${PROJECT_BINARY_DIR}/generated/add_builtin_plugins.cpp")
vlp_use_no_torch(vlp_free_plugins)
set_target_properties(vlp_free_plugins PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
add_library(vlp_torch_plugins OBJECT ${torch_plugin_units})
vlp_use_torch(vlp_torch_plugins)
target_compile_definitions(vlp_torch_plugins PRIVATE VLP_HEADER_ONLY=0)

add_library(vlp_plugins INTERFACE)
target_sources(vlp_plugins INTERFACE $<TARGET_OBJECTS:vlp_metrics> $<TARGET_OBJECTS:vlp_tokenizers>
               $<TARGET_OBJECTS:vlp_free_plugins> $<TARGET_OBJECTS:vlp_torch_plugins>)
target_link_libraries(vlp_plugins INTERFACE vlp_caption_libraries fmt::fmt)

foreach(header IN LISTS VLP_EXTRA_PLUGINS)
  if(EXISTS "${header}")
    vlp_add_plugin("${header}")
  endif()
endforeach()
