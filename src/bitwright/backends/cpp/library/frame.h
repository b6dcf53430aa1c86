// @HEADER@
//
// A network as exact integers, in one header without dependencies. Everything is in the namespace
// @NAMESPACE@, named by the hash of its content, so that different versions of a model live side by side
// in one program. Short name: @NAME@ (define BITWRIGHT_NO_ALIAS where two headers would claim one name).
//
//   @NAME@::predict(x, y)              floats of one sample to what the model returns
//   @NAME@::predict(x, y, samples)     the same for many samples, one after the other
//   @NAME@::predict_codes(x, codes)    floats to the integers that the hardware outputs
//   @NAME@::run(codes, codes)          integers to integers
//   @NAME@::name, version, hash        which model this is; description has it all as JSON
//
// The float calls return false where an input is NaN (it counts as the lowest code then).
#ifndef BITWRIGHT_@UPPER@_@NAMESPACE@
#define BITWRIGHT_@UPPER@_@NAMESPACE@

#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <type_traits>

#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__FAST_MATH__)
#error "this emulator rounds as IEEE 754 says: compile it without -ffast-math"
#endif
static_assert(FLT_EVAL_METHOD == 0, "floats must be computed as floats (on 32-bit x86: -msse2 -mfpmath=sse)");

#if defined(_MSC_VER) || defined(__GNUC__)
#define BITWRIGHT_APART __restrict
#else
#define BITWRIGHT_APART
#endif

namespace @NAMESPACE@ {

// Code for different instruction sets has different names, so that a linker cannot mix it.
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
inline namespace avx512 {
#elif defined(__AVX2__)
inline namespace avx2 {
#elif defined(__SSE2__)
inline namespace sse2 {
#else
inline namespace plain {
#endif

@BODY@

}  // inline namespace
}  // namespace @NAMESPACE@

#undef BITWRIGHT_APART

#ifndef BITWRIGHT_NO_ALIAS
namespace @NAME@ = @NAMESPACE@;
#endif

#endif
