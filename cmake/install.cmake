# Installs the program, the libraries with their headers, and a package for find_package(fibflow).
include(CMakePackageConfigHelpers)

install(TARGETS fibflow_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(PROGRAMS tools/export_onnx.py DESTINATION ${CMAKE_INSTALL_DATADIR}/fibflow)
get_property(rooms GLOBAL PROPERTY FIBFLOW_ROOMS)
list(FILTER rooms EXCLUDE REGEX "^pipeline/cli")
list(TRANSFORM rooms REPLACE "/" "_")
list(TRANSFORM rooms PREPEND fibflow_)
install(TARGETS ${rooms} fibflow_nodes fibflow_pipeline EXPORT fibflow ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

include(${CMAKE_CURRENT_LIST_DIR}/public_headers.cmake)
foreach(header ${FIBFLOW_PUBLIC_HEADERS})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fibflow/${folder})
endforeach()

install(EXPORT fibflow NAMESPACE fibflow:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/fibflow FILE fibflow-targets.cmake)
configure_package_config_file(cmake/fibflow-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/fibflow-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/fibflow)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/fibflow-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/fibflow-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/fibflow-config-version.cmake
              ${CMAKE_CURRENT_LIST_DIR}/FindMicroHttpd.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/fibflow)

# The service of `fibflow watch`; systemd looks for units under /usr/local and /usr.
set(FIBFLOW_PROGRAM ${CMAKE_INSTALL_FULL_BINDIR}/fibflow)
configure_file(pipeline/live/service/fibflow-watch@.service.in fibflow-watch@.service @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/fibflow-watch@.service DESTINATION lib/systemd/system)
