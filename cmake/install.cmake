# What `make install` puts where: both programs side by side (notaus execs the gate beside it), the public headers, and one static
# library for find_package(notaus): page, core and base, which is all a guard inside a customer's process is made of.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS ${programs} RUNTIME)
install(DIRECTORY include/notaus TYPE INCLUDE FILES_MATCHING PATTERN "*.hpp")
install(FILES LICENSE TYPE DOC)
install(FILES packaging/completions/notaus.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME notaus)
install(FILES packaging/completions/_notaus DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES packaging/completions/notaus.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

# The manual page is what the program says of itself. A build of a day has that day's date, or SOURCE_DATE_EPOCH's.
string(TIMESTAMP today "%Y-%m-%d" UTC)
add_custom_command(OUTPUT notaus.1 COMMAND notaus __man ${today} > notaus.1 DEPENDS notaus VERBATIM)
add_custom_target(manual ALL DEPENDS notaus.1)
add_dependencies(programs manual)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/notaus.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/notaus.schema.json TYPE DATA RENAME notaus/notaus.schema.json)

get_target_property(page_type page TYPE)
if(page_type STREQUAL "STATIC_LIBRARY")
  add_library(notaus_guard STATIC $<TARGET_OBJECTS:base> $<TARGET_OBJECTS:core> $<TARGET_OBJECTS:page>)
  add_library(notaus::guard ALIAS notaus_guard)
  set_target_properties(notaus_guard PROPERTIES EXPORT_NAME guard LINKER_LANGUAGE CXX)
  target_compile_features(notaus_guard INTERFACE cxx_std_20)
  target_include_directories(notaus_guard INTERFACE
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(notaus_guard PUBLIC Threads::Threads PRIVATE fmt::fmt -l:libb2.a)

  set(package ${CMAKE_INSTALL_LIBDIR}/cmake/notaus)
  install(TARGETS notaus_guard EXPORT notaus ARCHIVE)
  install(EXPORT notaus NAMESPACE notaus:: FILE notaus-targets.cmake DESTINATION ${package})
  write_basic_package_version_file(notaus-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(FILES cmake/notaus-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/notaus-config-version.cmake DESTINATION ${package})
endif()
