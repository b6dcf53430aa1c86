// Signed digits of one weight as two bit masks, and the bit tricks that read them.
#pragma once

#include <cstdint>

namespace bitwright {

// Bit s of `plus` (`minus`) is set when the digit at 2^s is +1 (-1); no bit is set in both.
struct Digits {
    std::uint64_t plus = 0;
    std::uint64_t minus = 0;

    std::uint64_t places() const { return plus | minus; }
    Digits negated() const { return {minus, plus}; }
    void clear(std::uint64_t mask) {
        plus &= ~mask;
        minus &= ~mask;
    }
};

inline int lowest_bit(std::uint64_t mask) { return __builtin_ctzll(mask); }
// In place of the compiler's popcount, which is a library call unless one processor is targeted.
inline int bit_count(std::uint64_t mask) {
    mask -= (mask >> 1) & 0x5555555555555555u;
    mask = (mask & 0x3333333333333333u) + ((mask >> 2) & 0x3333333333333333u);
    mask = (mask + (mask >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return static_cast<int>((mask * 0x0101010101010101u) >> 56);
}
inline int bit_length(std::uint64_t value) { return value == 0 ? 0 : 64 - __builtin_clzll(value); }
inline std::int64_t power(int exponent) { return std::int64_t{1} << exponent; }

// The canonical signed digits of `weight`: fewest nonzero digits, no two adjacent
// (Reitwieser 1960). Needs |weight| < 2^61, which the range check of `adder_graph` guarantees.
inline Digits csd(std::int64_t weight) {
    const auto bits = static_cast<std::uint64_t>(weight);
    const std::uint64_t magnitude = weight < 0 ? ~bits + 1 : bits;
    const std::uint64_t half = magnitude >> 1;
    const std::uint64_t sum = magnitude + half;
    const std::uint64_t changed = half ^ sum;
    const Digits digits{sum & changed, half & changed};
    return weight < 0 ? digits.negated() : digits;
}

// Calls `visit(shift, sign)` for each digit, positive ones first, lowest shift first.
template <class Visit>
void each_digit(Digits digits, Visit visit) {
    for (std::uint64_t mask = digits.plus; mask != 0; mask &= mask - 1) visit(lowest_bit(mask), 1);
    for (std::uint64_t mask = digits.minus; mask != 0; mask &= mask - 1) visit(lowest_bit(mask), -1);
}

}  // namespace bitwright
