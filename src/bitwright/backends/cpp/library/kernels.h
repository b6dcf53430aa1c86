// Kernels of the emulator, pasted into its namespace: nothing here knows a network.
//
// A block holds L samples: element e of a tensor is x[e * L] to x[e * L + L - 1], one number per sample.
// Single samples are blocks of one. All sums are proven to fit their types, so the order of adding does
// not matter and no result depends on the instruction set.
namespace detail {

/// A conversion that is known to keep the number.
template <class To, class From>
constexpr To to(From value) noexcept {
  return static_cast<To>(value);
}

template <class T>
constexpr T clip(T value, T low, T high) noexcept {
  const T raised = value < low ? low : value;
  return raised > high ? high : raised;
}

template <class T>
constexpr T either(bool first, T a, T b) noexcept {
  return first ? a : b;
}

/// How many of the ascending steps x has reached.
template <class S, class T>
inline std::size_t reached(const S* steps, std::size_t count, T x) noexcept {
  std::size_t below = 0;
  while (count > 0) {
    const std::size_t half = count / 2;
    const bool beyond = steps[below + half] <= x;
    below = beyond ? below + half + 1 : below;
    count = beyond ? count - half - 1 : half;
  }
  return below;
}

/// Pack: some 32-bit sums side by side. madd multiplies pairs of 16-bit numbers and adds both products.
#if defined(__AVX2__)
struct Pack {
  static constexpr std::size_t count = 8;
  __m256i v;
};
inline Pack load_sums(const std::int32_t* from) noexcept {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))};
}
inline Pack load_pairs(const std::int16_t* from) noexcept {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))};
}
inline Pack same_sum(std::int32_t value) noexcept { return {_mm256_set1_epi32(value)}; }
inline void store_sums(std::int32_t* to, Pack a) noexcept { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), a.v); }
inline Pack madd(Pack total, Pack a, Pack b) noexcept {
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
  return {_mm256_dpwssd_epi32(total.v, a.v, b.v)};
#else
  return {_mm256_add_epi32(total.v, _mm256_madd_epi16(a.v, b.v))};
#endif
}
#elif defined(__SSE2__)
struct Pack {
  static constexpr std::size_t count = 4;
  __m128i v;
};
inline Pack load_sums(const std::int32_t* from) noexcept {
  return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))};
}
inline Pack load_pairs(const std::int16_t* from) noexcept {
  return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))};
}
inline Pack same_sum(std::int32_t value) noexcept { return {_mm_set1_epi32(value)}; }
inline void store_sums(std::int32_t* to, Pack a) noexcept { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), a.v); }
inline Pack madd(Pack total, Pack a, Pack b) noexcept {
  return {_mm_add_epi32(total.v, _mm_madd_epi16(a.v, b.v))};
}
#else
struct Pack {
  static constexpr std::size_t count = 4;
  std::int32_t v[4];
};
inline Pack load_sums(const std::int32_t* from) noexcept { return {{from[0], from[1], from[2], from[3]}}; }
inline Pack load_pairs(const std::int16_t* from) noexcept {
  Pack out;
  std::memcpy(out.v, from, sizeof out.v);
  return out;
}
inline Pack same_sum(std::int32_t value) noexcept { return {{value, value, value, value}}; }
inline void store_sums(std::int32_t* to, Pack a) noexcept { std::memcpy(to, a.v, sizeof a.v); }
inline Pack madd(Pack total, Pack a, Pack b) noexcept {
  std::int16_t left[8], right[8];
  std::memcpy(left, a.v, sizeof left);
  std::memcpy(right, b.v, sizeof right);
  for (std::size_t i = 0; i < 4; ++i) {
    total.v[i] += to<std::int32_t>(left[2 * i]) * right[2 * i] + to<std::int32_t>(left[2 * i + 1]) * right[2 * i + 1];
  }
  return total;
}
#endif

