# generated/vlp_fingerprint.hpp: a hash over include/vlp, so that a plugin built against other headers is recognised.
# Only shared plugins, src/ and tests may include it: an edited header must not rebuild the built-in plugins.

file(GLOB_RECURSE vlp_headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include/vlp/*.hpp")
list(SORT vlp_headers)
set(vlp_fingerprint_dir "${PROJECT_BINARY_DIR}/generated/fingerprint")
list(TRANSFORM vlp_headers PREPEND "${PROJECT_SOURCE_DIR}/" OUTPUT_VARIABLE vlp_header_paths)
add_custom_command(
  OUTPUT "${vlp_fingerprint_dir}/vlp_fingerprint.hpp"
  COMMAND "${CMAKE_COMMAND}" "-DSOURCE_DIR=${PROJECT_SOURCE_DIR}" "-DVERSION=${PROJECT_VERSION}"
          "-DOUTPUT=${vlp_fingerprint_dir}/vlp_fingerprint.hpp"
          -P "${PROJECT_SOURCE_DIR}/cmake/WriteFingerprint.cmake"
  DEPENDS ${vlp_header_paths} "${PROJECT_SOURCE_DIR}/cmake/WriteFingerprint.cmake"
  COMMENT "Hashing include/vlp" VERBATIM)
add_custom_target(vlp_fingerprint DEPENDS "${vlp_fingerprint_dir}/vlp_fingerprint.hpp")

function(vlp_use_fingerprint target)
  target_include_directories(${target} PRIVATE "${vlp_fingerprint_dir}")
  add_dependencies(${target} vlp_fingerprint)
endfunction()
