#include "regroup.hpp"

#include <algorithm>
#include <tuple>

namespace bitwright {

namespace {

using Sum = Sums::Sum;

constexpr std::size_t kLongest = 400;
constexpr std::size_t kPaired = 128;
constexpr std::size_t kMet = 6;
constexpr std::size_t kExisting = 6;
constexpr std::size_t kMostUsers = 8;
constexpr int kWeighed = 6;
constexpr int kSettlings = 400;

bool before(const Term& left, const Term& right) {
    return std::tie(left.node, left.shift, left.sign) < std::tie(right.node, right.shift, right.sign);
}

bool holds(const Sum& sum, const Term& term) { return std::binary_search(sum.begin(), sum.end(), term, before); }

// Ordered, its least shift 0 and its first sign +1: the form in which patterns are compared.
Sum normal(Sum pattern) {
    std::sort(pattern.begin(), pattern.end(), before);
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
    auto at = std::lower_bound(sum.begin(), sum.end(), Term{head.node, -1, -2}, before);
    for (; at != sum.end() && at->node == head.node; ++at) {
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
        for (const Term& term : pattern) rest.erase(std::lower_bound(rest.begin(), rest.end(), aligned(term), before));
        made.push_back({node, shift, sign});
    }
    rest.insert(rest.end(), made.begin(), made.end());
    Sums::sort(rest);
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
        std::vector<Change> changes;
        bool possible = true;
        for (const int user : users) {
            // What a long sum would cost is dear to know, and it gains little.
            possible = sums_.sum(user).size() <= kPaired;
            if (!possible) break;
            Sum made = Sums::substituted(sums_.sum(user), node, sums_.sum(node));
            possible = made.size() >= 2 && made.size() <= kLongest && sums_.fits(made, sums_.level(user));
            if (!possible) break;
            difference += sums_.cost(made, sums_.level(user), sums_.is_root(user)) - sums_.cost(user);
            changes.push_back({user, std::move(made)});
        }
        if (!possible || difference > 0 || (difference == 0 && users.size() > 1)) continue;
        for (const Change& change : changes) {
            sums_.change(change.node, change.sum);
            touched_.push_back(change.node);
        }
        sums_.remove(node);
    }
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

// Expressions that `node` has in common with another sum, or twice, most promising first: wherever two sums meet with the
// same shift and sign between them, all that they share there and its pairs and triples.
std::vector<Regroup::Pattern> Regroup::patterns_of(int node) {
    const Sum& sum = sums_.sum(node);
    meetings_.clear();
    for (std::size_t i = 0; i < sum.size(); ++i) {
        for (const int user : sums_.users(sum[i].node)) {
            const Sum& other = sums_.sum(user);
            auto at = std::lower_bound(other.begin(), other.end(), Term{sum[i].node, -1, -2}, before);
            for (; at != other.end() && at->node == sum[i].node; ++at) {
                const int offset = at->shift - sum[i].shift;
                const int sign = at->sign * sum[i].sign;
                // With itself every meeting is seen from both sides.
                if (user == node && (offset < 0 || (offset == 0 && sign > 0))) continue;
                meetings_.push_back({user, offset, sign, static_cast<std::int32_t>(i)});
            }
        }
    }
    std::sort(meetings_.begin(), meetings_.end());
    shared_.clear();
    for (std::size_t begin = 0, end = 0; begin < meetings_.size(); begin = end) {
        while (end < meetings_.size() && meetings_[end].same_place(meetings_[begin])) ++end;
        if (end - begin > 1) collect(begin, end);
    }
    std::sort(shared_.begin(), shared_.end());
    std::vector<Pattern> found;
    for (std::size_t begin = 0, end = 0; begin < shared_.size(); begin = end) {
        while (end < shared_.size() && shared_[end].same_terms(shared_[begin])) ++end;
        const Shared& first = shared_[begin];
        Pattern pattern;
        pattern.score = (first.count() - 1) * static_cast<int>(end - begin);
        if (first.count() == 2 && end - begin < 2) continue;
        for (const std::int16_t term : first.terms) {
            if (term >= 0) pattern.sum.push_back(sum[term]);
        }
        for (std::size_t i = begin; i < end; ++i) {
            if (shared_[i].user != node) pattern.users.push_back(shared_[i].user);
        }
        pattern.users.push_back(node);
        std::sort(pattern.users.begin(), pattern.users.end());
        pattern.users.erase(std::unique(pattern.users.begin(), pattern.users.end()), pattern.users.end());
        found.push_back(std::move(pattern));
    }
    const auto better = [](const Pattern& left, const Pattern& right) { return left.score > right.score; };
    const std::size_t kept = std::min<std::size_t>(kWeighed, found.size());
    std::stable_sort(found.begin(), found.end(), better);
    found.resize(kept);
    for (Pattern& pattern : found) pattern.sum = normal(std::move(pattern.sum));
    return found;
}

// The terms that meet in one place: all of them, and their pairs and triples.
void Regroup::collect(std::size_t begin, std::size_t end) {
    const std::size_t count = std::min<std::size_t>(end - begin, kMet);
    const auto term = [&](std::size_t i) { return static_cast<std::int16_t>(meetings_[begin + i].term); };
    const int user = meetings_[begin].user;
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t j = i + 1; j < count; ++j) {
            shared_.push_back({{term(i), term(j), -1, -1, -1, -1}, user});
            for (std::size_t k = j + 1; k < count; ++k) shared_.push_back({{term(i), term(j), term(k), -1, -1, -1}, user});
        }
    }
    if (count < 4) return;
    Shared whole{{-1, -1, -1, -1, -1, -1}, user};
    for (std::size_t i = 0; i < count && i < whole.terms.size(); ++i) whole.terms[i] = term(i);
    shared_.push_back(whole);
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