/// The same pair in every place.
inline Pack same_pair(const std::int16_t* pair) noexcept {
  std::int32_t both;
  std::memcpy(&both, pair, sizeof both);
  return same_sum(both);
}

/// The inputs of a product, two rows of a block at a time, as pairs; a missing last row counts zero.
template <std::size_t L, std::size_t I, class Taps>
inline void interleave(const Taps& taps, std::int16_t* pairs) noexcept {
  for (std::size_t p = 0; p < I / 2; ++p) {
    const auto* a = taps(2 * p);
    const auto* b = taps(2 * p + 1);
    for (std::size_t l = 0; l < L; ++l) {
      pairs[(p * L + l) * 2] = to<std::int16_t>(a[l]);
      pairs[(p * L + l) * 2 + 1] = to<std::int16_t>(b[l]);
    }
  }
  if constexpr (I % 2 == 1) {
    const auto* a = taps(I - 1);
    for (std::size_t l = 0; l < L; ++l) {
      pairs[(I / 2 * L + l) * 2] = to<std::int16_t>(a[l]);
      pairs[(I / 2 * L + l) * 2 + 1] = 0;
    }
  }
}

/// `Units` neighboring sums over a block, two packs of samples at a time.
template <std::size_t Units, std::size_t L, std::size_t I, std::size_t U, class Finish>
inline void tile(const std::int16_t* pairs, const std::int16_t* weights, const std::int32_t* bias, std::size_t unit,
                 const Finish& finish) noexcept {
  constexpr std::size_t N = Pack::count;
  static_assert(L % (2 * N) == 0, "a block holds whole packs");
  std::int32_t totals[Units][L];
  for (std::size_t lane = 0; lane < L; lane += 2 * N) {
    Pack sums[Units][2];
    for (std::size_t k = 0; k < Units; ++k) {
      sums[k][0] = same_sum(bias[unit + k]);
      sums[k][1] = sums[k][0];
    }
    for (std::size_t p = 0; p < (I + 1) / 2; ++p) {
      const Pack first = load_pairs(pairs + (p * L + lane) * 2);
      const Pack second = load_pairs(pairs + (p * L + lane + N) * 2);
      for (std::size_t k = 0; k < Units; ++k) {
        const Pack weight = same_pair(weights + (p * U + unit + k) * 2);
        sums[k][0] = madd(sums[k][0], first, weight);
        sums[k][1] = madd(sums[k][1], second, weight);
      }
    }
    for (std::size_t k = 0; k < Units; ++k) {
      store_sums(totals[k] + lane, sums[k][0]);
      store_sums(totals[k] + lane + N, sums[k][1]);
    }
  }
  for (std::size_t k = 0; k < Units; ++k) finish.block(unit + k, totals[k]);
}

/// All sums of one sample, the units side by side.
template <std::size_t I, std::size_t U, class Finish>
inline void single(const std::int16_t* pairs, const std::int16_t* weights, const std::int32_t* bias,
                   const Finish& finish) noexcept {
  constexpr std::size_t N = Pack::count, whole = U / (2 * N) * (2 * N);
  std::int32_t totals[U];
  for (std::size_t u = 0; u < whole; u += 2 * N) {
    Pack first = load_sums(bias + u), second = load_sums(bias + u + N);
    for (std::size_t p = 0; p < (I + 1) / 2; ++p) {
      const Pack pair = same_pair(pairs + 2 * p);
      first = madd(first, pair, load_pairs(weights + (p * U + u) * 2));
      second = madd(second, pair, load_pairs(weights + (p * U + u + N) * 2));
    }
    store_sums(totals + u, first);
    store_sums(totals + u + N, second);
  }
  for (std::size_t u = whole; u < U; ++u) {
    std::int32_t total = bias[u];
    for (std::size_t p = 0; p < (I + 1) / 2; ++p) {
      const std::int16_t* weight = weights + (p * U + u) * 2;
      total += to<std::int32_t>(pairs[2 * p]) * weight[0] + to<std::int32_t>(pairs[2 * p + 1]) * weight[1];
    }
    totals[u] = total;
  }
  for (std::size_t u = 0; u < U; ++u) finish.block(u, totals + u);
}

