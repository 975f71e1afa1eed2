# A room is a folder of src/ and one static library of the same name. What it may use is src/FLOORS; tests/floors checks both
# the #includes and the symbols, so a wrong USES here fails there.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(simdjson REQUIRED)
find_library(SQLITE3 sqlite3 REQUIRED)
find_package(boost_headers 1.81 REQUIRED CONFIG)
find_package(boost_json 1.81 REQUIRED CONFIG)

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wthread-safety -Werror)
add_compile_options(-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)  # must() names src/core/x.cc, wherever it was built

foreach(tool ccache ld.lld-19)
  find_program(${tool}_PROGRAM ${tool})
endforeach()
if(ccache_PROGRAM AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ccache_PROGRAM})
endif()
# lld, not mold: Debian's mold 1.10 begins GNU_RELRO at a .tbss section, and the loader then refuses the program (decisions/0003).
if(ld.lld-19_PROGRAM)
  add_link_options(-fuse-ld=lld-19)
endif()

option(BUILD_TESTING "Build the tests (the release preset does not)" ON)
if(BUILD_TESTING)
  find_package(GTest REQUIRED)
  find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)  # here: an imported target is seen only below the folder that found it
  enable_testing()
  include(GoogleTest)
endif()

# For builds that begin cold and whose files no cache knows, as the sanitizers' do: most of a file's time is the same headers. The other
# presets do without, so that a missing #include is seen. Once for libraries and once for tests, whose code differs (-fPIC, -fPIE).
option(NOTAUS_PCH "Precompile the headers that most files include" OFF)
if(NOTAUS_PCH)
  set(common <algorithm> <atomic> <chrono> <expected> <filesystem> <fstream> <functional> <map> <memory> <mutex> <optional> <set> <sstream>
             <string> <thread> <vector> <fmt/format.h>)
  file(WRITE ${CMAKE_BINARY_DIR}/pch.cc "")
  add_library(pch_room STATIC ${CMAKE_BINARY_DIR}/pch.cc)
  target_link_libraries(pch_room PRIVATE fmt::fmt)
  target_precompile_headers(pch_room PRIVATE ${common})
  add_executable(pch_test EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/pch.cc)
  target_link_libraries(pch_test PRIVATE fmt::fmt GTest::gtest_main)
  target_precompile_headers(pch_test PRIVATE ${common} <gtest/gtest.h>)
endif()
function(precompiled target from)
  if(NOTAUS_PCH)
    target_precompile_headers(${target} REUSE_FROM ${from})
  endif()
endfunction()

# What ThreadSanitizer need not look at; compiling it would be most of that build.
set(NOTAUS_ONE_THREAD "" CACHE STRING "Rooms without threads of their own, whose tests are not built")

# room(NAME [USES room…] [LIBS library…]): src/NAME/*.cc without *_test.cc and main.cc; every x_test.cc becomes part of NAME_test.
function(room name)
  cmake_parse_arguments(ROOM "" "" "USES;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|/main|_main)\\.cc$")
  if(sources)
    add_library(${name} STATIC ${sources})
    precompiled(${name} pch_room)
    set(scope PUBLIC)
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope} ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(${name} ${scope} ${ROOM_USES} ${ROOM_LIBS} Threads::Threads)
  if(tests AND (NOT BUILD_TESTING OR name IN_LIST NOTAUS_ONE_THREAD))
    add_executable(${name}_test EXCLUDE_FROM_ALL ${tests})  # there to be named, never built: GoogleTest may be missing
  elseif(tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${name} GTest::gtest GTest::gtest_main)
    precompiled(${name}_test pch_test)
    gtest_discover_tests(${name}_test PROPERTIES LABELS unit DISCOVERY_MODE PRE_TEST)
    set_property(GLOBAL APPEND PROPERTY unit_tests ${name}_test)
  endif()
endfunction()

# Loading shared libraries was more than half of a command's start, and an operator waits for it (decisions/0018). libc stays shared: it
# looks up users by plugins. Sanitizers bring their own runtime.
add_library(fmt_static STATIC ${CMAKE_SOURCE_DIR}/cmake/fmt.cc)
function(linked_for_a_quick_start program room)
  target_link_libraries(${program} PRIVATE fmt_static ${room})
  if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    target_link_options(${program} PRIVATE -static-libstdc++ -static-libgcc -Wl,--as-needed)
  endif()
endfunction()

# program(NAME ROOM): src/ROOM/main.cc or src/ROOM/ROOM_main.cc.
function(program name room)
  file(GLOB main CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${room}/main.cc ${CMAKE_SOURCE_DIR}/src/${room}/${room}_main.cc)
  if(main AND NOT TARGET ${name})
    add_executable(${name} ${main})
    linked_for_a_quick_start(${name} ${room})
  endif()
  if(TARGET ${name})
    set_property(GLOBAL APPEND PROPERTY programs ${name})
  endif()
endfunction()

# The two programs, and what proves the house.
function(house)
  program(notaus app)
  program(notaus-gate gate)
  get_property(programs GLOBAL PROPERTY programs)
  add_custom_target(programs DEPENDS ${programs})
  include(${CMAKE_SOURCE_DIR}/cmake/install.cmake)

  if(BUILD_TESTING)
    get_property(unit_tests GLOBAL PROPERTY unit_tests)
    add_custom_target(units DEPENDS ${unit_tests})
    set(tests tests tests/stress tests/faults tests/demo tests/compiler tests/config tests/floors tests/install tests/audit tests/fuzz)
  endif()
  foreach(part ${tests} bench examples)
    file(GLOB there CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${part}/CMakeLists.txt)
    if(there)
      add_subdirectory(${CMAKE_SOURCE_DIR}/${part})
    endif()
  endforeach()
endfunction()
