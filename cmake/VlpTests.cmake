# tests/FOLDER/*_test.cpp       one program build/tests/FOLDER_tests
# tests/support/plugins/[KIND/]*.hpp   build/tests/plugins/[KIND/]NAME.so, for the tests of plugin loading
# docs/examples/*.cpp           build/examples/NAME, run by ./dev test
# bench/*.cpp                   build/bench/NAME, run by ./dev bench
# Lists for ./dev: build/tests/programs.txt and build/tests/examples.txt.
#
# A test that sees no LibTorch is compiled without its folders and without a precompiled header; it includes its own
# header first, which proves that the header compiles by itself.
#
# Tests of one folder that see LibTorch are compiled several at once, which spares them most of what they include. So what
# a test file defines stands inside its suite, which is a namespace.

find_package(Boost 1.74 REQUIRED COMPONENTS unit_test_framework)
pkg_check_modules(httplib REQUIRED IMPORTED_TARGET cpp-httplib)

# Boost.Test's main, compiled once.
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/test_main.cpp"
     CONTENT "#define BOOST_TEST_MODULE vlp\n#include <boost/test/unit_test.hpp>\n")
add_library(vlp_test_main OBJECT EXCLUDE_FROM_ALL "${PROJECT_BINARY_DIR}/generated/test_main.cpp")
target_link_libraries(vlp_test_main PUBLIC Boost::unit_test_framework)
target_compile_definitions(vlp_test_main PUBLIC BOOST_TEST_DYN_LINK)

add_library(vlp_test_paths INTERFACE)
target_compile_definitions(vlp_test_paths INTERFACE
  VLP_SOURCE_ROOT="${PROJECT_SOURCE_DIR}"
  VLP_BUILD_DIR="${PROJECT_BINARY_DIR}"
  VLP_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/fixtures"
  VLP_SHARED_DIR="${PROJECT_SOURCE_DIR}/../shared"
  VLP_PROGRAM="${PROJECT_BINARY_DIR}/vlp")

add_custom_target(vlp_test_plugins)
file(GLOB test_plugin_headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/support/plugins/*.hpp"
     "${PROJECT_SOURCE_DIR}/tests/support/plugins/*/*.hpp")
foreach(header IN LISTS test_plugin_headers)
  vlp_plugin_path(path "${header}")
  vlp_add_plugin("${header}" "${PROJECT_BINARY_DIR}/tests/plugins" test_plugin)
  string(REPLACE "/" "." target "test_plugin_${path}")
  add_dependencies(vlp_test_plugins ${target})
endforeach()

# vlp_test_sees_torch(RESULT FILE): by its own #include lines, those of tests/support, and the table.
function(vlp_test_sees_torch result file)
  if(DEFINED "vlp_sees_${file}")
    set(${result} ${vlp_sees_${file}} PARENT_SCOPE)
    return()
  endif()
  set(sees FALSE)
  file(STRINGS "${PROJECT_SOURCE_DIR}/${file}" lines REGEX "^[ \t]*#[ \t]*include")
  foreach(line IN LISTS lines)
    if(line MATCHES "[<\"](torch|ATen|c10)/|\"docs/examples/")
      set(sees TRUE)
    elseif(line MATCHES "\"(vlp/[^\"]+)\"")
      vlp_sees_torch(sees "include/${CMAKE_MATCH_1}")
    elseif(line MATCHES "\"(plugins/[^\"]+)\"")
      vlp_sees_torch(sees "${CMAKE_MATCH_1}")
    elseif(line MATCHES "\"(tests/[^\"]+)\"")
      vlp_test_sees_torch(sees "${CMAKE_MATCH_1}")
    endif()
    if(sees)
      break()
    endif()
  endforeach()
  set("vlp_sees_${file}" ${sees} CACHE INTERNAL "")
  set(${result} ${sees} PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE test_sources CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}"
     "${PROJECT_SOURCE_DIR}/tests/*_test.cpp" "${PROJECT_SOURCE_DIR}/tests/support/*.hpp")
list(SORT test_sources)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${test_sources})
foreach(source IN LISTS test_sources)
  unset("vlp_sees_${source}" CACHE)
endforeach()
list(FILTER test_sources INCLUDE REGEX "_test\\.cpp$")

set(test_folders "")
set(headers_first "")  # proven to compile by themselves, see VlpHeaders
foreach(source IN LISTS test_sources)
  if(NOT source MATCHES "^tests/([^/]+)/")
    message(FATAL_ERROR "${source} lies in no folder of tests/; move it into the one of its room")
  endif()
  set(folder "${CMAKE_MATCH_1}")
  list(APPEND test_folders "${folder}")
  vlp_test_sees_torch(sees "${source}")
  if(sees)
    list(APPEND torch_tests_${folder} "${PROJECT_SOURCE_DIR}/${source}")
  else()
    list(APPEND free_tests_${folder} "${PROJECT_SOURCE_DIR}/${source}")
    file(STRINGS "${PROJECT_SOURCE_DIR}/${source}" first REGEX "^#include" LIMIT_COUNT 1)
    if(first MATCHES "\"(vlp/[^\"]+)\"")
      list(APPEND headers_first "include/${CMAKE_MATCH_1}")
    elseif(first MATCHES "\"(plugins/[^\"]+)\"")
      list(APPEND headers_first "${CMAKE_MATCH_1}")
    endif()
  endif()
