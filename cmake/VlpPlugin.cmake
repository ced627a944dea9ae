# Plugins: one header each. Those in plugins/<kind>/ become part of the program; any other header can be built as NAME.so.

include("${CMAKE_CURRENT_LIST_DIR}/ScanHeaders.cmake")
set(torch_header_list "${PROJECT_BINARY_DIR}/generated/torch_headers.txt")
vlp_write_torch_headers("${PROJECT_SOURCE_DIR}" "${torch_header_list}")
# ./dev writes this list anew before each test run; a header that moved from one group to the other reconfigures.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${torch_header_list}")
file(STRINGS "${torch_header_list}" torch_headers)

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
  target_link_libraries(${target} PRIVATE vlp_caption_libraries)
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

# Compiled once; libvlp_torch.so and the test programs share the objects.
vlp_write_plugin_list(add_builtin_plugins ${plugin_headers})
add_library(vlp_plugins OBJECT ${plugin_units} "${PROJECT_BINARY_DIR}/generated/add_builtin_plugins.cpp")
vlp_use_torch(vlp_plugins)
target_link_libraries(vlp_plugins PRIVATE vlp_caption_libraries)

# The metrics that need no LibTorch once more, without it: for the program itself, whose `score` uses them.
set(metric_headers ${plugin_headers})
list(FILTER metric_headers INCLUDE REGEX "^plugins/metric/")
list(REMOVE_ITEM metric_headers ${torch_headers})
set(metric_units "")
foreach(header IN LISTS metric_headers)
  cmake_path(GET header STEM name)
  list(APPEND metric_units "${plugin_unit_${name}}")
endforeach()
vlp_write_plugin_list(add_builtin_metrics ${metric_headers})
add_library(vlp_metrics OBJECT ${metric_units} "${PROJECT_BINARY_DIR}/generated/add_builtin_metrics.cpp")
target_link_libraries(vlp_metrics PRIVATE vlp_base)

foreach(header IN LISTS VLP_EXTRA_PLUGINS)
  if(EXISTS "${header}")
    vlp_add_plugin("${header}")
  endif()
endforeach()
