// Retiming as steps of an L-natural convex function, each step a closure; late paths are forbidden as they turn up.

#include "pipeline.hpp"

#include <algorithm>
#include <limits>
#include <queue>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>

#include "closure.hpp"

namespace bitwright {
namespace {

using Levels = std::vector<std::int64_t>;
using Pairs = std::vector<std::pair<std::int32_t, std::int32_t>>;

// Arrivals of words: along arcs (fresh: from a register, through: from a word of the same stage).
class Timing {
public:
    Timing(std::vector<Arc> arcs, Levels tails, std::int64_t period)
        : arcs_(std::move(arcs)), tails_(std::move(tails)), period_(period), begin_(tails_.size() + 1, 0) {
        std::stable_sort(arcs_.begin(), arcs_.end(), [](const Arc& a, const Arc& b) { return a.to < b.to; });
        for (const auto& arc : arcs_) ++begin_[static_cast<std::size_t>(arc.to) + 1];
        for (std::size_t i = 1; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
        fresh_.assign(tails_.size(), 0);
        for (std::size_t v = 0; v < tails_.size(); ++v) fit(v);
    }

    std::size_t size() const { return tails_.size(); }
    const std::vector<Arc>& arcs() const { return arcs_; }
    bool fed(std::size_t v) const { return begin_[v] < begin_[v + 1]; }

    Levels earliest() const {
        Levels stage(size(), 0), base(size(), 0);
        for (std::size_t v = 0; v < size(); ++v) {
            for (auto i = begin_[v]; i < begin_[v + 1]; ++i) stage[v] = std::max(stage[v], stage[arcs_[i].from]);
            base[v] = ready(v, stage, base);
            if (fed(v) && base[v] + tails_[v] > period_) {
                ++stage[v];
                base[v] = fresh_[v];
            }
        }
        return stage;
    }

    Levels latest(std::int64_t last) const {
        // What reads a word is known once all later words are done: each hands on its stage and what is left.
        Levels stage(size(), last), left = tails_;
        for (std::size_t u = size(); u-- > 0;) {
            if (fresh_[u] + left[u] > period_) {
                --stage[u];
                left[u] = tails_[u];
            }
            for (auto i = begin_[u]; i < begin_[u + 1]; ++i) hand_on(arcs_[i], stage, left);
        }
        for (std::size_t v = 0; v < size(); ++v)
            if (!fed(v)) stage[v] = 0;
        return stage;
    }

    // For the first late words v of a stage, the latest u that must not share it.
    Pairs late_pairs(const Levels& stage) const {
        Levels base(size(), 0);
        std::vector<char> late(size(), 0);
        Pairs pairs;
        for (std::size_t v = 0; v < size(); ++v) {
            base[v] = ready(v, stage, base);
            bool spread = false;
            for (auto i = begin_[v]; i < begin_[v + 1]; ++i)
                spread = spread || (late[arcs_[i].from] && stage[arcs_[i].from] == stage[v]);
            late[v] = spread || base[v] + tails_[v] > period_;
            if (late[v] && !spread) blame(static_cast<std::int32_t>(v), stage, pairs);
        }
        return pairs;
    }

private:
    void fit(std::size_t v) {
        if (!fed(v)) return;
        std::int64_t slowest = 0;
        for (auto i = begin_[v]; i < begin_[v + 1]; ++i) slowest = std::max(slowest, arcs_[i].fresh);
        const auto excess = std::max<std::int64_t>(slowest + tails_[v] - period_, 0);
        for (auto i = begin_[v]; i < begin_[v + 1]; ++i) {
            arcs_[i].fresh -= excess;
            arcs_[i].through -= excess;
        }
        fresh_[v] = slowest - excess;
    }

    void hand_on(const Arc& arc, Levels& stage, Levels& left) const {
        const auto rest = left[arc.to] + arc.through;
        if (stage[arc.to] < stage[arc.from]) {
            stage[arc.from] = stage[arc.to];
            left[arc.from] = std::max(tails_[arc.from], rest);
        } else if (stage[arc.to] == stage[arc.from]) {
            left[arc.from] = std::max(left[arc.from], rest);
        }
    }

    std::int64_t ready(std::size_t v, const Levels& stage, const Levels& base) const {
        if (!fed(v)) return 0;
        auto found = std::numeric_limits<std::int64_t>::min();
        for (auto i = begin_[v]; i < begin_[v + 1]; ++i) {
            const auto& arc = arcs_[i];
            found = std::max(found, stage[arc.from] == stage[v] ? base[arc.from] + arc.through : arc.fresh);
        }
        return found;
    }

    // Backwards from v within its stage: the words from which a path to v takes longer than the period.
    void blame(std::int32_t v, const Levels& stage, Pairs& pairs) const {
        std::unordered_map<std::int32_t, std::int64_t> left{{v, tails_[v]}};
        std::priority_queue<std::int32_t> line;
        line.push(v);
        while (!line.empty()) {
            const auto u = line.top();
            line.pop();
            const auto rest = left[u];
            if (u != v && fresh_[u] + rest > period_) {
                pairs.emplace_back(u, v);
                continue;
            }
            for (auto i = begin_[u]; i < begin_[u + 1]; ++i) {
                const auto before = arcs_[i].from;
                if (stage[before] != stage[v]) continue;
                const auto [place, added] = left.try_emplace(before, 0);
                if (added) line.push(before);
                place->second = std::max(place->second, rest + arcs_[i].through);
            }
        }
    }

    std::vector<Arc> arcs_;
    Levels tails_;
    std::int64_t period_;
    std::vector<std::size_t> begin_;
    Levels fresh_;
};

// Levels of nodes with the least sum of cost times level, where level[b] - level[a] >= d for arcs (a, b, d).
class Tension {
public:
    Tension(Levels low, Levels high) : level(low), costs(low.size(), 0), bottom_(low), top_(std::move(high)) {
        after_.resize(low.size());
        before_.resize(low.size());
    }