/// U sums over I inputs of 16 bits: weights [(I + 1) / 2][U][2]; `pairs` is room for I + 1 rows of a block.
template <std::size_t L, std::size_t I, std::size_t U, class Taps, class Finish>
inline void product(const Taps& taps, const std::int16_t* weights, const std::int32_t* bias, std::int16_t* pairs,
                    const Finish& finish) noexcept {
  interleave<L, I>(taps, pairs);
  if constexpr (L == 1) {
    single<I, U>(pairs, weights, bias, finish);
  } else {
    constexpr std::size_t fours = U / 4 * 4;
    for (std::size_t unit = 0; unit < fours; unit += 4) tile<4, L, I, U>(pairs, weights, bias, unit, finish);
    if constexpr (fours != U) {
      for (std::size_t unit = fours; unit < U; ++unit) tile<1, L, I, U>(pairs, weights, bias, unit, finish);
    }
  }
}

/// U sums over I inputs that need more bits: weights [I][U].
template <std::size_t L, std::size_t I, std::size_t U, class Taps, class W, class Sum, class Finish>
inline void product(const Taps& taps, const W* weights, const Sum* bias, std::nullptr_t, const Finish& finish) noexcept {
  for (std::size_t u = 0; u < U; ++u) {
    Sum totals[L];
    for (std::size_t l = 0; l < L; ++l) totals[l] = bias[u];
    for (std::size_t i = 0; i < I; ++i) {
      const Sum weight = weights[i * U + u];
      const auto* x = taps(i);
      for (std::size_t l = 0; l < L; ++l) totals[l] += weight * to<Sum>(x[l]);
    }
    finish.block(u, totals);
  }
}

/// What happens to the sums of one position: the map behind them, then into the tensor.
template <std::size_t L, class Map, class Y>
struct Finish {
  Y* y;
  std::size_t first;

  template <class Sum>
  void block(std::size_t unit, const Sum* totals) const noexcept {
    const std::size_t e = first + unit;
    Y* BITWRIGHT_APART out = y + e * L;
    for (std::size_t l = 0; l < L; ++l) out[l] = to<Y>(Map::at(e, totals[l]));
  }
};

/// The map of a layer that has none.
struct Plain {
  template <class T>
  static constexpr T at(std::size_t, T x) noexcept {
    return x;
  }
};

/// rows times x @ weights + bias over the last axis.
template <std::size_t L, std::size_t Rows, std::size_t I, std::size_t U, class Map, class X, class W, class B,
          class Y, class Pairs>
inline void dense(const X* x, const W* weights, const B* bias, Y* y, Pairs pairs) noexcept {
  for (std::size_t row = 0; row < Rows; ++row) {
    const auto taps = [from = x + row * I * L](std::size_t i) { return from + i * L; };
    product<L, I, U>(taps, weights, bias, pairs, Finish<L, Map, Y>{y, row * U});
  }
}

/// Where windows lie: sizes per spatial axis. Transposed windows look from the result back to the input.
template <std::size_t R>
struct Windows {
  std::ptrdiff_t input[R], output[R], kernel[R], stride[R], before[R], dilation[R];
  bool transposed = false;
};

template <std::size_t R>
constexpr std::size_t size_of(const std::ptrdiff_t (&sizes)[R]) noexcept {
  std::size_t total = 1;
  for (std::size_t r = 0; r < R; ++r) total *= to<std::size_t>(sizes[r]);
  return total;
}

