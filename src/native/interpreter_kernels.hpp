// One instruction over a block of samples: the innermost loops of the interpreter.
//
// Compiled once per instruction set (interpreter_kernels.cpp says how), so nothing in here may be an inline
// function that another file could share: everything is in an unnamed namespace or a plain struct.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bitwright {

// The numbers are those of `bitwright.core.twin.interpreter.Instruction`.
enum class Instruction : std::int32_t {
    kSum10, kSum01, kSum20, kSum11, kSum02, kSum30, kSum21, kSum12, kSum03,
    kShiftRight, kBits, kClip, kAtLeast, kAtLeastNumber, kAtMostNumber, kMux, kTable, kMultiply,
    kCount,
};

// `target` and `args` are slots; unused fields are zero.
struct Step {
    Instruction op;
    std::int32_t target;
    std::int32_t args[3];
    std::int32_t shifts[3];
    std::int64_t first;
    std::int64_t second;
    std::int64_t third;
};

// The words of one block: slot s holds its samples at words[s * lanes].
template <class Lane>
struct Block {
    Lane* words;
    std::size_t lanes;
    const Lane* tables;
    // Set when a table was asked for an entry that it has not.
    bool outside;
};

template <class Lane>
using Kernel = void (*)(const Step&, Block<Lane>&);

// A block's lanes are a multiple of this.
constexpr std::size_t kLaneStep = 32;

// The codes that may be put into an input.
struct Entry {
    std::int64_t low, high;
};

// One function per instruction; `load` puts kLaneStep samples of an entry, `stride` numbers apart, into lanes and
// says whether one of them lies outside its range.
template <class Lane>
struct Kernels {
    Kernel<Lane> run[static_cast<std::size_t>(Instruction::kCount)];
    bool (*load)(const std::int64_t* from, std::size_t stride, const Entry& entry, Lane* to);
};

struct AllKernels {
    Kernels<std::int16_t> narrow;
    Kernels<std::int32_t> middle;
    Kernels<std::int64_t> wide;
};

const AllKernels& kernels_baseline();
#ifdef BITWRIGHT_X86_KERNELS
const AllKernels& kernels_avx2();
const AllKernels& kernels_avx512();
#endif

}  // namespace bitwright
