# Fails unless the compiler refuses a snippet with the words of its first line, "// expect: <words>"; "// compiles" asks for
# the reverse. cmake -D COMMAND=<compiler;flags> -D SNIPPET=<file> -P check_refusal.cmake
cmake_minimum_required(VERSION 3.24)

set(ENV{LC_ALL} C)  # the words are English
file(STRINGS ${SNIPPET} first LIMIT_COUNT 1)
execute_process(COMMAND ${COMMAND} RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE said)

if(first STREQUAL "// compiles")
  if(failed)
    message(FATAL_ERROR "a right use was refused:\n${said}")
  endif()
  return()
endif()
if(NOT first MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "the first line must be '// expect: <words>' or '// compiles', not '${first}'")
endif()
set(words "${CMAKE_MATCH_1}")
if(NOT failed)
  message(FATAL_ERROR "a wrong use compiled; expected: ${words}")
endif()
string(FIND "${said}" "${words}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "refused without the words '${words}':\n${said}")
endif()