    void constrain(std::int32_t a, std::int32_t b, std::int64_t distance) {
        after_[a].emplace_back(b, distance);
        before_[b].emplace_back(a, distance);
    }

    // A node as late as the last of `readers`.
    void meet(const std::vector<std::int32_t>& readers, std::int64_t cost) {
        const auto node = static_cast<std::int32_t>(level.size());
        const auto last = [&](const Levels& of) {
            std::int64_t found = 0;
            for (const auto reader : readers) found = std::max(found, of[reader]);
            return found;
        };
        level.push_back(last(level));
        costs.push_back(cost);
        bottom_.push_back(last(bottom_));
        top_.push_back(last(top_));
        after_.emplace_back();
        before_.emplace_back();
        for (const auto reader : readers) constrain(reader, node, 0);
    }

    // Adds level[v] >= level[u] + 1 for pairs (u, v), and lowers what breaks it as little as possible.
    void require(const Pairs& pairs) {
        std::vector<std::int32_t> line;
        for (const auto& [u, v] : pairs) {
            constrain(u, v, 1);
            line.push_back(v);
        }
        while (!line.empty()) {
            const auto v = line.back();
            line.pop_back();
            for (const auto& [u, distance] : before_[v])
                if (level[u] > level[v] - distance) {
                    level[u] = level[v] - distance;
                    line.push_back(u);
                }
        }
    }

    void settle() {
        while (step(1)) {
        }
        while (step(-1))
            while (step(1)) {
            }
    }

    Levels level;
    Levels costs;

private:
    using Links = std::vector<std::vector<std::pair<std::int32_t, std::int64_t>>>;

    bool tight(std::int32_t a, std::int32_t b, std::int64_t distance) const {
        return (level[b] > level[a] ? level[b] - level[a] : level[a] - level[b]) == distance;
    }

