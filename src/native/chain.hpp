// How a sum sits on one carry chain with a table for up to three bits; bitwright/core/twin/chain.py is the same.
#pragma once

#include <array>
#include <cstdint>

namespace bitwright {

// A summand: a code of `bits` bits, its top one a sign where `is_signed`, `shift` columns up, subtracted where `flip`.
struct Summand {
    int shift = 0, bits = 0;
    bool flip = false, is_signed = false;
};

// Masks of columns; `extended` has bit i where summand i holds every column above it.
struct Placing {
    std::uint64_t extended = 0, constant = 0, free = 0, first = 0, saved = 0, luts = 0, rest = 0;
};

// The cheapest placing of up to three summands and a constant modulo 2^width (at most 63): fewest tables, then fewest
// columns.
Placing plan_chain(const std::array<Summand, 3>& summands, int count, std::uint64_t constant, int width);

}  // namespace bitwright
