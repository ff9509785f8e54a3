# fibflow_library(NAME SOURCES ...): a static library of one folder, exported as fibflow::NAME.
add_library(fibflow_options INTERFACE)
target_compile_options(fibflow_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor)
if(FIBFLOW_WERROR)
  target_compile_options(fibflow_options INTERFACE -Werror)
endif()
if(FIBFLOW_SANITIZE)
  target_compile_options(fibflow_options INTERFACE -fsanitize=${FIBFLOW_SANITIZE} -fno-omit-frame-pointer
                                                   -fno-sanitize-recover=all -g)
  target_link_options(fibflow_options INTERFACE -fsanitize=${FIBFLOW_SANITIZE})
  target_compile_definitions(fibflow_options INTERFACE FIBFLOW_SANITIZED)
endif()

# fibflow_library(FOLDER SOURCES ... LINKS ... PACKAGES ...): the static library of one folder, exported as fibflow::FOLDER
# with _ for /. LINKS are the folders whose headers it includes, all of them and no others (tests/house_test.cmake looks);
# so the arrows between folders are the LINKS in the CMakeLists.txt, and nowhere else. ONLY: of the folders that are linked,
# these headers alone.
set_property(GLOBAL PROPERTY FIBFLOW_ROOMS "")
function(fibflow_library folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;PACKAGES;ONLY" ${ARGN})
  string(REPLACE "/" "_" name ${folder})
  if(ARG_SOURCES)
    add_library(fibflow_${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
  else()  # headers alone
    add_library(fibflow_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(fibflow::${name} ALIAS fibflow_${name})
  set_target_properties(fibflow_${name} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(fibflow_${name} ${scope} cxx_std_20)
  target_include_directories(fibflow_${name} ${scope}
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/fibflow>)
  list(TRANSFORM ARG_LINKS REPLACE "/" "_" OUTPUT_VARIABLE libraries)
  list(TRANSFORM libraries PREPEND "fibflow::")
  if(ARG_SOURCES)
    target_link_libraries(fibflow_${name} PUBLIC ${libraries} PRIVATE ${ARG_PACKAGES} $<BUILD_INTERFACE:fibflow_options>)
  endif()
  set_property(GLOBAL APPEND PROPERTY FIBFLOW_ROOMS ${folder})
  set_property(GLOBAL PROPERTY FIBFLOW_LINKS_${folder} "${ARG_LINKS}")
  set_property(GLOBAL PROPERTY FIBFLOW_ONLY_${folder} "${ARG_ONLY}")
endfunction()

# fibflow_umbrella(NAME): fibflow::NAME, all libraries of the folders below NAME.
function(fibflow_umbrella name)
  add_library(fibflow_${name} INTERFACE)
  add_library(fibflow::${name} ALIAS fibflow_${name})
  set_target_properties(fibflow_${name} PROPERTIES EXPORT_NAME ${name})
  get_property(rooms GLOBAL PROPERTY FIBFLOW_ROOMS)
  foreach(room ${rooms})
    if(room MATCHES "^${name}/")
      string(REPLACE "/" "_" library ${room})
      target_link_libraries(fibflow_${name} INTERFACE fibflow::${library})
    endif()
  endforeach()
endfunction()

# The places that tests read files from.
function(fibflow_test_paths target)
  target_compile_definitions(${target} PRIVATE
    FIBFLOW_TEST_FIXTURES="${PROJECT_SOURCE_DIR}/tests/fixtures"
    FIBFLOW_SHARED="${PROJECT_SOURCE_DIR}/../shared")
endfunction()

# fibflow_tests(NAME SOURCES ... LIBRARIES ... [LABEL slow]): one GoogleTest program, discovered by ctest.
function(fibflow_tests name)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name}_tests ${ARG_SOURCES})
  target_link_libraries(${name}_tests PRIVATE fibflow_options ${ARG_LIBRARIES} GTest::gtest_main)
  target_compile_options(${name}_tests PRIVATE -O1)  # the last one counts: compiling takes longer than running
  target_include_directories(${name}_tests PRIVATE ${PROJECT_SOURCE_DIR})
  fibflow_test_paths(${name}_tests)
  if(FIBFLOW_SANITIZE)
    # One process for all of them: under a sanitizer starting a process costs more than most tests.
    add_test(NAME ${name} COMMAND ${name}_tests --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABEL}")
  elseif(ARG_LABEL)
    gtest_discover_tests(${name}_tests DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${ARG_LABEL})
  else()
    gtest_discover_tests(${name}_tests DISCOVERY_TIMEOUT 60)
  endif()
endfunction()
