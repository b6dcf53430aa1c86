# The interpreter and its innermost loops, which are compiled once per instruction set and chosen at run time.
set(KERNELS ${CMAKE_CURRENT_LIST_DIR}/interpreter_kernels.cpp)
target_sources(_native PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/interpreter.cpp
  ${CMAKE_CURRENT_LIST_DIR}/interpreter_module.cpp
  ${KERNELS})

# Vectors of 64 bytes only pass through inlined helpers: how they would cross a call does not matter.
set(KERNEL_OPTIONS $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-Wall -Wextra -O3 -Wno-psabi>)
set_source_files_properties(${KERNELS} PROPERTIES COMPILE_OPTIONS "${KERNEL_OPTIONS}")

function(add_kernels name)
  add_library(kernels_${name} OBJECT ${KERNELS})
  target_compile_features(kernels_${name} PRIVATE cxx_std_17)
  set_target_properties(kernels_${name} PROPERTIES
    CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
  target_compile_definitions(kernels_${name} PRIVATE BITWRIGHT_X86_KERNELS BITWRIGHT_KERNELS=kernels_${name})
  target_compile_options(kernels_${name} PRIVATE ${ARGN})
  target_link_libraries(_native PRIVATE kernels_${name})
endfunction()

if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang" AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$"
    AND NOT CMAKE_OSX_ARCHITECTURES)
  target_compile_definitions(_native PRIVATE BITWRIGHT_X86_KERNELS)
  add_kernels(avx2 -mavx2)
  add_kernels(avx512 -mavx512bw -mavx512vl -mavx512dq -mprefer-vector-width=512)
endif()
