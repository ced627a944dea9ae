# src/main*.cpp        the program vlp, without LibTorch, so that it starts at once
# src/tools/NAME.cpp   the program NAME, without LibTorch
# src/download_command.cpp   libvlp_hub.so with src/terminal.cpp, which vlp opens for downloads: libcurl, no LibTorch
# every other src file libvlp_torch.so, which vlp opens when a command needs tensors

file(GLOB main_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/main*.cpp")
file(GLOB_RECURSE torch_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.cpp")
file(GLOB tool_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/tools/*.cpp")
list(FILTER torch_sources EXCLUDE REGEX "/src/(main[^/]*|download_command.cpp|tools/[^/]*)$")

add_custom_target(vlp_programs)

if(torch_sources)
  add_library(vlp_torch SHARED ${torch_sources})
  vlp_use_torch(vlp_torch)
  target_link_libraries(vlp_torch PRIVATE vlp_plugins)
  target_link_options(vlp_torch PRIVATE -Wl,-z,defs)
  add_dependencies(vlp_programs vlp_torch)
endif()

add_library(vlp_hub SHARED "${PROJECT_SOURCE_DIR}/src/download_command.cpp" "${PROJECT_SOURCE_DIR}/src/terminal.cpp")
target_link_libraries(vlp_hub PRIVATE vlp_base vlp_hub_libraries)
target_link_options(vlp_hub PRIVATE -Wl,-z,defs)
set_target_properties(vlp_hub PROPERTIES DEFINE_SYMBOL "")
add_dependencies(vlp_programs vlp_hub)

if(main_sources)
  add_executable(vlp ${main_sources})
  target_link_libraries(vlp PRIVATE vlp_base vlp_caption_libraries vlp_metrics)
  target_include_directories(vlp SYSTEM PRIVATE "${VLP_CLI11_INCLUDE_DIR}")
  vlp_use_fingerprint(vlp)
  set_target_properties(vlp PROPERTIES BUILD_RPATH "$ORIGIN")
  add_dependencies(vlp_programs vlp)
endif()

foreach(source IN LISTS tool_sources)
  cmake_path(GET source STEM name)
  add_executable(${name} "${source}")
  target_link_libraries(${name} PRIVATE vlp_base vlp_image_libraries)
  add_dependencies(vlp_programs ${name})
endforeach()

# Files that ship with the program (vocabularies) are found beside it.
file(CREATE_LINK "${PROJECT_SOURCE_DIR}/share" "${PROJECT_BINARY_DIR}/share" SYMBOLIC)
