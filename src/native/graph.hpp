// The adder graph under construction: nodes with their exact value interval and depth.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace bitwright {

struct Interval {
    std::int64_t low = 0;
    std::int64_t high = 0;

    Interval negated() const { return {-high, -low}; }
};

// sign * (value[node] << shift): one addend of an adder, of a column or of an output.
struct Term {
    std::int32_t node = -1;
    std::int32_t shift = 0;
    std::int32_t sign = 1;

    // By node, shift and sign, as one number; shifts and signs of -1 and -2 stand before those that occur.
    std::uint64_t key() const {
        return static_cast<std::uint64_t>(node) << 32 | static_cast<std::uint64_t>(shift + 1) << 3 |
               static_cast<std::uint64_t>(sign + 2);
    }
};

// As an object, not as a function, so that what sorts by it contains it.
constexpr auto earlier = [](const Term& left, const Term& right) { return left.key() < right.key(); };

// Bits that hold every integer of `range`: two's complement if it reaches below zero.
int width(const Interval& range);

// What an adder `left + right` costs, from the intervals of its operands alone.
struct AdderCost {
    // Bits of the result, its common shift removed.
    int result_bits;
    // Full adders: bits of the lower operand below the other one pass through freely unless that
    // operand is subtracted; operands that do not overlap at all are mere wiring.
    int adder_bits;
};

class Graph {
  public:
    // value[node] = (value[a] << shift_a) + sign * (value[b] << shift_b)
    struct Row {
        std::int32_t a, shift_a, b, shift_b, sign;
    };

    Graph(const std::int64_t* low, const std::int64_t* high, int inputs);

    // Appends `first + second`, shifted down until one shift is zero, and returns the term that equals
    // the sum. That term is negative only if both are.
    Term add(Term first, Term second);

    // Cost of `left + right`; two operands that depend on the same input count as independent.
    AdderCost cost(const Term& left, const Term& right) const;

    // What a depth-`d` term occupies of a tree of depth D, which holds 2^D.
    std::int64_t weight(int node) const { return std::int64_t{1} << depth_[node]; }
    // What a tree has less room for once these two are added first.
    std::int64_t price(int a, int b) const;

    // Frees what only later `add`s on these nodes would need.
    void seal(int from_node);

    int inputs() const { return inputs_; }
    int size() const { return static_cast<int>(depth_.size()); }
    int depth(int node) const { return depth_[node]; }
    int bits(int node) const { return bits_[node]; }
    const std::vector<Row>& rows() const { return rows_; }

  private:
    using Coefficients = std::vector<std::pair<std::int32_t, std::int64_t>>;

    void append(Coefficients coefficients, int depth);
    Coefficients combine(const Row& row) const;
    Interval exact_range(const Coefficients& coefficients) const;

    int inputs_;
    std::vector<Interval> input_range_;
    std::vector<Row> rows_;
    std::vector<Interval> range_;
    std::vector<std::int32_t> bits_;
    std::vector<std::int32_t> depth_;
    std::vector<Coefficients> coefficients_;
};

}  // namespace bitwright