/// The input position under `tap` of the window at `place`; -1 where there is none.
template <std::size_t R>
constexpr std::ptrdiff_t locate(const Windows<R>& w, std::size_t place, std::size_t tap) noexcept {
  std::ptrdiff_t at = 0, weight = 1, o = to<std::ptrdiff_t>(place), k = to<std::ptrdiff_t>(tap);
  for (std::size_t r = R; r-- > 0;) {
    const std::ptrdiff_t out = o % w.output[r], in = k % w.kernel[r];
    o /= w.output[r];
    k /= w.kernel[r];
    std::ptrdiff_t i = out * w.stride[r] + in * w.dilation[r] - w.before[r];
    if (w.transposed) {
      const std::ptrdiff_t reach = out + w.before[r] - in * w.dilation[r];
      i = reach < 0 || reach % w.stride[r] != 0 ? -1 : reach / w.stride[r];
    }
    if (i < 0 || i >= w.input[r]) return -1;
    at += i * weight;
    weight *= w.input[r];
  }
  return at;
}

/// Convolution, plain or transposed: C channels to F filters in G groups; weights group by group.
template <std::size_t L, const auto& W, std::size_t C, std::size_t F, std::size_t G, class Map, class X, class V,
          class B, class Y, class Pairs>
inline void convolve(const X* x, const V* weights, const B* bias, Y* y, Pairs pairs) noexcept {
  static constexpr X zeros[L] = {};
  constexpr std::size_t taps = size_of(W.kernel), per = C / G, filters = F / G, inputs = taps * per;
  constexpr bool paired = !std::is_same_v<Pairs, std::nullptr_t>;
  constexpr std::size_t matrix = (paired ? (inputs + 1) / 2 * 2 : inputs) * filters;
  const X* from[inputs];
  for (std::size_t place = 0; place < size_of(W.output); ++place) {
    for (std::size_t group = 0; group < G; ++group) {
      for (std::size_t tap = 0; tap < taps; ++tap) {
        const std::ptrdiff_t at = locate(W, place, tap);
        for (std::size_t c = 0; c < per; ++c) {
          from[tap * per + c] = at < 0 ? zeros : x + (to<std::size_t>(at) * C + group * per + c) * L;
        }
      }
      const auto rows = [&from](std::size_t i) { return from[i]; };
      const Finish<L, Map, Y> finish{y, place * F + group * filters};
      product<L, inputs, filters>(rows, weights + group * matrix, bias + group * filters, pairs, finish);
    }
  }
}

/// Sums over windows of each channel.
template <std::size_t L, const auto& W, std::size_t C, class Sum, class X, class Y>
inline void sum_pool(const X* x, Y* y) noexcept {
  for (std::size_t place = 0; place < size_of(W.output); ++place) {
    for (std::size_t c = 0; c < C; ++c) {
      Sum totals[L] = {};
      for (std::size_t tap = 0; tap < size_of(W.kernel); ++tap) {
        const std::ptrdiff_t at = locate(W, place, tap);
        if (at < 0) continue;
        const X* from = x + (to<std::size_t>(at) * C + c) * L;
        for (std::size_t l = 0; l < L; ++l) totals[l] += to<Sum>(from[l]);
      }
      for (std::size_t l = 0; l < L; ++l) y[(place * C + c) * L + l] = to<Y>(totals[l]);
    }
  }
}

/// The largest of each window, channel by channel; places outside do not count.
template <std::size_t L, const auto& W, std::size_t C, class X, class Y>
inline void max_pool(const X* x, Y* y) noexcept {
  for (std::size_t place = 0; place < size_of(W.output); ++place) {
    for (std::size_t c = 0; c < C; ++c) {
      X most[L];
      for (std::size_t l = 0; l < L; ++l) most[l] = std::numeric_limits<X>::lowest();
      for (std::size_t tap = 0; tap < size_of(W.kernel); ++tap) {
        const std::ptrdiff_t at = locate(W, place, tap);
        if (at < 0) continue;
        const X* from = x + (to<std::size_t>(at) * C + c) * L;
        for (std::size_t l = 0; l < L; ++l) most[l] = from[l] > most[l] ? from[l] : most[l];
      }
      for (std::size_t l = 0; l < L; ++l) y[(place * C + c) * L + l] = to<Y>(most[l]);
    }
  }
}

