# cmake --install build --prefix DIR lays
#   bin/       vlp, vlp-demo-data
#   lib/       what vlp opens: libvlp_torch.so, libvlp_hub.so; pkgconfig/vlp.pc
#   share/vlp/ vocabularies, recipes; builtin_plugins.cpp, to be compiled into programs that choose components by name
#   include/   vlp and plugins, header-only: `g++ -std=c++20 FILE.cpp $(pkg-config --cflags --libs vlp)`
# LibTorch stays where it is; the libraries and vlp.pc name its folder. cmake/Package.cmake makes a package of this.
#
# --component rehearsal lays what ./dev gpu packs beside it:
#   rehearsal/bin/   the tests of tests/gpu and the programs of bench/

set(CMAKE_INSTALL_BINDIR bin)
set(CMAKE_INSTALL_LIBDIR lib)

install(TARGETS vlp vlp-demo-data RUNTIME DESTINATION bin)
install(TARGETS vlp_torch vlp_hub LIBRARY DESTINATION lib)
set_target_properties(vlp vlp-demo-data PROPERTIES INSTALL_RPATH "$ORIGIN/../lib")
set_target_properties(vlp_hub PROPERTIES INSTALL_RPATH "$ORIGIN")
set_target_properties(vlp_torch PROPERTIES INSTALL_RPATH "$ORIGIN;${TorchWheel_LIBRARY_DIR}")
set_target_properties(vlp_torch vlp_hub vlp vlp-demo-data PROPERTIES INSTALL_REMOVE_ENVIRONMENT_RPATH ON)

if(VLP_TESTS)
  set_target_properties(gpu_tests ${bench_programs} PROPERTIES INSTALL_RPATH "$ORIGIN/../../lib"
                        INSTALL_REMOVE_ENVIRONMENT_RPATH ON)
  install(TARGETS gpu_tests ${bench_programs} RUNTIME DESTINATION rehearsal/bin COMPONENT rehearsal EXCLUDE_FROM_ALL)
  add_custom_target(vlp_rehearsal)
  add_dependencies(vlp_rehearsal vlp_programs gpu_tests ${bench_programs})
endif()

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/vlp" "${PROJECT_SOURCE_DIR}/plugins" DESTINATION include
        FILES_MATCHING PATTERN "*.hpp")
install(FILES "${vlp_fingerprint_dir}/vlp_fingerprint.hpp" DESTINATION include)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/share/" DESTINATION share/vlp)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/recipes" DESTINATION share/vlp)
install(FILES "${PROJECT_BINARY_DIR}/generated/builtin_plugins.cpp" DESTINATION share/vlp)

configure_file("${PROJECT_SOURCE_DIR}/cmake/vlp.pc.in" "${PROJECT_BINARY_DIR}/generated/vlp.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/generated/vlp.pc" DESTINATION lib/pkgconfig)
