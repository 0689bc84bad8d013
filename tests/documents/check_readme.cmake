# Fails unless README.md is short, gives the two commands once each, names only files that exist, and CI runs its test
# command: cmake -D ROOT=... -P check_readme.cmake
cmake_minimum_required(VERSION 3.24)

file(READ ${ROOT}/README.md text)
string(REGEX REPLACE "[^\n]" "" newlines "${text}")
string(LENGTH "${newlines}" count)
if(count GREATER_EQUAL 150)
  message(SEND_ERROR "README.md has ${count} lines: it is a page, not a manual")
endif()

foreach(preset examples test)
  file(STRINGS ${ROOT}/README.md command REGEX "^apt-get .* cmake --workflow --preset ${preset}$")
  list(LENGTH command count)
  if(NOT count EQUAL 1)
    message(SEND_ERROR "README.md has ${count} lines that set up and run '${preset}', not one")
  endif()
endforeach()

execute_process(COMMAND ${ROOT}/.ci/run --show OUTPUT_VARIABLE runs OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT runs STREQUAL command)
  message(SEND_ERROR "CI runs\n${runs}\nand README.md says\n${command}")
endif()

string(REPLACE "]" ">" text "${text}")  # brackets would hide the semicolons of a list
string(REGEX MATCHALL ">\\([^):]+\\)" links "${text}")
foreach(link ${links})
  string(REGEX REPLACE "[>()]" "" path ${link})
  if(NOT EXISTS ${ROOT}/${path})
    message(SEND_ERROR "README.md links to ${path}, which does not exist")
  endif()
endforeach()
