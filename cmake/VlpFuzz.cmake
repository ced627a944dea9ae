# tests/fuzz/NAME_fuzz.cpp   build/fuzz/NAME, a libFuzzer program under the address and undefined-behaviour sanitizers
# tests/weights              build/tests/weights_tests_sanitized, those without LibTorch under both sanitizers
# Targets: fuzz_NAME, vlp_fuzz (all of them), weights_tests_sanitized; none is part of `all`. Clang only; Debian's
# libclang-rt-19-dev has the sanitizers. List for ./dev: build/fuzz/programs.txt.

if(NOT is_clang)
  return()
endif()

set(VLP_SANITIZE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g)

# What a fuzzer's corpus starts with: a folder of tests/fixtures, and tests/fuzz/corpus/NAME.
set(corpus_of_safetensors weights)
set(corpus_of_torch_file weights)
set(corpus_of_ptb_tokenizer metrics)
set(corpus_of_jpeg image_formats)
set(corpus_of_png image_formats)
set(corpus_of_webp image_formats)

add_custom_target(vlp_fuzz)
set(fuzz_programs "")
file(GLOB fuzz_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/fuzz/*_fuzz.cpp")
list(SORT fuzz_sources)
foreach(source IN LISTS fuzz_sources)
  cmake_path(GET source STEM stem)
  string(REGEX REPLACE "_fuzz$" "" name "${stem}")
  add_executable(fuzz_${name} EXCLUDE_FROM_ALL "${source}")
  target_link_libraries(fuzz_${name} PRIVATE vlp_base vlp_image_libraries vlp_caption_libraries)
  target_compile_options(fuzz_${name} PRIVATE ${VLP_SANITIZE} -fsanitize=fuzzer)
  target_link_options(fuzz_${name} PRIVATE ${VLP_SANITIZE} -fsanitize=fuzzer)
  set_target_properties(fuzz_${name} PROPERTIES OUTPUT_NAME "${name}" RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/fuzz")
  # What libFuzzer finds goes into the corpus, so it is a copy.
  set(corpus "${PROJECT_BINARY_DIR}/fuzz/corpus/${name}")
  add_custom_command(TARGET fuzz_${name} POST_BUILD COMMAND "${CMAKE_COMMAND}" -E make_directory "${corpus}")
  foreach(start IN ITEMS "fixtures/${corpus_of_${name}}" "fuzz/corpus/${name}")
    if(NOT start STREQUAL "fixtures/" AND IS_DIRECTORY "${PROJECT_SOURCE_DIR}/tests/${start}")
      add_custom_command(TARGET fuzz_${name} POST_BUILD
        COMMAND "${CMAKE_COMMAND}" -E copy_directory "${PROJECT_SOURCE_DIR}/tests/${start}" "${corpus}")
    endif()
  endforeach()
  add_dependencies(vlp_fuzz fuzz_${name})
  list(APPEND fuzz_programs "${name}")
endforeach()
list(JOIN fuzz_programs "\n" lines)
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/fuzz/programs.txt" @ONLY CONTENT "@lines@\n")

add_executable(weights_tests_sanitized EXCLUDE_FROM_ALL ${free_tests_weights})
target_link_libraries(weights_tests_sanitized PRIVATE vlp_test_main vlp_test_paths vlp_base)
vlp_use_fingerprint(weights_tests_sanitized)
target_compile_options(weights_tests_sanitized PRIVATE ${VLP_SANITIZE})
target_link_options(weights_tests_sanitized PRIVATE ${VLP_SANITIZE})
set_target_properties(weights_tests_sanitized PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
