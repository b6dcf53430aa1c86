#include "ternary.hpp"

#include <algorithm>
#include <tuple>

#include "digits.hpp"

namespace bitwright {

namespace {

constexpr int kHighest = 1 << 20;

bool narrower(const Operand& left, const Operand& right) {
    const int a = left.top - left.start, b = right.top - right.start;
    return std::tie(a, left.start) < std::tie(b, right.start);
}

bool ordered(const Operand& left, const Operand& right) {
    const int a = left.top - left.start, b = right.top - right.start;
    return std::tie(a, left.start, left.term.node, left.term.sign) <
           std::tie(b, right.start, right.term.node, right.term.sign);
}

int overlap(const Operand& a, const Operand& b) {
    return std::max(0, std::min(a.top, b.top) - std::max(a.start, b.start));
}

// Columns that need a table. Where three bits meet a carry is saved for the next column, until one has a single bit.
int tables(const Operand* operands, int count, bool constant) {
    if (count == 1) return 0;
    const Operand& a = operands[0];
    const Operand& b = operands[1];
    if (count == 2) return overlap(a, b) + (constant && overlap(a, b) > 0 && a.top != b.top ? 1 : 0);
    const Operand& c = operands[2];
    const int all = std::min({a.top, b.top, c.top}) - std::max({a.start, b.start, c.start});
    const int pairs = overlap(a, b) + overlap(a, c) + overlap(b, c);
    if (all <= 0) return pairs;
    const int last = std::max({a.top, b.top, c.top});
    const int alone = (a.top == last) + (b.top == last) + (c.top == last) == 1 ? 1 : 0;
    return pairs - 2 * all + alone;
}

TernaryRow row_of(const Operand* operands, int count, int shift) {
    TernaryRow row{};
    for (int i = 0; i < count; ++i) row.addends[i] = {operands[i].term.node, operands[i].term.shift - shift, operands[i].term.sign};
    if (count == 2) row.addends[2] = {-1, 0, 1};
    return row;
}

}  // namespace

Code Code::of_input(const Interval& range) {
    Code code;
    code.top = width(range);
    const std::int64_t half = range.low < 0 ? power(code.top - 1) : 0;
    code.low = range.low + half;
    code.high = range.high + half;
    return code;
}

Operand Code::operand(const Term& term, int level) const {
    Operand made;
    const std::int64_t most = power(top) - power(start);
    made.low = (term.sign < 0 ? most - high : low) * power(term.shift);
    made.high = (term.sign < 0 ? most - low : high) * power(term.shift);
    made.start = start + term.shift;
    made.top = top + term.shift;
    made.level = level;
    made.term = term;
    return made;
}

Operand sum_of(const Operand* operands, int count, bool root, int& cost) {
    Operand sum;
    int second = kHighest;
    sum.start = kHighest;
    for (int i = 0; i < count; ++i) {
        const Operand& operand = operands[i];
        sum.low += operand.low;
        sum.high += operand.high;
        sum.level = std::max(sum.level, operand.level + 1);
        if (operand.start < sum.start) {
            second = sum.start;
            sum.start = operand.start;
        } else {
            second = std::min(second, operand.start);
        }
    }
    sum.top = bit_length(static_cast<std::uint64_t>(sum.high));
    const int filled = tables(operands, count, root);
    const int columns = filled == 0 ? 0 : sum.top - second;
    cost = kTable * filled + kPassed * std::max(0, columns - filled);
    // With three operands the constant takes a chain of its own.
    if (root && count == 3) cost += kPassed * (sum.top - sum.start);
    return sum;
}

std::int64_t ternary_weight(int level) {
    std::int64_t weight = 1;
    while (level-- > 0) weight *= 3;
    return weight;
}

int ternary_level(std::int64_t weight) {
    int level = 0;
    for (std::int64_t room = 1; room < weight; room *= 3) ++level;
    return level;
}

int ternary_tree(std::vector<Operand>& operands, int limit, bool root, Operand& sum, std::vector<TernaryRow>* rows,
                 int first_node) {
    std::sort(operands.begin(), operands.end(), ordered);
    std::int64_t room = ternary_weight(limit);
    for (const Operand& operand : operands) room -= ternary_weight(operand.level);
    int total = 0;
    const int count = static_cast<int>(operands.size());
    Operand* const end = operands.data() + count;
    for (Operand* first = operands.data(); end - first > 1;) {
        const int left = static_cast<int>(end - first);
        int taken = left == 2 || (left % 2 == 0 && !root) ? 2 : 3;
        const auto price = [&] {
            int level = 0;
            std::int64_t weight = 0;
            for (int i = 0; i < taken; ++i) {
                level = std::max(level, first[i].level);
                weight += ternary_weight(first[i].level);
            }
            return ternary_weight(level + 1) - weight;
        };
        if (price() > room) {
            std::stable_sort(first, end, [](const Operand& a, const Operand& b) { return a.level < b.level; });
            // Three of the least levels need not fit where two do: 0 0 1 1 makes 2 as (0 0) 1 1, not as (0 0 1) 1.
            if (left % 2 == 0 && price() > room) taken = 2;
            std::stable_sort(first + taken, end, narrower);
        }
        room -= price();
        int cost = 0;
        Operand made = sum_of(first, taken, root && taken == left, cost);
        total += cost;
        if (rows != nullptr) {
            rows->push_back(row_of(first, taken, made.start));
            made.term = {first_node++, made.start, 1};
        }
        first += taken - 1;
        Operand* place = first;
        for (; place + 1 < end && narrower(place[1], made); ++place) *place = place[1];
        *place = made;
    }
    sum = operands.back();
    return total;
}

}  // namespace bitwright
