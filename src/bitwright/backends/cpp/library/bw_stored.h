// How constants lie in memory: in exactly their bits where hardware is made of them, else in integers of C++, of which
// compilers take thousands where one ap_int of an array costs 28 KB of memory and two milliseconds. Reading converts.
#ifndef BW_STORED_H
#define BW_STORED_H

#include <cstdint>

namespace bw_hls {

#if defined(__SYNTHESIS__) || defined(HLS_SYNTHESIS)  // the latter is Intel's
template <class Exact, class Plain>
using Stored = Exact;
#else
template <class Exact, class Plain>
using Stored = Plain;
#endif

}  // namespace bw_hls

#endif
