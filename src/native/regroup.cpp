#include "regroup.hpp"

#include <algorithm>
#include <tuple>

namespace bitwright {

namespace {

using Sum = Sums::Sum;

constexpr std::size_t kLongest = 400;
constexpr std::size_t kPaired = 128;
constexpr std::size_t kExisting = 6;
constexpr std::size_t kMostUsers = 8;
constexpr int kWeighed = 6;
constexpr int kSettlings = 400;
constexpr int kKnownBits = 16;
constexpr std::size_t kKnown = std::size_t{1} << kKnownBits;

// The first term of `node`, or where it would stand.
Sum::const_iterator first_of(const Sum& sum, int node) {
    auto at = sum.begin();
    for (auto left = static_cast<std::ptrdiff_t>(sum.size()); left > 0;) {
        const auto half = (left + 1) / 2;
        at += at[half - 1].node < node ? half : 0;
        left -= half;
    }
    return at;
}

bool holds(const Sum& sum, const Term& term) { return std::binary_search(sum.begin(), sum.end(), term, earlier); }

// Ordered, its least shift 0 and its first sign +1: the form in which patterns are compared.
Sum normal(Sum pattern) {
    std::sort(pattern.begin(), pattern.end(), earlier);
    int shift = pattern.front().shift;
    for (const Term& term : pattern) shift = std::min(shift, term.shift);
    const int sign = pattern.front().sign;
    for (Term& term : pattern) {
        term.shift -= shift;
        term.sign *= sign;
    }
    return pattern;
}

bool is_normal(const Sum& sum) {
    int shift = sum.front().shift;
    for (const Term& term : sum) shift = std::min(shift, term.shift);
    return shift == 0 && sum.front().sign > 0;
}

// Calls `visit(shift, sign)` wherever `pattern` occurs in `sum`; occurrences may overlap.
template <class Visit>
void each_occurrence(const Sum& sum, const Sum& pattern, Visit visit) {
    const Term& head = pattern.front();
    for (auto at = first_of(sum, head.node); at != sum.end() && at->node == head.node; ++at) {
        const int shift = at->shift - head.shift;
        const int sign = at->sign * head.sign;
        if (shift < 0) continue;
        const bool whole = std::all_of(pattern.begin() + 1, pattern.end(), [&](const Term& term) {
            return holds(sum, {term.node, term.shift + shift, term.sign * sign});
        });
        if (whole) visit(shift, sign);
    }
}

// `sum` with `node` in place of every occurrence of `pattern`, lowest first; empty if there is none.
Sum replaced(const Sum& sum, const Sum& pattern, int node) {
    std::vector<std::pair<int, int>> places;
    each_occurrence(sum, pattern, [&](int shift, int sign) { places.emplace_back(shift, sign); });
    if (places.empty()) return {};
    Sum rest = sum;
    Sum made;
    for (const auto& [shift, sign] : places) {
        const auto aligned = [s = shift, g = sign](const Term& term) { return Term{term.node, term.shift + s, term.sign * g}; };
        if (!std::all_of(pattern.begin(), pattern.end(), [&](const Term& term) { return holds(rest, aligned(term)); })) continue;
        for (const Term& term : pattern) rest.erase(std::lower_bound(rest.begin(), rest.end(), aligned(term), earlier));
        made.push_back({node, shift, sign});
    }
    const auto kept = static_cast<std::ptrdiff_t>(rest.size());
    rest.insert(rest.end(), made.begin(), made.end());
    std::inplace_merge(rest.begin(), rest.begin() + kept, rest.end(), earlier);
    Sums::settle(rest);
    return rest;
}

// xorshift64* (Vigna, 2016): the same everywhere, unlike the standard library's distributions.
std::uint64_t random(std::uint64_t& state, std::uint64_t below) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return ((state * 2685821657736338717u) >> 33) % below;
}

}  // namespace

int Regroup::occurrences(int node) const {
    int count = 0;
    for (const int user : sums_.users(node)) {
        for (const Term& term : sums_.sum(user)) count += term.node == node;
    }
    return count;
}

bool Regroup::dissolve(int node) {
    if (node < sums_.inputs() || !sums_.alive(node) || sums_.is_root(node)) return false;
    std::vector<Change> changes;
    for (const int user : sums_.users(node)) {
        changes.push_back({user, Sums::substituted(sums_.sum(user), node, sums_.sum(node))});
        const Sum& made = changes.back().sum;
        if (made.size() < 2 || made.size() > kLongest || !sums_.fits(made, sums_.level(user))) return false;
    }
    for (const Change& change : changes) {
        sums_.change(change.node, change.sum);
        touched_.push_back(change.node);
    }
    sums_.remove(node);
    return true;
}

