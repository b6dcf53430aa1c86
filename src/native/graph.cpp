#include "graph.hpp"

#include <algorithm>

#include "digits.hpp"

namespace bitwright {

namespace {

Interval scaled(const Interval& range, int shift, int sign) {
    const Interval wide{range.low * power(shift), range.high * power(shift)};
    return sign > 0 ? wide : wide.negated();
}

}  // namespace

int width(const Interval& range) {
    if (range.low >= 0) return bit_length(static_cast<std::uint64_t>(range.high));
    const auto above = range.high > 0 ? static_cast<std::uint64_t>(range.high) : 0;
    return std::max(bit_length(above), bit_length(~static_cast<std::uint64_t>(range.low))) + 1;
}

Graph::Graph(const std::int64_t* low, const std::int64_t* high, int inputs) : inputs_(inputs) {
    for (int i = 0; i < inputs; ++i) input_range_.push_back({low[i], high[i]});
    for (int i = 0; i < inputs; ++i) append({{i, 1}}, 0);
}

Term Graph::add(Term first, Term second) {
    if (first.sign < 0 && second.sign > 0) std::swap(first, second);
    const int common = std::min(first.shift, second.shift);
    const Row row{first.node, first.shift - common, second.node, second.shift - common, first.sign * second.sign};
    rows_.push_back(row);
    append(combine(row), std::max(depth_[row.a], depth_[row.b]) + 1);
    return {size() - 1, common, first.sign};
}

AdderCost Graph::cost(const Term& left, const Term& right) const {
    const bool left_lower = left.shift <= right.shift;
    const Term& lower = left_lower ? left : right;
    const Term& upper = left_lower ? right : left;
    const int gap = upper.shift - lower.shift;
    const Interval low_part = scaled(range_[lower.node], 0, lower.sign);
    const Interval high_part = scaled(range_[upper.node], gap, upper.sign);
    const int result_bits = width({low_part.low + high_part.low, low_part.high + high_part.high});
    const bool both_added = lower.sign > 0 && upper.sign > 0;
    const bool wiring = both_added && range_[lower.node].low >= 0 && bits_[lower.node] <= gap;
    const int free_bits = lower.sign > 0 ? gap : 0;
    return {result_bits, wiring ? 0 : std::max(1, result_bits - free_bits)};
}

std::int64_t Graph::price(int a, int b) const {
    const std::int64_t difference = weight(a) - weight(b);
    return difference < 0 ? -difference : difference;
}

void Graph::seal(int from_node) {
    for (int node = from_node; node < size(); ++node) Coefficients().swap(coefficients_[node]);
}

void Graph::append(Coefficients coefficients, int depth) {
    range_.push_back(exact_range(coefficients));
    bits_.push_back(width(range_.back()));
    depth_.push_back(depth);
    coefficients_.push_back(std::move(coefficients));
}

Graph::Coefficients Graph::combine(const Row& row) const {
    const Coefficients& a = coefficients_[row.a];
    const Coefficients& b = coefficients_[row.b];
    const std::int64_t scale_a = power(row.shift_a);
    const std::int64_t scale_b = row.sign * power(row.shift_b);
    Coefficients sum;
    sum.reserve(a.size() + b.size());
    for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
        const bool from_a = j == b.size() || (i < a.size() && a[i].first <= b[j].first);
        const bool from_b = i == a.size() || (j < b.size() && b[j].first <= a[i].first);
        const std::int32_t input = from_a ? a[i].first : b[j].first;
        const std::int64_t value = (from_a ? a[i++].second * scale_a : 0) + (from_b ? b[j++].second * scale_b : 0);
        if (value != 0) sum.emplace_back(input, value);
    }
    return sum;
}

Interval Graph::exact_range(const Coefficients& coefficients) const {
    Interval total;
    for (const auto& [input, factor] : coefficients) {
        const Interval& range = input_range_[input];
        total.low += factor * (factor > 0 ? range.low : range.high);
        total.high += factor * (factor > 0 ? range.high : range.low);
    }
    return total;
}

}  // namespace bitwright
