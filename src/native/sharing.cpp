#include "sharing.hpp"

#include <algorithm>

namespace bitwright {

namespace {

constexpr int kNoLevel = -1;

}  // namespace

Sharing::Sharing(Graph& graph, const std::vector<std::int64_t>& weights, int columns, int max_depth)
    : graph_(graph),
      entries_(graph.inputs()),
      open_(graph.inputs()),
      columns_(columns),
      room_(columns, power(max_depth)) {
    for (int input = 0; input < graph.inputs(); ++input) {
        block_.push_back(input);
        for (int column = 0; column < columns; ++column) {
            const Digits digits = csd(weights[static_cast<std::size_t>(input) * columns + column]);
            if (digits.places() == 0) continue;
            append(input, column, digits);
            room_[column] -= bit_count(digits.places());
        }
    }
}

void Sharing::run(std::int64_t pair_limit) {
    if (graph_.inputs() == 0) return;
    const int coarsest = bit_length(static_cast<std::uint64_t>(graph_.inputs()));
    level_ = coarsest;
    while (level_ > 0 && pairs_within_groups(level_) > pair_limit) --level_;
    for (int finer = kNoLevel; level_ <= coarsest; finer = level_++) {
        if (finer != kNoLevel && pairs_within_groups(level_) > pair_limit) return;
        for (int node = 0, last = graph_.size(); node < last; ++node) offer_pairs(node, finer);
        drain_queue();
    }
}

void Sharing::drain_queue() {
    Candidate best;
    while (queue_.pop(best)) {
        const Pattern pattern = unpack(best.key);
        const int count = find_matches(pattern);
        if (count < 2) continue;
        const Candidate now = candidate(pattern, count);
        if (now.score < best.score) {
            queue_.push(now);
            continue;
        }
        const Term node = make_node(pattern);
        replace(pattern, node);
        offer_pairs(node.node, kNoLevel);
    }
}

std::uint64_t Sharing::pack(const Pattern& pattern) {
    return (static_cast<std::uint64_t>(pattern.first) << 36) | (static_cast<std::uint64_t>(pattern.second) << 8) |
           (static_cast<std::uint64_t>(pattern.offset + 64) << 1) | (pattern.sign < 0 ? 1 : 0);
}

Sharing::Pattern Sharing::unpack(std::uint64_t key) {
    return {static_cast<std::int32_t>(key >> 36), static_cast<std::int32_t>((key >> 8) & 0xfffffff),
            static_cast<std::int32_t>((key >> 1) & 127) - 64, (key & 1) != 0 ? -1 : 1};
}

// The addends of a pattern; a difference takes the higher operand from the lower one, whose bits below
// the other then need no adder. The pattern is thereby negated if the first term's sign is -1.
std::pair<Term, Term> Sharing::operands(const Pattern& pattern) {
    Term first{pattern.first, std::max(0, -pattern.offset), 1};
    Term second{pattern.second, std::max(0, pattern.offset), pattern.sign};
    if (pattern.sign < 0 && pattern.offset < 0) std::swap(first.sign, second.sign);
    return {first, second};
}

Candidate Sharing::candidate(const Pattern& pattern, int count) const {
    const auto [first, second] = operands(pattern);
    const int top = std::min(graph_.bits(first.node) + first.shift, graph_.bits(second.node) + second.shift);
    const int overlap = std::max(0, top - std::max(first.shift, second.shift));
    const int saving = std::max(1, graph_.cost(first, second).adder_bits + 2 * overlap);
    const int depth = std::max(graph_.depth(first.node), graph_.depth(second.node));
    return {static_cast<std::int64_t>(count - 1) * saving, depth, pack(pattern)};
}

int Sharing::find_matches(const Pattern& pattern) {
    const auto& first = open_[pattern.first];
    const auto& second = open_[pattern.second];
    const Entry* const firsts = entries_[pattern.first].data();
    const Entry* const seconds = entries_[pattern.second].data();
    const std::int64_t price = graph_.price(pattern.first, pattern.second);
    matches_.clear();
    int count = 0;
    for (std::size_t i = 0, j = 0; i < first.size() && j < second.size();) {
        const std::int32_t column = first[i].column;
        const std::int32_t other = second[j].column;
        if (column == other) {
            Digits at = aligned(pattern, firsts[first[i].index].digits, seconds[second[j].index].digits);
            if (at.places() != 0) at = affordable(pattern, at, price, room_[column]);
            if (at.places() != 0) {
                matches_.push_back({first[i].index, second[j].index, at});
                count += bit_count(at.places());
            }
        }
        i += column <= other;
        j += other <= column;
    }
    return count;
}

Digits Sharing::aligned(const Pattern& pattern, Digits first, Digits second) {
    if (pattern.sign < 0) second = second.negated();
    if (pattern.offset < 0) std::swap(first, second);
    const int gap = std::max(pattern.offset, -pattern.offset);
    return {first.plus & (second.plus >> gap), first.minus & (second.minus >> gap)};
}

// Drops what overlaps (a node paired with itself: 1 0 1 0 1 holds "1 0 1" once) and what would make the
// column too deep, lowest digits kept first.
Digits Sharing::affordable(const Pattern& pattern, Digits found, std::int64_t price, std::int64_t room) {
    const bool one_node = pattern.first == pattern.second;
    if (!one_node && price * bit_count(found.places()) <= room) return found;
    std::uint64_t kept = 0;
    for (std::uint64_t open = found.places(); open != 0 && price <= room; room -= price) {
        const std::uint64_t lowest = open & (~open + 1);
        kept |= lowest;
        open &= ~lowest;
        if (one_node) open &= ~(lowest << pattern.offset);
    }
    return {found.plus & kept, found.minus & kept};
}

Term Sharing::make_node(const Pattern& pattern) {
    auto [first, second] = operands(pattern);
    if (pattern.sign < 0 && pattern.offset == 0) {
        int majority = 0;
        for (const Match& match : matches_) majority += bit_count(match.at.plus) - bit_count(match.at.minus);
        if (majority < 0) std::swap(first.sign, second.sign);
    }
    Term node = graph_.add(first, second);
    node.sign = first.sign;
    return node;
}

// Takes every match out of its column and puts the node there; `node.sign` is -1 if it is the negated pattern.
void Sharing::replace(const Pattern& pattern, const Term& node) {
    const std::int64_t price = graph_.price(pattern.first, pattern.second);
    block_.push_back(block_[pattern.first]);
    entries_.emplace_back();
    open_.emplace_back();
    for (const Match& match : matches_) {
        Entry& first = entries_[pattern.first][match.first_index];
        Entry& second = entries_[pattern.second][match.second_index];
        const int column = first.column;
        const std::uint64_t at = match.at.places();
        first.digits.clear(at << std::max(0, -pattern.offset));
        second.digits.clear(at << std::max(0, pattern.offset));
        room_[column] -= price * bit_count(at);
        forget_empty(pattern, column);
        append(node.node, column, node.sign < 0 ? match.at.negated() : match.at);
    }
}

// Digits of a node in the next of its columns.
void Sharing::append(int node, int column, Digits digits) {
    const auto index = static_cast<std::int32_t>(entries_[node].size());
    columns_[column].push_back({node, index});
    open_[node].push_back({column, index});
    entries_[node].push_back({column, digits});
}

void Sharing::forget_empty(const Pattern& pattern, int column) {
    auto& places = columns_[column];
    const auto empty = [&](const Place& place) {
        const bool touched = place.node == pattern.first || place.node == pattern.second;
        const bool is_empty = touched && entries_[place.node][place.index].digits.places() == 0;
        if (is_empty) close(place.node, column);
        return is_empty;
    };
    places.erase(std::remove_if(places.begin(), places.end(), empty), places.end());
}

void Sharing::close(int node, int column) {
    const auto before = [](const Open& open, int wanted) { return open.column < wanted; };
    open_[node].erase(std::lower_bound(open_[node].begin(), open_[node].end(), column, before));
}

// Queues the pairs of `node` with itself and with older nodes of its group, except those that already
// shared a group at `finer_level`.
void Sharing::offer_pairs(int node, int finer_level) {
    for (const Entry& entry : entries_[node]) {
        if (entry.digits.places() == 0) continue;
        for (const Place& place : columns_[entry.column]) {
            if (place.node > node || group(place.node, level_) != group(node, level_)) continue;
            if (finer_level != kNoLevel && group(place.node, finer_level) == group(node, finer_level)) continue;
            count_pairs(place, entry, node);
        }
    }
    counter_.drain([this](std::uint64_t key, int count) {
        if (count > 1) queue_.push(candidate(unpack(key), count));
    });
}

void Sharing::count_pairs(const Place& other, const Entry& entry, int node) {
    each_digit(entries_[other.node][other.index].digits, [&](int shift, int sign) {
        each_digit(entry.digits, [&](int own_shift, int own_sign) {
            if (other.node == node && own_shift <= shift) return;
            counter_.add(pack({other.node, node, own_shift - shift, sign * own_sign}));
        });
    });
}

std::int64_t Sharing::pairs_within_groups(int level) const {
    std::int64_t pairs = 0;
    std::vector<std::int64_t> digits(group(graph_.inputs() - 1, level) + 1);
    for (const auto& places : columns_) {
        std::fill(digits.begin(), digits.end(), 0);
        for (const Place& place : places) {
            digits[group(place.node, level)] += bit_count(entries_[place.node][place.index].digits.places());
        }
        for (const std::int64_t count : digits) pairs += count * count / 2;
    }
    return pairs;
}

std::vector<Term> Sharing::remaining(int column) const {
    std::vector<Term> terms;
    for (const Place& place : columns_[column]) {
        each_digit(entries_[place.node][place.index].digits,
                   [&](int shift, int sign) { terms.push_back({place.node, shift, sign}); });
    }
    std::sort(terms.begin(), terms.end(), [](const Term& left, const Term& right) {
        return left.node != right.node ? left.node < right.node : left.shift < right.shift;
    });
    return terms;
}

}  // namespace bitwright
