namespace layers {

/// Dense and Map of block/fc 1, relu: 2, codes in [0, 7]; sums in [-31, 32]
namespace relu {

inline constexpr std::int16_t weights[8] = {3, 0, -1, 2, 1, 0, 1, 0};
inline constexpr std::int32_t bias[2] = {4, 0};

struct Map {
  template <class X>
  static constexpr std::int8_t at([[maybe_unused]] std::size_t e, X x) noexcept {
    const std::int32_t total = detail::to<std::int32_t>(x);
    const std::int32_t whole = (total + 1 + ((total >> 2) & 1)) >> 2;
    return detail::to<std::int8_t>(detail::clip<std::int32_t>(whole, 0, 7));
  }
};

template <std::size_t L>
inline void compute(const std::int8_t* x, std::int8_t* y, std::int16_t* scratch) noexcept {
  detail::dense<L, 1, 3, 2, Map>(x, weights, bias, y, scratch);
}

}  // namespace relu

/// The codes of every layer for a block of L samples.
template <std::size_t L>
struct Tensors {
  alignas(64) std::int8_t x[3 * L];
  alignas(64) std::int8_t relu[2 * L];
  alignas(64) std::int16_t scratch[4 * L];
};

/// All layers for the inputs in `t`.
template <std::size_t L>
inline void forward(Tensors<L>& t) noexcept {
  relu::compute<L>(t.x, t.relu, t.scratch);
}

}  // namespace layers

namespace doors {

/// The door of input x.
namespace input0 {

struct Code {
  static std::int8_t of([[maybe_unused]] std::size_t e, float x) noexcept {
    return detail::to<std::int8_t>(static_cast<std::int32_t>(detail::round_even(x * 4.0f, -8.0f, 7.0f)));
  }
};

}  // namespace input0

/// The door of output relu.
namespace output0 {

struct Value {
  template <class X>
  static float of([[maybe_unused]] std::size_t e, X code) noexcept {
    return static_cast<float>(code) * 0.5f;
  }
};

}  // namespace output0

}  // namespace doors

inline constexpr std::size_t input_sizes[] = {3};
inline constexpr std::size_t output_sizes[] = {2};

template <std::size_t L>
inline bool predict_block(const float* x0, float* y0) {
  detail::Room<layers::Tensors<L>> room;
  auto& t = room.get();
  bool valid = true;
  valid = detail::encode<L, 3, doors::input0::Code>(x0, t.x) && valid;
  layers::forward<L>(t);
  detail::decode<L, 2, doors::output0::Value>(t.relu, y0);
  return valid;
}

/// What the model returns; false where an input is NaN.
inline bool predict(const float* x0, float* y0) {
  return predict_block<1>(x0, y0);
}

/// The same for many samples, one after the other.
inline bool predict(const float* x0, float* y0, std::size_t samples) {
  bool valid = true;
  const std::size_t whole = samples - samples % 32;
  for (std::size_t i = 0; i < whole; i += 32) {
    valid = predict_block<32>(x0 + i * 3, y0 + i * 2) && valid;
  }
  for (std::size_t i = whole; i < samples; ++i) {
    valid = predict_block<1>(x0 + i * 3, y0 + i * 2) && valid;
  }
  return valid;
}

template <std::size_t L>
inline bool predict_codes_block(const float* x0, std::int8_t* y0) {
  detail::Room<layers::Tensors<L>> room;
  auto& t = room.get();
  bool valid = true;
  valid = detail::encode<L, 3, doors::input0::Code>(x0, t.x) && valid;
  layers::forward<L>(t);
  detail::scatter<L, 2>(t.relu, y0);
  return valid;
}

/// The integers that the hardware outputs for floats; false where an input is NaN.
inline bool predict_codes(const float* x0, std::int8_t* y0) {
  return predict_codes_block<1>(x0, y0);
}

/// The same for many samples, one after the other.
inline bool predict_codes(const float* x0, std::int8_t* y0, std::size_t samples) {
  bool valid = true;
  const std::size_t whole = samples - samples % 32;
  for (std::size_t i = 0; i < whole; i += 32) {
    valid = predict_codes_block<32>(x0 + i * 3, y0 + i * 2) && valid;
  }
  for (std::size_t i = whole; i < samples; ++i) {
    valid = predict_codes_block<1>(x0 + i * 3, y0 + i * 2) && valid;
  }
  return valid;
}

template <std::size_t L>
inline bool run_block(const std::int8_t* x0, std::int8_t* y0) {
  detail::Room<layers::Tensors<L>> room;
  auto& t = room.get();
  bool valid = true;
  detail::gather<L, 3>(x0, t.x);
  layers::forward<L>(t);
  detail::scatter<L, 2>(t.relu, y0);
  return valid;
}

/// The integers that the hardware outputs for integers within the inputs' ranges.
inline bool run(const std::int8_t* x0, std::int8_t* y0) {
  return run_block<1>(x0, y0);
}

/// The same for many samples, one after the other.
inline bool run(const std::int8_t* x0, std::int8_t* y0, std::size_t samples) {
  bool valid = true;
  const std::size_t whole = samples - samples % 32;
  for (std::size_t i = 0; i < whole; i += 32) {
    valid = run_block<32>(x0 + i * 3, y0 + i * 2) && valid;
  }
  for (std::size_t i = whole; i < samples; ++i) {
    valid = run_block<1>(x0 + i * 3, y0 + i * 2) && valid;
  }
  return valid;
}

