// What the generated HLS code shares, for ap_int and ac_int alike: conversions, saturation, counting steps.
#ifndef BW_HLS_H
#define BW_HLS_H

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "bw_stored.h"

namespace bw_hls {

// Conversions: numbers as they are, integers of any width through the widest that C++ has.
template <class To, class From, bool Plain>
struct Convert {
  static To of(const From& value) { return To(value); }
};
template <class From>
struct Convert<std::size_t, From, false> {
  static std::size_t of(const From& value) { return static_cast<std::size_t>(value.to_int64()); }
};
template <class To, class From>
inline To to(const From& value) {
  return Convert<To, From, std::is_integral<From>::value>::of(value);
}

template <class T>
inline T clip(T value, T low, T high) {
  const T raised = value < low ? low : value;
  return raised > high ? high : raised;
}

template <class T>
inline T either(bool first, T a, T b) {
  return first ? a : b;
}

// How many of the ascending steps x has reached.
template <class S, class T>
inline std::size_t reached(const S* steps, std::size_t count, const T& x) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < count; ++i) found += steps[i] <= x ? 1 : 0;
  return found;
}

template <class T>
inline T larger(const T& a, const T& b) {
  return a > b ? a : b;
}

template <class T>
inline T smaller(const T& a, const T& b) {
  return a < b ? a : b;
}

}  // namespace bw_hls

#endif
