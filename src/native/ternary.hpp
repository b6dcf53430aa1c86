// Sums of many addends as trees of adders with three operands, a lookup table for a column of two or three bits.
//
// No operand has a sign: what may be negative has its top bit inverted, what is subtracted all of its
// bits, and the constants that this leaves are gathered at the roots. A column in which one bit
// stands alone passes through its carry cell without a lookup table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "graph.hpp"

namespace bitwright {

// Costs count quarters of a lookup table.
constexpr int kTable = 4;
// A column of a carry chain that needs no table.
constexpr int kPassed = 1;

// What an addend holds in columns [start, top): a code without sign in [low, high].
struct Operand {
    std::int64_t low = 0;
    std::int64_t high = 0;
    std::int32_t start = 0;
    std::int32_t top = 0;
    std::int32_t level = 0;
    // Where it comes from: the addend, or for an inner sum its place in the tree.
    Term term;
};

// The code of a node in columns [start, top).
struct Code {
    std::int64_t low = 0;
    std::int64_t high = 0;
    std::int32_t start = 0;
    std::int32_t top = 0;

    // An input in `range`.
    static Code of_input(const Interval& range);
    // The node, ready at `level`, as the addend `term`.
    Operand operand(const Term& term, int level) const;
};

// Sum of two or three operands, and what it costs; at a root a constant enters as well.
Operand sum_of(const Operand* operands, int count, bool root, int& cost);

// 3^level: what an operand of that level occupies of a tree.
inline std::int64_t ternary_weight(int level) {
    static constexpr auto weights = [] {
        std::array<std::int64_t, 40> made{1};
        for (std::size_t i = 1; i < made.size(); ++i) made[i] = 3 * made[i - 1];
        return made;
    }();
    return weights[level];
}
// The least level of a tree over operands that occupy `weight` together.
int ternary_level(std::int64_t weight);

// An adder: its addends; of the third `node` is -1 where there are two.
struct TernaryRow {
    Term addends[3];
};

// Adds `operands` three at a time, the narrowest first; of an even number two go first, or last at a root. Never
// gets deeper than `limit`, which `ternary_level` must allow. Reorders `operands`; returns the cost.
// With `rows`, appends the adders, numbered from `first_node`. `sum` gets the whole.
int ternary_tree(std::vector<Operand>& operands, int limit, bool root, Operand& sum,
                 std::vector<TernaryRow>* rows = nullptr, int first_node = 0);

}  // namespace bitwright
