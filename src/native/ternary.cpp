#include "ternary.hpp"

#include <algorithm>

#include "digits.hpp"

namespace bitwright {

namespace {

constexpr int kHighest = 1 << 20;

// As objects, not as functions, so that what sorts by them contains them.
constexpr auto narrower = [](const Operand& left, const Operand& right) {
    const int a = left.top - left.start, b = right.top - right.start;
    return a != b ? a < b : left.start < right.start;
};

constexpr auto ordered = [](const Operand& left, const Operand& right) {
    const int a = left.top - left.start, b = right.top - right.start;
    if (a != b) return a < b;
    if (left.start != right.start) return left.start < right.start;
    return left.term.node != right.term.node ? left.term.node < right.term.node : left.term.sign < right.term.sign;
};

constexpr auto shallower = [](const Operand& left, const Operand& right) { return left.level < right.level; };

// What a tree has less room for once these are added first.
std::int64_t price(const Operand* operands, int count) {
    int level = 0;
    std::int64_t weight = 0;
    for (int i = 0; i < count; ++i) {
        level = std::max(level, operands[i].level);
        weight += ternary_weight(operands[i].level);
    }
    return ternary_weight(level + 1) - weight;
}

// Moves the shallowest to the front, the first among equals, of the others the shallower before one as narrow;
// returns how many to add: `taken`, or two where an even number is left and three do not fit.
int shallowest_first(Operand* first, Operand* end, int taken, std::int64_t room) {
    for (int i = 0; i < taken; ++i) {
        Operand* const least = std::min_element(first + i, end, shallower);
        const Operand found = *least;
        if (i == 2 && (end - first) % 2 == 0) {
            // Three of the least levels need not fit where two do: 0 0 1 1 makes 2 as (0 0) 1 1, not as (0 0 1) 1.
            const Operand three[] = {first[0], first[1], found};
            if (price(three, 3) > room) {
                taken = 2;
                break;
            }
        }
        std::move_backward(first + i, least, least + 1);
        first[i] = found;
    }
    for (Operand* at = first + taken + 1; at < end; ++at) {
        const Operand moved = *at;
        Operand* place = at;
        for (; place > first + taken && !narrower(place[-1], moved) && shallower(moved, place[-1]); --place) *place = place[-1];
        *place = moved;
    }
    return taken;
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
        if (price(first, taken) > room) taken = shallowest_first(first, end, taken, room);
        room -= price(first, taken);
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
