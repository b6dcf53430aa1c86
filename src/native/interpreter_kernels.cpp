// Compiled once per instruction set with BITWRIGHT_KERNELS naming the function that hands them out.
#include "interpreter_kernels.hpp"

#include <cstring>

namespace bitwright {

namespace {

// The unsigned type of a lane: sums wrap, and are exact again once the result fits the lane.
template <class Lane>
struct Unsigned;
template <>
struct Unsigned<std::int16_t> {
    using type = std::uint16_t;
};
template <>
struct Unsigned<std::int32_t> {
    using type = std::uint32_t;
};
template <>
struct Unsigned<std::int64_t> {
    using type = std::uint64_t;
};

#if defined(__GNUC__)
#if defined(__AVX512BW__)
constexpr std::size_t kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr std::size_t kVectorBytes = 32;
#else
constexpr std::size_t kVectorBytes = 16;
#endif
template <class Lane>
struct Vector {
    typedef Lane type __attribute__((vector_size(kVectorBytes)));
};
template <class V>
inline V choose(V mask, V yes, V no) {
    return (mask & yes) | (~mask & no);
}
#else
template <class Lane>
struct Vector {
    using type = Lane;
};
template <class V>
inline V choose(bool mask, V yes, V no) {
    return mask ? yes : no;
}
#endif

template <class Lane>
struct Kind {
    using U = typename Unsigned<Lane>::type;
    using V = typename Vector<Lane>::type;
    using W = typename Vector<U>::type;
    static constexpr std::size_t step = sizeof(V) / sizeof(Lane);
};

template <class V, class Lane>
inline V load(const Lane* from) {
    V values;
    std::memcpy(&values, from, sizeof(V));
    return values;
}

template <class V, class Lane>
inline void store(Lane* to, const V& values) {
    std::memcpy(to, &values, sizeof(V));
}

template <class V, class Lane>
inline V splat(Lane value) {
    return V{} + value;
}

// Calls `combine(i)` for each vector's first lane i and stores what it returns.
template <class Lane, class Combine>
inline void each(const Step& step, Block<Lane>& block, Combine combine) {
    Lane* const target = block.words + step.target * block.lanes;
    for (std::size_t i = 0; i < block.lanes; i += Kind<Lane>::step) store(target + i, combine(i));
}

template <class Lane>
inline const Lane* argument(const Step& step, const Block<Lane>& block, int which) {
    return block.words + step.args[which] * block.lanes;
}

// Plus terms first, then Minus ones: sum of (a << shift) + constant, modulo the lane.
template <class Lane, int Plus, int Minus>
void sum(const Step& step, Block<Lane>& block) {
    using U = typename Kind<Lane>::U;
    using W = typename Kind<Lane>::W;
    const Lane* terms[Plus + Minus];
    for (int t = 0; t < Plus + Minus; ++t) terms[t] = argument(step, block, t);
    const W constant = splat<W>(static_cast<U>(step.first));
    each(step, block, [&](std::size_t i) {
        W total = constant;
        for (int t = 0; t < Plus + Minus; ++t) {
            const W term = load<W>(terms[t] + i) << static_cast<U>(step.shifts[t]);
            total = t < Plus ? total + term : total - term;
        }
        return total;
    });
}

template <class Lane>
void shift_right(const Step& step, Block<Lane>& block) {
    using V = typename Kind<Lane>::V;
    const Lane* const a = argument(step, block, 0);
    each(step, block, [&](std::size_t i) { return V(load<V>(a + i) >> static_cast<Lane>(step.shifts[0])); });
}

template <class Lane>
void bits(const Step& step, Block<Lane>& block) {
    using V = typename Kind<Lane>::V;
    const Lane* const a = argument(step, block, 0);
    const V mask = splat<V>(static_cast<Lane>(step.first));
    each(step, block, [&](std::size_t i) { return V((load<V>(a + i) >> static_cast<Lane>(step.shifts[0])) & mask); });
}

template <class Lane>
void clip(const Step& step, Block<Lane>& block) {
    using V = typename Kind<Lane>::V;
    const Lane* const a = argument(step, block, 0);
    const V low = splat<V>(static_cast<Lane>(step.first)), high = splat<V>(static_cast<Lane>(step.second));
    each(step, block, [&](std::size_t i) {
        const V value = load<V>(a + i);
        const V raised = choose(value < low, low, value);
        return choose(raised > high, high, raised);
    });
}

template <class Lane>
void at_least(const Step& step, Block<Lane>& block) {
    using V = typename Kind<Lane>::V;
    const Lane* const a = argument(step, block, 0);
    const Lane* const b = argument(step, block, 1);
    const V one = splat<V>(Lane{1});
    each(step, block, [&](std::size_t i) { return choose(load<V>(a + i) >= load<V>(b + i), one, V{}); });
}

template <class Lane>
void at_least_number(const Step& step, Block<Lane>& block) {
    using V = typename Kind<Lane>::V;
    const Lane* const a = argument(step, block, 0);
    const V one = splat<V>(Lane{1}), bound = splat<V>(static_cast<Lane>(step.first));
    each(step, block, [&](std::size_t i) { return choose(load<V>(a + i) >= bound, one, V{}); });
}

template <class Lane>
void at_most_number(const Step& step, Block<Lane>& block) {
    using V = typename Kind<Lane>::V;
    const Lane* const a = argument(step, block, 0);
    const V one = splat<V>(Lane{1}), bound = splat<V>(static_cast<Lane>(step.first));
    each(step, block, [&](std::size_t i) { return choose(load<V>(a + i) <= bound, one, V{}); });
}

template <class Lane>
void mux(const Step& step, Block<Lane>& block) {
    using V = typename Kind<Lane>::V;
    const Lane* const selector = argument(step, block, 0);
    const Lane* const a = argument(step, block, 1);
    const Lane* const b = argument(step, block, 2);
    const V one = splat<V>(Lane{1});
    each(step, block, [&](std::size_t i) {
        return choose(load<V>(selector + i) == one, load<V>(a + i), load<V>(b + i));
    });
}

// `first` is the argument of the first of `third` entries, which lie from `second` on.
template <class Lane>
void table(const Step& step, Block<Lane>& block) {
    const Lane* const a = argument(step, block, 0);
    const Lane* const values = block.tables + step.second;
    Lane* const target = block.words + step.target * block.lanes;
    bool outside = false;
    for (std::size_t i = 0; i < block.lanes; ++i) {
        const std::uint64_t index = static_cast<std::uint64_t>(a[i]) - static_cast<std::uint64_t>(step.first);
        const bool inside = index < static_cast<std::uint64_t>(step.third);
        outside |= !inside;
        target[i] = values[inside ? index : 0];
    }
    block.outside |= outside;
}

template <class Lane>
void multiply(const Step& step, Block<Lane>& block) {
    using W = typename Kind<Lane>::W;
    const Lane* const a = argument(step, block, 0);
    const Lane* const b = argument(step, block, 1);
    each(step, block, [&](std::size_t i) { return W(load<W>(a + i) * load<W>(b + i)); });
}

template <class Lane>
bool load_entry(const std::int64_t* from, std::size_t stride, const Entry& entry, Lane* to) {
    std::int64_t codes[kLaneStep];
    for (std::size_t lane = 0; lane < kLaneStep; ++lane) codes[lane] = from[lane * stride];
    const auto low = static_cast<std::uint64_t>(entry.low);
    const std::uint64_t span = static_cast<std::uint64_t>(entry.high) - low;
    std::uint64_t outside = 0;
    for (std::size_t lane = 0; lane < kLaneStep; ++lane) {
        outside |= static_cast<std::uint64_t>(codes[lane]) - low > span ? 1 : 0;
        to[lane] = static_cast<Lane>(codes[lane]);
    }
    return outside != 0;
}

template <class Lane>
Kernels<Lane> all_kernels() {
    const Kernel<Lane> all[] = {
        sum<Lane, 1, 0>, sum<Lane, 0, 1>, sum<Lane, 2, 0>,    sum<Lane, 1, 1>,      sum<Lane, 0, 2>, sum<Lane, 3, 0>,
        sum<Lane, 2, 1>, sum<Lane, 1, 2>, sum<Lane, 0, 3>,    shift_right<Lane>,    bits<Lane>,      clip<Lane>,
        at_least<Lane>,  at_least_number<Lane>, at_most_number<Lane>, mux<Lane>, table<Lane>, multiply<Lane>,
    };
    static_assert(sizeof(all) / sizeof(all[0]) == static_cast<std::size_t>(Instruction::kCount), "one kernel each");
    Kernels<Lane> made{};
    for (std::size_t i = 0; i < static_cast<std::size_t>(Instruction::kCount); ++i) made.run[i] = all[i];
    made.load = load_entry<Lane>;
    return made;
}

}  // namespace

#ifndef BITWRIGHT_KERNELS
#define BITWRIGHT_KERNELS kernels_baseline
#endif

const AllKernels& BITWRIGHT_KERNELS() {
    static const AllKernels all{all_kernels<std::int16_t>(), all_kernels<std::int32_t>(),
                                all_kernels<std::int64_t>()};
    return all;
}

}  // namespace bitwright