void Regroup::cut(int most) {
    for (int node = sums_.size() - 1; node >= sums_.inputs(); --node) {
        if (sums_.alive(node) && occurrences(node) <= most) dissolve(node);
    }
    sums_.commit();
}

// Places of a tree that a sum takes and its addends would not.
std::int64_t Regroup::wasted(int node) const {
    std::int64_t places = 0;
    for (const Term& term : sums_.sum(node)) places += ternary_weight(sums_.level(term.node));
    return node < sums_.inputs() ? 0 : ternary_weight(sums_.level(node)) - places;
}

bool Regroup::keep_within(int levels, const std::vector<std::pair<int, int>>& deadlines) {
    std::vector<int> allowed(sums_.size(), levels);
    for (const auto& [node, level] : deadlines) allowed[node] = level;
    for (int node = sums_.inputs(); node < sums_.size(); ++node) {
        if (!sums_.alive(node)) continue;
        while (sums_.earliest(sums_.sum(node)) > allowed[node]) {
            const Sum& sum = sums_.sum(node);
            const auto rank = [this](const Term& term) {
                return std::make_tuple(wasted(term.node), sums_.level(term.node));
            };
            const auto worst = std::max_element(sum.begin(), sum.end(), [&](const Term& left, const Term& right) {
                return rank(left) < rank(right);
            });
            if (worst->node < sums_.inputs()) return false;
            sums_.change(node, Sums::substituted(sum, worst->node, sums_.sum(worst->node)));
        }
        sums_.relax(node, sums_.earliest(sums_.sum(node)));
    }
    for (int node = sums_.size() - 1; node >= sums_.inputs(); --node) {
        if (sums_.alive(node) && !sums_.is_root(node) && sums_.users(node).empty()) sums_.remove(node);
        if (sums_.alive(node) && sums_.users(node).empty()) sums_.relax(node, levels);
    }
    sums_.commit();
    return true;
}

void Regroup::dissolve_where_cheaper(std::vector<std::int32_t> nodes) {
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    for (const int node : nodes) {
        if (node < sums_.inputs() || !sums_.alive(node) || sums_.is_root(node)) continue;
        const std::vector<std::int32_t> users = sums_.users(node);
        if (users.size() > kMostUsers || !changed_since_checked(node)) continue;
        int difference = -sums_.cost(node);
        bool possible = true;
        for (const int user : users) {
            const int cost = cost_without(node, user);
            possible = cost >= 0;
            if (!possible) break;
            difference += cost - sums_.cost(user);
        }
        if (possible && (difference < 0 || (difference == 0 && users.size() <= 1))) dissolve(node);
    }
}

// What `user` costs with the addends of `node` in its place; -1 where it may not have them. Asked again and again of
// what did not change, as all readers of a sum are weighed when one of them has.
int Regroup::cost_without(int node, int user) {
    // What a long sum would cost is dear to know, and it gains little.
    if (sums_.sum(user).size() > kPaired) return -1;
    known_.resize(kKnown);
    const std::uint64_t pair = static_cast<std::uint64_t>(node) << 32 | static_cast<std::uint64_t>(user);
    const std::int64_t stamp =
        std::max({sums_.stamp(user), sums_.stamp(sums_.sum(user)), sums_.stamp(sums_.sum(node))});
    Known& known = known_[(pair * 0x9e3779b97f4a7c15u) >> (64 - kKnownBits)];
    if (known.pair != pair || known.stamp != stamp) known = {pair, stamp, weighed_without(node, user)};
    return known.cost;
}

int Regroup::weighed_without(int node, int user) const {
    const Sum made = Sums::substituted(sums_.sum(user), node, sums_.sum(node));
    const bool possible = made.size() >= 2 && made.size() <= kLongest && sums_.fits(made, sums_.level(user));
    return possible ? sums_.cost(made, sums_.level(user), sums_.is_root(user)) : -1;
}

bool Regroup::changed_since_checked(int node) {
    checked_.resize(sums_.size());
    std::int64_t latest = sums_.version(node);
    for (const int user : sums_.users(node)) latest = std::max(latest, sums_.version(user));
    if (checked_[node] > latest) return false;
    checked_[node] = sums_.clock() + 1;
    return true;
}