/// The K largest of each row, falling, the first of equals first: their places, or with Values themselves.
template <std::size_t L, std::size_t Rows, std::size_t Count, std::size_t K, bool Values, class X, class Y>
inline void top(const X* x, Y* y) noexcept {
  for (std::size_t r = 0; r < Rows; ++r) {
    for (std::size_t l = 0; l < L; ++l) {
      const X* row = x + r * Count * L + l;
      std::size_t best[K] = {};
      for (std::size_t c = 0; c < Count; ++c) {
        std::size_t at = c < K ? c : K;
        for (; at > 0 && row[c * L] > row[best[at - 1] * L]; --at) {
          if (at < K) best[at] = best[at - 1];
        }
        if (at < K) best[at] = c;
      }
      for (std::size_t k = 0; k < K; ++k) {
        y[(r * K + k) * L + l] = Values ? to<Y>(row[best[k] * L]) : to<Y>(best[k]);
      }
    }
  }
}

/// a @ b of one pair of matrices.
template <std::size_t L, std::size_t Rows, std::size_t Inner, std::size_t Columns, class Sum, class A, class B, class Y>
inline void matmul(const A* a, const B* b, Y* y) noexcept {
  for (std::size_t r = 0; r < Rows; ++r) {
    for (std::size_t c = 0; c < Columns; ++c) {
      Sum totals[L] = {};
      for (std::size_t i = 0; i < Inner; ++i) {
        const A* left = a + (r * Inner + i) * L;
        const B* right = b + (i * Columns + c) * L;
        for (std::size_t l = 0; l < L; ++l) totals[l] += to<Sum>(left[l]) * to<Sum>(right[l]);
      }
      for (std::size_t l = 0; l < L; ++l) y[(r * Columns + c) * L + l] = to<Y>(totals[l]);
    }
  }
}

/// What Map makes of each of `count` elements.
template <std::size_t L, class Map, class X, class Y>
inline void apply(std::size_t count, const X* x, Y* y) noexcept {
  for (std::size_t e = 0; e < count; ++e) {
    for (std::size_t l = 0; l < L; ++l) y[e * L + l] = to<Y>(Map::at(e, x[e * L + l]));
  }
}

/// One element of a block.
template <std::size_t L, class X, class Y>
inline void copy(const X* x, Y* y) noexcept {
  for (std::size_t l = 0; l < L; ++l) y[l] = to<Y>(x[l]);
}

/// The same number for every sample.
template <std::size_t L, class X, class Y>
inline void fill(X x, Y* y) noexcept {
  for (std::size_t l = 0; l < L; ++l) y[l] = to<Y>(x);
}

struct Plus {
  template <class T>
  static constexpr T of(T a, T b) noexcept {
    return a + b;
  }
};
struct Minus {
  template <class T>
  static constexpr T of(T a, T b) noexcept {
    return a - b;
  }
};
struct Times {
  template <class T>
  static constexpr T of(T a, T b) noexcept {
    return a * b;
  }
};
struct Larger {
  template <class T>
  static constexpr T of(T a, T b) noexcept {
    return a > b ? a : b;
  }
};
struct Smaller {
  template <class T>
  static constexpr T of(T a, T b) noexcept {
    return a < b ? a : b;
  }
};

/// One element of a block from two others, computed in T.
template <std::size_t L, class T, class Operation, class A, class B, class Y>
inline void combine(const A* a, const B* b, Y* y) noexcept {
  for (std::size_t l = 0; l < L; ++l) y[l] = to<Y>(Operation::of(to<T>(a[l]), to<T>(b[l])));
}