endforeach()
list(REMOVE_DUPLICATES test_folders)

# vlp_free_test(TARGET): what a test without LibTorch is compiled with.
function(vlp_free_test target)
  target_link_libraries(${target} PRIVATE vlp_test_main vlp_test_paths vlp_compiled vlp_hub_libraries
                        PkgConfig::httplib)
  target_compile_options(${target} PRIVATE ${VLP_QUICK_COMPILE})
  vlp_use_fingerprint(${target})
endfunction()

set(test_programs "")
foreach(folder IN LISTS test_folders)
  set(program "${folder}_tests")
  if(torch_tests_${folder})
    add_executable(${program} EXCLUDE_FROM_ALL ${torch_tests_${folder}})
    target_link_libraries(${program} PRIVATE vlp_test_main vlp_test_paths vlp_plugins vlp_compiled_torch
                          vlp_hub_libraries)
    vlp_use_torch(${program} QUICK)
    set_target_properties(${program} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 4)
    if(free_tests_${folder})
      add_library(${program}_without_torch OBJECT EXCLUDE_FROM_ALL ${free_tests_${folder}})
      vlp_free_test(${program}_without_torch)
      target_sources(${program} PRIVATE $<TARGET_OBJECTS:${program}_without_torch>)
      target_link_libraries(${program} PRIVATE fmt::fmt)
    endif()
  else()
    add_executable(${program} EXCLUDE_FROM_ALL ${free_tests_${folder}})
    vlp_free_test(${program})
  endif()
  set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  list(APPEND test_programs ${program})
  add_test(NAME ${program} COMMAND ${program})
  # Two LibTorch programs at once slow each other tenfold.
  set_tests_properties(${program} PROPERTIES RUN_SERIAL ON)
endforeach()

# Those that run the program, or load plugins.
foreach(program IN ITEMS program_tests hub_tests tasks_tests start_tests trace_tests registry_tests)
  add_dependencies(${program} vlp_programs vlp_test_plugins)
endforeach()
foreach(program IN ITEMS structure_tests program_tests)
  target_compile_definitions(${program} PRIVATE VLP_CXX="${CMAKE_CXX_COMPILER}")
endforeach()

# Two plugins of one name and of two kinds, linked in.
file(GLOB twin_headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}"
     "${PROJECT_SOURCE_DIR}/tests/support/plugins/*/twin.hpp")
vlp_write_plugin_list(add_twin_plugins ${twin_headers})
target_sources(registry_tests PRIVATE "${PROJECT_BINARY_DIR}/generated/add_twin_plugins.cpp")
foreach(header IN LISTS twin_headers)
  vlp_write_plugin_unit(unit "${header}")
  target_sources(registry_tests PRIVATE "${unit}")
  set_source_files_properties("${unit}" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)  # a unit is one plugin
endforeach()

set(example_programs "")
file(GLOB example_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/examples/*.cpp")
list(SORT example_sources)
foreach(source IN LISTS example_sources)
  cmake_path(GET source STEM name)
  vlp_add_program(example_${name} "${source}" "${PROJECT_BINARY_DIR}/examples")
  list(APPEND example_programs "${name}")
  add_test(NAME example_${name} COMMAND example_${name} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(example_${name} PROPERTIES RUN_SERIAL ON)
endforeach()

add_custom_target(vlp_bench)
set(bench_programs "")
file(GLOB bench_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/bench/*.cpp")
foreach(source IN LISTS bench_sources)
  cmake_path(GET source STEM name)
  vlp_add_program(bench_${name} "${source}" "${PROJECT_BINARY_DIR}/bench")
  add_dependencies(vlp_bench bench_${name})
  list(APPEND bench_programs bench_${name})
endforeach()

# What the tests of the program run besides it; where LibTorch is, for the package.
add_dependencies(program_tests example_caption_image gpu_tests ${bench_programs})
target_compile_definitions(program_tests PRIVATE VLP_TORCH_FOLDER="${VLP_TORCH_DIR}")
set_property(TEST gpu_tests PROPERTY LABELS gpu)

list(JOIN test_programs "\n" lines)
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/tests/programs.txt" @ONLY CONTENT "@lines@\n")
list(JOIN example_programs "\n" lines)
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/tests/examples.txt" @ONLY CONTENT "@lines@\n")
