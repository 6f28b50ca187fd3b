# SPDX-License-Identifier: Apache-2.0
# A room is a folder of src/ and a static library of the same name. Its link edges repeat the table in src/README.md,
# which scripts/check-layers holds against the includes.
#   wasmx_room(registry ROOMS credentials oci io base LIBRARIES json)
function(wasmx_room name)
  cmake_parse_arguments(ROOM "" "" "ROOMS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PRIVATE wasmx_options)
  foreach(room IN LISTS ROOM_ROOMS)
    target_link_libraries(${name} PUBLIC ${room})
  endforeach()
  foreach(library IN LISTS ROOM_LIBRARIES)
    target_link_libraries(${name} PUBLIC dep_${library})
  endforeach()
  set_target_properties(${name} PROPERTIES OUTPUT_NAME wasmx_${name})
endfunction()