/// A float rounded half to even and saturated to whole ends below 2**22; NaN becomes `low`.
inline float round_even(float value, float low, float high) noexcept {
  constexpr float shift = 12582912.0f;  // 1.5 * 2**23: floats there are whole numbers
  const float raised = value > low ? value : low;
  return ((raised < high ? raised : high) + shift) - shift;
}

/// The same in double, for any ends.
inline double round_even(double value, double low, double high) noexcept {
  const double raised = value > low ? value : low;
  return std::nearbyint(raised < high ? raised : high);
}

/// Floats of one sample after the other as codes in a block; false where one is NaN.
template <std::size_t L, std::size_t Size, class Code, class Y>
inline bool encode(const float* given, Y* y) noexcept {
  constexpr std::size_t chunk = Size < 16 ? Size : 16;
  std::uint32_t nans = 0;
  for (std::size_t l = 0; l < L; ++l) {
    const float* sample = given + l * Size;
    for (std::size_t first = 0; first < Size; first += chunk) {
      // A last chunk that is not full begins earlier: some codes are computed twice.
      const std::size_t start = first + chunk <= Size ? first : Size - chunk;
      Y codes[chunk];
      for (std::size_t k = 0; k < chunk; ++k) {
        const float value = sample[start + k];
        nans |= std::isnan(value) ? 1u : 0u;
        codes[k] = to<Y>(Code::of(start + k, value));
      }
      for (std::size_t k = 0; k < chunk; ++k) y[(start + k) * L + l] = codes[k];
    }
  }
  return nans == 0;
}

/// Codes in a block as values, one sample after the other.
template <std::size_t L, std::size_t Size, class Value, class X>
inline void decode(const X* x, float* values) noexcept {
  for (std::size_t e = 0; e < Size; ++e) {
    for (std::size_t l = 0; l < L; ++l) values[l * Size + e] = Value::of(e, x[e * L + l]);
  }
}

/// Samples one after the other into a block, and back.
template <std::size_t L, std::size_t Size, class T>
inline void gather(const T* from, T* block) noexcept {
  for (std::size_t e = 0; e < Size; ++e) {
    for (std::size_t l = 0; l < L; ++l) block[e * L + l] = from[l * Size + e];
  }
}
template <std::size_t L, std::size_t Size, class T>
inline void scatter(const T* block, T* out) noexcept {
  for (std::size_t e = 0; e < Size; ++e) {
    for (std::size_t l = 0; l < L; ++l) out[l * Size + e] = block[e * L + l];
  }
}

inline float largest(const float* row, std::size_t count) noexcept {
  float most = row[0];
  for (std::size_t i = 1; i < count; ++i) most = row[i] > most ? row[i] : most;
  return most;
}

/// The float heads, in place over rows of `count` logits, computed in double.
inline void softmax(float* row, std::size_t count) noexcept {
  const float most = largest(row, count);
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) total += std::exp(static_cast<double>(row[i] - most));
  for (std::size_t i = 0; i < count; ++i) row[i] = to<float>(std::exp(static_cast<double>(row[i] - most)) / total);
}
inline void log_softmax(float* row, std::size_t count) noexcept {
  const float most = largest(row, count);
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) total += std::exp(static_cast<double>(row[i] - most));
  for (std::size_t i = 0; i < count; ++i) row[i] = to<float>(static_cast<double>(row[i] - most) - std::log(total));
}
inline void sigmoid(float* row, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) row[i] = to<float>(1.0 / (1.0 + std::exp(-static_cast<double>(row[i]))));
}
inline void tanh(float* row, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) row[i] = to<float>(std::tanh(static_cast<double>(row[i])));
}

/// Room for a block of tensors: on the stack while it is small, else kept by the thread.
template <class T, bool Small = sizeof(T) <= 65536>
struct Room {
  T tensors;
  T& get() noexcept { return tensors; }
};
template <class T>
struct Room<T, false> {
  T& get() {
    static thread_local const std::unique_ptr<T> kept{new T};
    return *kept;
  }
};

}  // namespace detail
