#include "ternary.hpp"

#include <algorithm>

#include "digits.hpp"

namespace bitwright {

namespace {

constexpr int kHighest = 1 << 20;

std::uint64_t entry_of(const Operand& operand, std::size_t place) {
    const auto width = static_cast<std::uint64_t>(operand.top - operand.start);
    const auto start = static_cast<std::uint64_t>(operand.start), level = static_cast<std::uint64_t>(operand.level);
    return width << 52 | start << 40 | level << 32 | place;
}

// Width and start alone.
std::uint32_t shape(std::uint64_t entry) { return static_cast<std::uint32_t>(entry >> 40); }
std::uint32_t level_of(std::uint64_t entry) { return static_cast<std::uint32_t>(entry >> 32) & 0xff; }

int overlap(const Operand& a, const Operand& b) {
    return std::max(0, std::min(a.top, b.top) - std::max(a.start, b.start));
}

// Columns that need a table. Where three bits meet a carry is saved for the next column, until one has a single bit.
int tables(const Operand& a, const Operand& b, const Operand& c) {
    const int all = std::min({a.top, b.top, c.top}) - std::max({a.start, b.start, c.start});
    const int pairs = overlap(a, b) + overlap(a, c) + overlap(b, c);
    if (all <= 0) return pairs;
    const int last = std::max({a.top, b.top, c.top});
    const int alone = (a.top == last) + (b.top == last) + (c.top == last) == 1 ? 1 : 0;
    return pairs - 2 * all + alone;
}

// Tables and passed columns of a sum that starts to have two bits in a column at `second`.
int cost_of(const Operand& sum, int second, int filled) {
    const int columns = filled == 0 ? 0 : sum.top - second;
    return kTable * filled + kPassed * std::max(0, columns - filled);
}

// Sum of two operands, and what it costs; at a root a constant enters as well.
Operand sum_of(const Operand& a, const Operand& b, bool root, int& cost) {
    Operand sum;
    sum.high = a.high + b.high;
    sum.level = std::max(a.level, b.level) + 1;
    sum.start = std::min(a.start, b.start);
    sum.top = bit_length(static_cast<std::uint64_t>(sum.high));
    const int both = overlap(a, b);
    cost = cost_of(sum, std::max(a.start, b.start), both + (root && both > 0 && a.top != b.top ? 1 : 0));
    return sum;
}

// The same of three: there the constant takes a chain of its own.
Operand sum_of(const Operand& a, const Operand& b, const Operand& c, bool root, int& cost) {
    Operand sum;
    sum.high = a.high + b.high + c.high;
    sum.level = std::max({a.level, b.level, c.level}) + 1;
    const int low = std::min(a.start, b.start), high = std::max(a.start, b.start);
    sum.start = std::min(low, c.start);
    sum.top = bit_length(static_cast<std::uint64_t>(sum.high));
    cost = cost_of(sum, std::max(low, std::min(high, c.start)), tables(a, b, c));
    if (root) cost += kPassed * (sum.top - sum.start);
    return sum;
}

// What a tree has less room for once these are added first.
std::int64_t price(const std::uint64_t* first, int count) {
    std::uint32_t level = 0;
    std::int64_t weight = 0;
    for (int i = 0; i < count; ++i) {
        const std::uint32_t own = level_of(first[i]);
        level = std::max(level, own);
        weight += ternary_weight(static_cast<int>(own));
    }
    return ternary_weight(static_cast<int>(level) + 1) - weight;
}

// Moves the shallowest to the front, the first among equals, of the others the shallower before one as narrow;
// returns how many to add: `taken`, or two where an even number is left and three do not fit.
int shallowest_first(std::uint64_t* first, std::uint64_t* end, int taken, std::int64_t room) {
    const auto shallower = [](std::uint64_t left, std::uint64_t right) { return level_of(left) < level_of(right); };
    for (int i = 0; i < taken; ++i) {
        std::uint64_t* const least = std::min_element(first + i, end, shallower);
        const std::uint64_t found = *least;
        if (i == 2 && (end - first) % 2 == 0) {
            // Three of the least levels need not fit where two do: 0 0 1 1 makes 2 as (0 0) 1 1, not as (0 0 1) 1.
            const std::uint64_t three[] = {first[0], first[1], found};
            if (price(three, 3) > room) {
                taken = 2;
                break;
            }
        }
        std::move_backward(first + i, least, least + 1);
        first[i] = found;
    }
    // The shapes are in order already.
    for (std::uint64_t* at = first + taken + 1; at < end; ++at) {
        const std::uint64_t moved = *at;
        std::uint64_t* place = at;
        for (; place > first + taken && place[-1] >> 32 > moved >> 32; --place) *place = place[-1];
        *place = moved;
    }
    return taken;
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

int ternary_level(std::int64_t weight) {
    int level = 0;
    for (std::int64_t room = 1; room < weight; room *= 3) ++level;
    return level;
}

TernaryRow TernaryTree::row_of(const std::uint64_t* first, int count, int shift) const {
    TernaryRow row{};
    for (int i = 0; i < count; ++i) {
        const Term& term = at(first[i]).term;
        row.addends[i] = {term.node, term.shift - shift, term.sign};
    }
    if (count == 2) row.addends[2] = {-1, 0, 1};
    return row;
}

// The narrowest first, then what starts lowest, then as they come.
void TernaryTree::line_up() {
    line_.clear();
    for (std::size_t i = 0; i < operands.size(); ++i) line_.push_back(entry_of(operands[i], i));
    distribute(40);
    distribute(52);
}

// Orders the line by the six bits from `lowest` on, equal ones as they stand.
void TernaryTree::distribute(int lowest) {
    std::array<std::uint32_t, 65> place{};
    for (const std::uint64_t entry : line_) ++place[(entry >> lowest & 63) + 1];
    for (std::size_t i = 1; i < place.size(); ++i) place[i] += place[i - 1];
    other_.resize(line_.size());
    for (const std::uint64_t entry : line_) other_[place[entry >> lowest & 63]++] = entry;
    line_.swap(other_);
}

int TernaryTree::add_up(int limit, bool root, std::vector<TernaryRow>* rows, int first_node) {
    line_up();
    std::int64_t room = ternary_weight(limit);
    for (const Operand& operand : operands) room -= ternary_weight(operand.level);
    int total = 0;
    operands.reserve(2 * operands.size());
    std::uint64_t* const end = line_.data() + line_.size();
    for (std::uint64_t* first = line_.data(); end - first > 1;) {
        const int left = static_cast<int>(end - first);
        int taken = left == 2 || (left % 2 == 0 && !root) ? 2 : 3;
        if (price(first, taken) > room) taken = shallowest_first(first, end, taken, room);
        room -= price(first, taken);
        int cost = 0;
        const bool last = root && taken == left;
        Operand made = taken == 2 ? sum_of(at(first[0]), at(first[1]), last, cost)
                                  : sum_of(at(first[0]), at(first[1]), at(first[2]), last, cost);
        total += cost;
        if (rows != nullptr) {
            rows->push_back(row_of(first, taken, made.start));
            made.term = {first_node++, made.start, 1};
        }
        const std::uint64_t entry = entry_of(made, operands.size());
        operands.push_back(made);
        first += taken - 1;
        std::uint64_t* place = first;
        for (; place + 1 < end && shape(place[1]) < shape(entry); ++place) *place = place[1];
        *place = entry;
    }
    return total;
}

}  // namespace bitwright
