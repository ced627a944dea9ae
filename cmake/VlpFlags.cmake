# Targets that share a precompiled header share their flags: it is refused by a target that is compiled differently.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# CMake would compile executables with -fPIE and libraries with -fPIC; one flag for all keeps the PCH usable.
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
add_compile_options(-fPIC -Wall -Wextra)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-missing-field-initializers)  # designated initialisers, section "C++" of CONTRIBUTING.md
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wno-missing-field-initializers -fcolor-diagnostics)
endif()

# lld links in a tenth of the time of the default linker. The one of the compiler's own version comes first.
string(REGEX MATCH "^[0-9]+" compiler_major "${CMAKE_CXX_COMPILER_VERSION}")
find_program(VLP_LLD NAMES ld.lld-${compiler_major} ld.lld-19 ld.lld)
if(VLP_LLD AND is_clang)
  add_link_options("--ld-path=${VLP_LLD}")
endif()
# RPATH instead of RUNPATH: that of a program holds for what its libraries need in turn, so that a package whose lib/
# has them all works anywhere.
add_link_options(-Wl,--as-needed -Wl,--disable-new-dtags)

if(VLP_CCACHE)
  find_program(VLP_CCACHE_PROGRAM ccache)
endif()
if(VLP_CCACHE AND VLP_CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime;${VLP_CCACHE_PROGRAM}")
endif()
if(is_clang AND VLP_PCH)
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")  # or ccache never finds a second use of the PCH
endif()

# Torch-heavy compilations need up to 1.5 GB each: fewer at once where memory is short.
cmake_host_system_information(RESULT memory_mib QUERY TOTAL_PHYSICAL_MEMORY)
math(EXPR compile_jobs "${memory_mib} / 1500")
if(compile_jobs LESS 1)
  set(compile_jobs 1)
endif()
set_property(GLOBAL PROPERTY JOB_POOLS compile=${compile_jobs})
set(CMAKE_JOB_POOL_COMPILE compile)

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
