// Dinic's maximal flow over arrays; what the source still reaches at the end is the closure (Picard, 1976).

#include "closure.hpp"

#include <algorithm>
#include <limits>

namespace bitwright {
namespace {

constexpr std::int64_t endless = std::int64_t{1} << 60;

// Arc 2k and 2k + 1 are each other's reverse; the arcs of a node lie side by side in `order`.
class Flow {
public:
    explicit Flow(std::size_t nodes) : begin_(nodes + 1, 0), level_(nodes) {}

    void arc(std::int32_t a, std::int32_t b, std::int64_t room) {
        to_.push_back(b);
        to_.push_back(a);
        room_.push_back(room);
        room_.push_back(0);
    }

    void sort() {
        for (std::size_t arc = 0; arc < to_.size(); ++arc) ++begin_[static_cast<std::size_t>(to_[arc ^ 1]) + 1];
        for (std::size_t i = 1; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
        order_.resize(to_.size());
        auto place = begin_;
        for (std::size_t arc = 0; arc < to_.size(); ++arc)
            order_[place[static_cast<std::size_t>(to_[arc ^ 1])]++] = static_cast<std::int32_t>(arc);
    }

    bool layered(std::int32_t source, std::int32_t sink) {
        std::fill(level_.begin(), level_.end(), -1);
        line_.assign(1, source);
        level_[source] = 0;
        for (std::size_t i = 0; i < line_.size(); ++i) {
            const auto node = line_[i];
            for (auto at = begin_[node]; at < begin_[node + 1]; ++at) {
                const auto next = to_[order_[at]];
                if (room_[order_[at]] > 0 && level_[next] < 0) {
                    level_[next] = level_[node] + 1;
                    line_.push_back(next);
                }
            }
        }
        return level_[sink] >= 0;
    }

    void block(std::int32_t source, std::int32_t sink) {
        auto following = begin_;
        std::vector<std::int32_t> path;
        for (auto node = source;;) {
            if (node == sink) {
                node = push(path);
                continue;
            }
            const auto arc = next(node, following);
            if (arc >= 0) {
                path.push_back(arc);
                node = to_[arc];
            } else if (!path.empty()) {
                node = to_[path.back() ^ 1];
                path.pop_back();
                ++following[node];
            } else {
                return;
            }
        }
    }

    bool reached(std::int32_t node) const { return level_[node] >= 0; }

private:
    std::int32_t next(std::int32_t node, std::vector<std::size_t>& following) const {
        for (auto& at = following[node]; at < begin_[node + 1]; ++at) {
            const auto arc = order_[at];
            if (room_[arc] > 0 && level_[to_[arc]] == level_[node] + 1) return arc;
        }
        return -1;
    }

    // Fills the path; it is cut at its first full arc, whose tail is the answer.
    std::int32_t push(std::vector<std::int32_t>& path) {
        auto amount = std::numeric_limits<std::int64_t>::max();
        for (const auto arc : path) amount = std::min(amount, room_[arc]);
        std::size_t cut = 0;
        for (std::size_t place = path.size(); place-- > 0;) {
            room_[path[place]] -= amount;
            room_[path[place] ^ 1] += amount;
            if (room_[path[place]] == 0) cut = place;
        }
        const auto node = to_[path[cut] ^ 1];
        path.resize(cut);
        return node;
    }

    std::vector<std::size_t> begin_;
    std::vector<std::int32_t> level_;
    std::vector<std::int32_t> to_;
    std::vector<std::int64_t> room_;
    std::vector<std::int32_t> order_;
    std::vector<std::int32_t> line_;
};

}  // namespace

std::vector<std::int32_t> best_closure(const std::vector<std::int64_t>& gains,
                                       const std::vector<std::pair<std::int32_t, std::int32_t>>& arcs) {
    const auto count = static_cast<std::int32_t>(gains.size());
    const auto source = count, sink = count + 1;
    Flow flow(gains.size() + 2);
    for (std::int32_t node = 0; node < count; ++node) {
        if (gains[node] > 0) flow.arc(source, node, gains[node]);
        if (gains[node] < 0) flow.arc(node, sink, -gains[node]);
    }
    for (const auto& [a, b] : arcs) flow.arc(a, b, endless);
    flow.sort();
    while (flow.layered(source, sink)) flow.block(source, sink);
    std::vector<std::int32_t> found;
    for (std::int32_t node = 0; node < count; ++node)
        if (flow.reached(node)) found.push_back(node);
    return found;
}

}  // namespace bitwright
