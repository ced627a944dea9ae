# src/main/    the program vlp, without LibTorch, so that it starts at once
# src/torch/   libvlp_torch.so, which vlp opens when a command needs tensors
# src/hub/     libvlp_hub.so, which vlp opens for downloads: libcurl, no LibTorch
# src/shared/  what all of them have: a command as plain values, and what is shown of its progress
# src/tools/NAME.cpp   the program NAME, without LibTorch
# VLP_EXTRA_PROGRAMS   programs of one's own: build/programs/NAME

foreach(part IN ITEMS main torch hub shared tools)
  file(GLOB ${part}_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${part}/*.cpp")
endforeach()

add_custom_target(vlp_programs)

# vlp_compile_together(GROUP FILE...): one unit, which spares the files most of what they include.
function(vlp_compile_together group)
  foreach(name IN LISTS ARGN)
    set_source_files_properties("${PROJECT_SOURCE_DIR}/src/${name}.cpp" PROPERTIES UNITY_GROUP "${group}")
  endforeach()
endfunction()
vlp_compile_together(command_line main/libraries main/main main/options)
vlp_compile_together(captions main/score_command main/score_metrics main/score_report main/compare_command main/tokenize_command)
vlp_compile_together(images torch/caption_command torch/caption_images torch/match_command torch/model_images)
vlp_compile_together(recipes torch/look_commands torch/resume torch/run_command torch/trace_command torch/vlp_torch)

add_library(vlp_shared OBJECT EXCLUDE_FROM_ALL ${shared_sources})
vlp_use_no_torch(vlp_shared)

add_library(vlp_torch SHARED ${torch_sources} $<TARGET_OBJECTS:vlp_shared>)
vlp_use_torch(vlp_torch)
target_link_libraries(vlp_torch PRIVATE vlp_plugins vlp_compiled_torch)
target_link_options(vlp_torch PRIVATE -Wl,-z,defs)
set_target_properties(vlp_torch PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
add_dependencies(vlp_programs vlp_torch)

add_library(vlp_hub SHARED ${hub_sources} $<TARGET_OBJECTS:vlp_shared>)
vlp_use_no_torch(vlp_hub)
target_link_libraries(vlp_hub PRIVATE vlp_compiled vlp_hub_libraries)
target_link_options(vlp_hub PRIVATE -Wl,-z,defs)
set_target_properties(vlp_hub PROPERTIES DEFINE_SYMBOL "")
add_dependencies(vlp_programs vlp_hub)

add_executable(vlp ${main_sources})
vlp_use_no_torch(vlp)
target_link_libraries(vlp PRIVATE vlp_compiled vlp_metrics vlp_tokenizers)
target_include_directories(vlp SYSTEM PRIVATE "${VLP_CLI11_INCLUDE_DIR}")
target_compile_definitions(vlp PRIVATE VLP_TORCH_VERSION="${TorchWheel_VERSION}")
vlp_use_fingerprint(vlp)
set_target_properties(vlp PROPERTIES BUILD_RPATH "$ORIGIN" UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
add_dependencies(vlp_programs vlp)

foreach(source IN LISTS tools_sources)
  cmake_path(GET source STEM name)
  add_executable(${name} "${source}")
  vlp_use_no_torch(${name})
  target_link_libraries(${name} PRIVATE vlp_compiled)
  add_dependencies(vlp_programs ${name})
endforeach()

# Files that ship with the program (vocabularies) are found beside it.
file(CREATE_LINK "${PROJECT_SOURCE_DIR}/share" "${PROJECT_BINARY_DIR}/share" SYMBOLIC)

# vlp_add_program(TARGET FILE.cpp FOLDER): a program with LibTorch, all built-in plugins and the compiled bodies, as
# FOLDER/NAME; docs/examples, bench and programs of one's own are built so.
function(vlp_add_program target source folder)
  cmake_path(GET source STEM name)
  add_executable(${target} EXCLUDE_FROM_ALL "${source}")
  vlp_use_torch(${target})
  target_link_libraries(${target} PRIVATE vlp_plugins vlp_compiled_torch)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME "${name}" RUNTIME_OUTPUT_DIRECTORY "${folder}")
endfunction()

foreach(source IN LISTS VLP_EXTRA_PROGRAMS)
  if(EXISTS "${source}")
    cmake_path(GET source STEM name)
    vlp_add_program(own_program_${name} "${source}" "${PROJECT_BINARY_DIR}/programs")
  endif()
endforeach()