// What `pattern` saves where it occurs in `users`, as a new sum or as the `existing` one.
void Regroup::weigh(const Sum& pattern, int existing, const std::vector<std::int32_t>& users, int within, Best& best) {
    int saving = 0;
    if (existing < 0) {
        sums_.imagine(pattern);
        saving = -sums_.cost(pattern, sums_.earliest(pattern), false);
    }
    const int node = existing < 0 ? sums_.next() : existing;
    std::vector<Change> changes;
    for (const int user : users) {
        if (user == node) continue;
        Sum made = replaced(sums_.sum(user), pattern, node);
        if (made.size() < 2 || !sums_.fits(made, sums_.level(user))) continue;
        const int saved = sums_.cost(user) - sums_.cost(made, sums_.level(user), sums_.is_root(user));
        if (saved <= 0 && user != within) continue;
        saving += saved;
        changes.push_back({user, std::move(made)});
    }
    if (saving > best.saving) best = {saving, existing, pattern, std::move(changes)};
}

// Sums that there are already and whose addends are all among those of `node`.
void Regroup::consider_existing(int node, Best& best) {
    const Sum& sum = sums_.sum(node);
    std::vector<std::int32_t> met;
    for (const Term& term : sum) {
        for (const int user : sums_.users(term.node)) {
            const std::size_t size = sums_.sum(user).size();
            if (user != node && size < sum.size() && size <= kExisting) met.push_back(user);
        }
    }
    std::sort(met.begin(), met.end());
    for (std::size_t i = 0, next = 0; i < met.size(); i = next) {
        while (next < met.size() && met[next] == met[i]) ++next;
        const Sum& known = sums_.sum(met[i]);
        // Levels rise along every edge: a sum that is ready before `node` cannot depend on it.
        if (next - i < known.size() || sums_.level(met[i]) >= sums_.level(node) || !is_normal(known)) continue;
        weigh(known, met[i], {node}, node, best);
    }
}

// Where the terms of `node` occur in other sums, or in itself with another shift or sign.
void Regroup::meet(int node) {
    const Sum& sum = sums_.sum(node);
    meetings_.clear();
    for (std::size_t i = 0; i < sum.size(); ++i) {
        for (const int user : sums_.users(sum[i].node)) {
            const Sum& other = sums_.sum(user);
            for (auto at = first_of(other, sum[i].node); at != other.end() && at->node == sum[i].node; ++at) {
                const int offset = at->shift - sum[i].shift;
                const int sign = at->sign * sum[i].sign;
                // With itself every meeting is seen from both sides.
                if (user == node && (offset < 0 || (offset == 0 && sign > 0))) continue;
                meetings_.emplace_back(user, offset, sign, i);
            }
        }
    }
    std::sort(meetings_.begin(), meetings_.end());
}

// Expressions that `node` has in common with another sum, or twice, most promising first: wherever two sums meet with the
// same shift and sign between them, all that they share there and its pairs and triples.
std::vector<Regroup::Pattern> Regroup::patterns_of(int node) {
    meet(node);
    shared_.clear();
    for (std::size_t begin = 0, end = 0; begin < meetings_.size(); begin = end) {
        while (end < meetings_.size() && meetings_[end].same_place(meetings_[begin])) ++end;
        if (end - begin > 1) collect(begin, end);
    }
    std::sort(shared_.begin(), shared_.end());
    groups_.clear();
    for (std::size_t begin = 0, end = 0; begin < shared_.size(); begin = end) {
        while (end < shared_.size() && shared_[end].terms == shared_[begin].terms) ++end;
        const int count = shared_[begin].count();
        if (count > 2 || end - begin > 1) groups_.push_back({(count - 1) * static_cast<int>(end - begin), begin, end});
    }
    const auto better = [](const Group& left, const Group& right) {
        return left.score != right.score ? left.score > right.score : left.begin < right.begin;
    };
    const auto kept = groups_.begin() + std::min<std::ptrdiff_t>(kWeighed, static_cast<std::ptrdiff_t>(groups_.size()));
    std::partial_sort(groups_.begin(), kept, groups_.end(), better);
    std::vector<Pattern> found;
    for (auto group = groups_.begin(); group != kept; ++group) found.push_back(pattern_of(node, *group));
    return found;
}

Regroup::Pattern Regroup::pattern_of(int node, const Group& group) const {
    const Sum& sum = sums_.sum(node);
    const Shared& first = shared_[group.begin];
    Pattern pattern;
    for (int i = 0; i < first.count(); ++i) pattern.sum.push_back(sum[first.term(i)]);
    pattern.sum = normal(std::move(pattern.sum));
    for (std::size_t i = group.begin; i < group.end; ++i) pattern.users.push_back(shared_[i].user);
    pattern.users.push_back(node);
    std::sort(pattern.users.begin(), pattern.users.end());
    pattern.users.erase(std::unique(pattern.users.begin(), pattern.users.end()), pattern.users.end());
    return pattern;
}

