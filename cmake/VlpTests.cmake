# tests/DIR/**/*_test.cpp   one program build/tests/DIR_tests; with a file tests/DIR/NO_TORCH it is linked without LibTorch
# tests/plugins/*.hpp       build/tests/plugins/NAME.so, for the tests of plugin loading
# docs/examples/*.cpp       build/examples/NAME, run by ./dev test
# bench/*.cpp               build/bench/NAME, run by ./dev bench
# Lists for ./dev: build/tests/programs.txt and build/tests/examples.txt.

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
  VLP_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data"
  VLP_SHARED_DIR="${PROJECT_SOURCE_DIR}/../shared"
  VLP_PROGRAM="${PROJECT_BINARY_DIR}/vlp")

add_custom_target(vlp_test_plugins)
file(GLOB test_plugin_headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/plugins/*.hpp")
foreach(header IN LISTS test_plugin_headers)
  cmake_path(GET header STEM name)
  vlp_add_plugin("${header}" "${PROJECT_BINARY_DIR}/tests/plugins" test_plugin_${name})
  add_dependencies(vlp_test_plugins test_plugin_${name})
endforeach()

set(test_programs "")
file(GLOB_RECURSE test_sources CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/tests"
     "${PROJECT_SOURCE_DIR}/tests/*_test.cpp")
file(GLOB torch_free_markers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/tests" "${PROJECT_SOURCE_DIR}/tests/*/NO_TORCH")
list(SORT test_sources)
foreach(source IN LISTS test_sources)
  if(NOT source MATCHES "^([^/]+)/")
    message(FATAL_ERROR "tests/${source} lies in no folder of tests/; move it into the one of its room")
  endif()
  list(APPEND test_folders "${CMAKE_MATCH_1}")
  list(APPEND test_sources_${CMAKE_MATCH_1} "${PROJECT_SOURCE_DIR}/tests/${source}")
endforeach()
list(REMOVE_DUPLICATES test_folders)

foreach(folder IN LISTS test_folders)
  set(program "${folder}_tests")
  add_executable(${program} EXCLUDE_FROM_ALL ${test_sources_${folder}})
  target_link_libraries(${program} PRIVATE vlp_test_main vlp_test_paths)
  vlp_use_fingerprint(${program})
  set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  if("${folder}/NO_TORCH" IN_LIST torch_free_markers)
    target_link_libraries(${program} PRIVATE vlp_base vlp_image_libraries)
  else()
    vlp_use_torch(${program} QUICK)
    target_link_libraries(${program} PRIVATE vlp_plugins)
  endif()
  list(APPEND test_programs ${program})
  add_test(NAME ${program} COMMAND ${program})
  # Two LibTorch programs at once slow each other tenfold.
  set_tests_properties(${program} PROPERTIES RUN_SERIAL ON)
endforeach()

# Every header in two units of one program: a function that lacks `inline` is defined twice there and doesn't link.
if(TARGET structure_tests)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/everything_again.cpp" @ONLY CONTENT "@everything@")
  target_sources(structure_tests PRIVATE "$<TARGET_OBJECTS:vlp_everything>"
                 "${PROJECT_BINARY_DIR}/generated/everything_again.cpp")
  target_compile_definitions(structure_tests PRIVATE VLP_CXX="${CMAKE_CXX_COMPILER}")
  add_dependencies(structure_tests vlp_programs vlp_test_plugins)
endif()
# Downloads are tested against a server on the loopback address.
if(TARGET hub_tests)
  target_link_libraries(hub_tests PRIVATE vlp_hub_libraries PkgConfig::httplib)
  add_dependencies(hub_tests vlp vlp_hub)
endif()
if(TARGET captions_tests)
  target_link_libraries(captions_tests PRIVATE vlp_caption_libraries)
endif()
if(TARGET dataset_tests)
  target_link_libraries(dataset_tests PRIVATE vlp_caption_libraries)
endif()
if(TARGET caption_tests)
  add_dependencies(caption_tests vlp_programs)
endif()
if(TARGET match_tests)
  add_dependencies(match_tests vlp_programs)
endif()
if(TARGET score_tests)
  add_dependencies(score_tests vlp)
endif()
if(TARGET registry_tests)
  add_dependencies(registry_tests vlp_test_plugins)
endif()

set(example_programs "")
file(GLOB example_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/examples/*.cpp")
list(SORT example_sources)
foreach(source IN LISTS example_sources)
  cmake_path(GET source STEM name)
  add_executable(example_${name} EXCLUDE_FROM_ALL "${source}")
  vlp_use_torch(example_${name})
  target_link_libraries(example_${name} PRIVATE vlp_plugins)
  set_target_properties(example_${name} PROPERTIES
    OUTPUT_NAME "${name}" RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/examples")
  list(APPEND example_programs "${name}")
  add_test(NAME example_${name} COMMAND example_${name} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(example_${name} PROPERTIES RUN_SERIAL ON)
endforeach()

add_custom_target(vlp_bench)
file(GLOB bench_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/bench/*.cpp")
foreach(source IN LISTS bench_sources)
  cmake_path(GET source STEM name)
  add_executable(bench_${name} EXCLUDE_FROM_ALL "${source}")
  vlp_use_torch(bench_${name})
  target_link_libraries(bench_${name} PRIVATE vlp_plugins)
  set_target_properties(bench_${name} PROPERTIES
    OUTPUT_NAME "${name}" RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")
  add_dependencies(vlp_bench bench_${name})
endforeach()

list(JOIN test_programs "\n" lines)
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/tests/programs.txt" @ONLY CONTENT "@lines@\n")
list(JOIN example_programs "\n" lines)
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/tests/examples.txt" @ONLY CONTENT "@lines@\n")
