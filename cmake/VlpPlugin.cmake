# Plugins: one header each. Those in plugins/<kind>/ become part of the program; any other header can be built as NAME.so.

# vlp_add_plugin(FILE.hpp [FOLDER [TARGET]]): builds FOLDER/NAME.so (default build/plugins) as TARGET (default plugin_NAME).
function(vlp_add_plugin header)
  set(folder "${PROJECT_BINARY_DIR}/plugins")
  if(ARGC GREATER 1)
    set(folder "${ARGV1}")
  endif()
  cmake_path(ABSOLUTE_PATH header BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" NORMALIZE)
  cmake_path(GET header STEM name)
  if(ARGC GREATER 2)
    set(target "${ARGV2}")
  else()
    set(target "plugin_${name}")
  endif()
  set(unit "${folder}/${name}.cpp")
  file(CONFIGURE OUTPUT "${unit}" @ONLY
       CONTENT "#define VLP_PLUGIN_SHARED\n#include \"@header@\"\n")
  add_library(${target} MODULE EXCLUDE_FROM_ALL "${unit}")
  vlp_use_torch(${target})
  target_link_libraries(${target} PRIVATE vlp_caption_libraries)  # header-only: it carries what it uses
  target_link_options(${target} PRIVATE -Wl,-z,defs)
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME "${name}" LIBRARY_OUTPUT_DIRECTORY "${folder}")
endfunction()

# The built-in ones: a small unit each.
file(GLOB plugin_headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/plugins/*/*.hpp")
list(SORT plugin_headers)
set(plugin_units "")
foreach(header IN LISTS plugin_headers)
  cmake_path(GET header STEM name)
  if(DEFINED plugin_origin_${name})
    message(FATAL_ERROR "two plugins are named '${name}': ${plugin_origin_${name}} and ${header}. "
                        "The names of plugin files are unique across kinds; rename one.")
  endif()
  set(plugin_origin_${name} "${header}")
  cmake_path(REPLACE_EXTENSION header ".cpp" OUTPUT_VARIABLE unit)
  set(plugin_unit_${name} "${PROJECT_BINARY_DIR}/generated/${unit}")
  file(CONFIGURE OUTPUT "${plugin_unit_${name}}" @ONLY CONTENT "#define VLP_PLUGIN_BUILTIN\n#include \"@header@\"\n")
  list(APPEND plugin_units "${plugin_unit_${name}}")
endforeach()

# vlp_write_plugin_list(FUNCTION HEADER...): generated/FUNCTION.cpp with void vlp::FUNCTION(Registry&), which adds the
# plugins of these headers in their order.
function(vlp_write_plugin_list function)
  set(declarations "")
  set(calls "")
  foreach(header IN LISTS ARGN)
    cmake_path(GET header STEM name)
    string(APPEND declarations "extern \"C\" const vlp_plugin_info* vlp_plugin_${name}();\n")
    string(APPEND calls "  add_plugin(registry, *vlp_plugin_${name}(), \"${header}\");\n")
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

# Each is compiled once: metrics, of which the program itself has need for `score`; what else sees no LibTorch; the rest.
# libvlp_torch.so and the test programs share the objects of all.
set(torch_plugin_units "")
set(free_plugin_units "")
set(metric_headers "")
set(metric_units "")
foreach(header IN LISTS plugin_headers)
  cmake_path(GET header STEM name)
  vlp_sees_torch(sees "${header}")
  if(header MATCHES "^plugins/(schedule|tokenizer)/")  # small ones: together they compile as fast as one
    set_source_files_properties("${plugin_unit_${name}}" PROPERTIES UNITY_GROUP "small")
  endif()
  if(sees)
    list(APPEND torch_plugin_units "${plugin_unit_${name}}")
  elseif(header MATCHES "^plugins/metric/")
    list(APPEND metric_headers "${header}")
    list(APPEND metric_units "${plugin_unit_${name}}")
  else()
    list(APPEND free_plugin_units "${plugin_unit_${name}}")
  endif()
endforeach()

vlp_write_plugin_list(add_builtin_plugins ${plugin_headers})
vlp_write_plugin_list(add_builtin_metrics ${metric_headers})
add_library(vlp_metrics OBJECT ${metric_units} "${PROJECT_BINARY_DIR}/generated/add_builtin_metrics.cpp")
vlp_use_no_torch(vlp_metrics)
add_library(vlp_free_plugins OBJECT ${free_plugin_units} "${PROJECT_BINARY_DIR}/generated/add_builtin_plugins.cpp")
vlp_use_no_torch(vlp_free_plugins)
set_target_properties(vlp_free_plugins PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
add_library(vlp_torch_plugins OBJECT ${torch_plugin_units})
vlp_use_torch(vlp_torch_plugins)
target_compile_definitions(vlp_torch_plugins PRIVATE VLP_HEADER_ONLY=0)

add_library(vlp_plugins INTERFACE)
target_sources(vlp_plugins INTERFACE $<TARGET_OBJECTS:vlp_metrics> $<TARGET_OBJECTS:vlp_free_plugins>
               $<TARGET_OBJECTS:vlp_torch_plugins>)
target_link_libraries(vlp_plugins INTERFACE vlp_caption_libraries fmt::fmt)

foreach(header IN LISTS VLP_EXTRA_PLUGINS)
  if(EXISTS "${header}")
    vlp_add_plugin("${header}")
  endif()
endforeach()