// The terms that meet in one place: all of them, and their pairs and triples.
void Regroup::collect(std::size_t begin, std::size_t end) {
    const int count = static_cast<int>(std::min<std::size_t>(end - begin, Shared::kMost));
    const int user = meetings_[begin].user();
    std::uint64_t term[Shared::kMost];
    for (int i = 0; i < count; ++i) term[i] = static_cast<std::uint64_t>(meetings_[begin + i].term()) + 1;
    for (int i = 0; i < count; ++i) {
        for (int j = i + 1; j < count; ++j) {
            const std::uint64_t pair = term[i] << 40 | term[j] << 32;
            shared_.push_back({pair, user});
            for (int k = j + 1; k < count; ++k) shared_.push_back({pair | term[k] << 24, user});
        }
    }
    if (count < 4) return;
    std::uint64_t whole = 0;
    for (int i = 0; i < count; ++i) whole |= term[i] << 8 * (Shared::kMost - 1 - i);
    shared_.push_back({whole, user});
}

// Makes the best expression that `node` shares with others, or with itself, a sum of its own.
bool Regroup::share_within(int node) {
    const std::size_t size = sums_.sum(node).size();
    if (size < 2 || size > kPaired) return false;
    Best best;
    consider_existing(node, best);
    for (const Pattern& pattern : patterns_of(node)) weigh(pattern.sum, -1, pattern.users, node, best);
    if (best.saving <= 0) return false;
    if (best.existing < 0) touched_.push_back(sums_.add(best.pattern, sums_.earliest(best.pattern), false));
    for (const Change& change : best.changes) {
        sums_.change(change.node, change.sum);
        touched_.push_back(change.node);
    }
    return true;
}

void Regroup::settle_around(std::vector<std::int32_t> work) {
    for (int round = 0; !work.empty() && round < kSettlings; ++round) {
        const int node = work.back();
        work.pop_back();
        if (!sums_.alive(node)) continue;
        touched_.clear();
        while (share_within(node)) {
        }
        std::vector<std::int32_t> near = touched_;
        near.push_back(node);
        for (const int changed : touched_) {
            for (const Term& term : sums_.sum(changed)) near.push_back(term.node);
        }
        for (const Term& term : sums_.sum(node)) near.push_back(term.node);
        dissolve_where_cheaper(std::move(near));
        for (const int changed : touched_) {
            const bool waits = std::find(work.begin(), work.end(), changed) != work.end();
            if (sums_.alive(changed) && changed != node && !waits) work.push_back(changed);
        }
    }
}

void Regroup::settle() {
    std::vector<std::int32_t> all;
    for (int node = sums_.inputs(); node < sums_.size(); ++node) {
        if (sums_.alive(node)) all.push_back(node);
    }
    for (const int node : all) settle_around({node});
    sums_.commit();
}

int Regroup::random_sum(std::uint64_t& state) const {
    const auto count = static_cast<std::uint64_t>(sums_.size() - sums_.inputs());
    for (;;) {
        const int node = sums_.inputs() + static_cast<int>(random(state, count));
        if (sums_.alive(node)) return node;
    }
}

// Dissolves a sum, or up to three of the sums that one consists of.
void Regroup::perturb(std::uint64_t& state) {
    const int node = random_sum(state);
    for (auto left = 1 + random(state, 3); left > 0; --left) {
        std::vector<std::int32_t> inner;
        for (const Term& term : sums_.sum(node)) {
            if (term.node >= sums_.inputs() && !sums_.is_root(term.node)) inner.push_back(term.node);
        }
        if (!sums_.is_root(node)) inner.push_back(node);
        if (inner.empty()) return;
        const int chosen = inner[random(state, inner.size())];
        if (!dissolve(chosen) || chosen == node) return;
    }
}

void Regroup::search(std::int64_t steps, std::uint64_t seed) {
    // Sums that outputs need stay alive; where inputs cancel there may be none.
    bool any = false;
    for (int node = sums_.inputs(); node < sums_.size() && !any; ++node) any = sums_.alive(node);
    if (!any) return;
    std::uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (std::int64_t step = 0; step < steps; ++step) {
        const std::int64_t bits = sums_.total();
        touched_.clear();
        perturb(state);
        std::vector<std::int32_t> work = touched_;
        std::sort(work.begin(), work.end());
        work.erase(std::unique(work.begin(), work.end()), work.end());
        settle_around(std::move(work));
        if (sums_.total() <= bits) {
            sums_.commit();
        } else {
            sums_.roll_back();
        }
    }
}

}  // namespace bitwright
