# find_package(notaus): notaus::guard, the library behind <notaus/guard.hpp>. Needs libfmt-dev and libb2-dev.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(fmt)
include(${CMAKE_CURRENT_LIST_DIR}/notaus-targets.cmake)