    // Moves the smallest best set by one level; whether that gains.
    bool step(int way) {
        const auto names = free_names(way);
        const auto& follow = way > 0 ? after_ : before_;
        std::vector<std::int32_t> free;
        std::vector<std::int64_t> gains;
        for (std::size_t node = 0; node < names.size(); ++node)
            if (names[node] >= 0) {
                free.push_back(static_cast<std::int32_t>(node));
                gains.push_back(-way * costs[node]);
            }
        Pairs arcs;
        for (const auto a : free)
            for (const auto& [b, d] : follow[a])
                if (names[b] >= 0 && tight(a, b, d)) arcs.emplace_back(names[a], names[b]);
        const auto moved = best_closure(gains, arcs);
        for (const auto place : moved) level[free[place]] += way;
        return !moved.empty();
    }

    // A number for each node that may move: not at its end, and not holding one that is; else -1.
    std::vector<std::int32_t> free_names(int way) const {
        const auto& ends = way > 0 ? top_ : bottom_;
        const auto& back = way > 0 ? before_ : after_;
        std::vector<std::int32_t> names(level.size(), 0);
        std::vector<std::int32_t> line;
        for (std::size_t node = 0; node < level.size(); ++node)
            if (level[node] == ends[node]) {
                names[node] = -1;
                line.push_back(static_cast<std::int32_t>(node));
            }
        while (!line.empty()) {
            const auto node = line.back();
            line.pop_back();
            for (const auto& [other, d] : back[node])
                if (names[other] == 0 && tight(node, other, d)) {
                    names[other] = -1;
                    line.push_back(other);
                }
        }
        std::int32_t count = 0;
        for (auto& name : names)
            if (name == 0) name = count++;
        return names;
    }

    Levels bottom_, top_;
    Links after_, before_;
};

// Words and one more node per hold of several readers, at the earliest stages.
Tension tension_of(const Timing& timing, const Levels& low, const Levels& high, const std::vector<Hold>& holds,
                   const std::vector<Read>& reads) {
    Tension found(low, high);
    for (const auto& arc : timing.arcs()) found.constrain(arc.from, arc.to, 0);
    std::vector<std::vector<std::int32_t>> readers(holds.size());
    for (const auto& read : reads) readers[read.hold].push_back(read.reader);
    for (std::size_t i = 0; i < holds.size(); ++i) {
        const auto& who = readers[i];
        found.costs[holds[i].word] -= holds[i].bits;
        if (who.empty() || *std::min_element(who.begin(), who.end()) < 0) continue;
        if (who.size() == 1)
            found.costs[who[0]] += holds[i].bits;
        else
            found.meet(who, holds[i].bits);
    }
    return found;
}

}  // namespace

std::vector<std::int64_t> earliest_stages(const std::vector<Arc>& arcs, const std::vector<std::int64_t>& tails,
                                          std::int64_t period) {
    return Timing(arcs, tails, period).earliest();
}

std::vector<std::int64_t> least_registers(const std::vector<Arc>& arcs, const std::vector<std::int64_t>& tails,
                                          const std::vector<Hold>& holds, const std::vector<Read>& reads,
                                          std::int64_t period, std::int64_t stages) {
    const Timing timing(arcs, tails, period);
    const auto low = timing.earliest();
    const auto needed = low.empty() ? 0 : *std::max_element(low.begin(), low.end()) + 1;
    if (needed > stages)
        throw std::invalid_argument(std::to_string(needed) + " stages are needed, " + std::to_string(stages) +
                                    " allowed");
    auto tension = tension_of(timing, low, timing.latest(stages - 1), holds, reads);
    for (;;) {
        tension.settle();
        const auto pairs = timing.late_pairs(tension.level);
        if (pairs.empty()) break;
        tension.require(pairs);
    }
    return {tension.level.begin(), tension.level.begin() + static_cast<std::ptrdiff_t>(timing.size())};
}

}  // namespace bitwright
