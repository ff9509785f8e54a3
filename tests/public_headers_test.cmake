cmake_minimum_required(VERSION 3.22)

# The public headers are at most 25, and include nothing of the project that is not among them; each compiles alone.
# cmake -DSOURCE=... -DCOMPILER=... -P public_headers_test.cmake
include(${SOURCE}/cmake/public_headers.cmake)
list(LENGTH FIBFLOW_PUBLIC_HEADERS count)
if(count GREATER 25)
  message(FATAL_ERROR "${count} public headers; 25 are the most")
endif()
set(wrong "")
foreach(header ${FIBFLOW_PUBLIC_HEADERS})
  file(STRINGS ${SOURCE}/${header} includes REGEX "^#include \"")
  foreach(include ${includes})
    string(REGEX MATCH "\"(.*)\"" ignored "${include}")
    if(NOT CMAKE_MATCH_1 IN_LIST FIBFLOW_PUBLIC_HEADERS)
      string(APPEND wrong "${header} includes ${CMAKE_MATCH_1}, which is not public\n")
    endif()
  endforeach()
  execute_process(COMMAND ${COMPILER} -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I${SOURCE} -include ${header}
                          -x c++ /dev/null
                  RESULT_VARIABLE result ERROR_VARIABLE errors)
  if(result)
    string(APPEND wrong "${header} does not compile alone:\n${errors}\n")
  endif()
endforeach()
if(wrong)
  message(FATAL_ERROR "${wrong}")
endif()
message("${count} public headers, each compiles alone")
