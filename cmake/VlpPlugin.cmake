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
  target_link_options(${target} PRIVATE -Wl,-z,defs)
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME "${name}" LIBRARY_OUTPUT_DIRECTORY "${folder}")
endfunction()

# The built-in ones: a small unit each and one generated list of calls, in the order of their paths.
file(GLOB plugin_headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/plugins/*/*.hpp")
list(SORT plugin_headers)
set(plugin_units "")
set(plugin_declarations "")
set(plugin_calls "")
foreach(header IN LISTS plugin_headers)
  cmake_path(GET header STEM name)
  if(DEFINED plugin_origin_${name})
    message(FATAL_ERROR "two plugins are named '${name}': ${plugin_origin_${name}} and ${header}. "
                        "The names of plugin files are unique across kinds; rename one.")
  endif()
  set(plugin_origin_${name} "${header}")
  cmake_path(REPLACE_EXTENSION header ".cpp" OUTPUT_VARIABLE unit)
  set(unit "${PROJECT_BINARY_DIR}/generated/${unit}")
  file(CONFIGURE OUTPUT "${unit}" @ONLY CONTENT "#define VLP_PLUGIN_BUILTIN\n#include \"@header@\"\n")
  list(APPEND plugin_units "${unit}")
  string(APPEND plugin_declarations "extern \"C\" const vlp_plugin_info* vlp_plugin_${name}();\n")
  string(APPEND plugin_calls "  add_plugin(registry, *vlp_plugin_${name}(), \"${header}\");\n")
endforeach()
set(builtin_list "${PROJECT_BINARY_DIR}/generated/builtin_plugins.cpp")
file(CONFIGURE OUTPUT "${builtin_list}" @ONLY CONTENT [[
// Written by cmake/VlpPlugin.cmake from the files in plugins/.
#include "vlp/registry/plugin.hpp"
#include "vlp/registry/registry.hpp"

@plugin_declarations@
namespace vlp {

void add_builtin_plugins(Registry& registry) {
@plugin_calls@}

}  // namespace vlp
]])

# Compiled once; libvlp_torch.so and the test programs share the objects.
add_library(vlp_plugins OBJECT ${plugin_units} "${builtin_list}")
vlp_use_torch(vlp_plugins)

foreach(header IN LISTS VLP_EXTRA_PLUGINS)
  if(EXISTS "${header}")
    vlp_add_plugin("${header}")
  endif()
endforeach()
