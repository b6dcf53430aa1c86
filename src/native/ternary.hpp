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

// What an addend holds in columns [start, top): a code without sign, at most `high`.
struct Operand {
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
    // The least and the most of the code as the addend `term`.
    Interval range(const Term& term) const {
        const std::int64_t most = (std::int64_t{1} << top) - (std::int64_t{1} << start);
        const Interval found = term.sign < 0 ? Interval{most - high, most - low} : Interval{low, high};
        return {found.low * (std::int64_t{1} << term.shift), found.high * (std::int64_t{1} << term.shift)};
    }
};

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

// Trees over one set of operands after another; keeps what it needs between two.
class TernaryTree {
  public:
    // What is added up, by node and sign; cleared and filled by the caller. Columns are below 64.
    std::vector<Operand> operands;

    // Adds `operands` three at a time, the narrowest first; of an even number two go first, or last at a root. Never
    // gets deeper than `limit`, which `ternary_level` must allow. Returns the cost.
    // With `rows`, appends the adders, numbered from `first_node`; the whole is `operands.back()` then.
    int add_up(int limit, bool root, std::vector<TernaryRow>* rows = nullptr, int first_node = 0);

  private:
    void line_up();
    void distribute(int lowest);
    const Operand& at(std::uint64_t entry) const { return operands[entry & 0xffffffff]; }
    TernaryRow row_of(const std::uint64_t* first, int count, int shift) const;

    // Width, start and level of an operand above its place among `operands`: as numbers, the narrower comes first.
    std::vector<std::uint64_t> line_, other_;
};

}  // namespace bitwright
