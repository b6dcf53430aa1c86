#include "sums.hpp"

#include <algorithm>
#include <utility>

#include "digits.hpp"

namespace bitwright {

Sums::Sums(const std::int64_t* low, const std::int64_t* high, int inputs)
    : inputs_(inputs), nodes_(inputs), stamps_(inputs) {
    for (int i = 0; i < inputs; ++i) nodes_[i].code = Code::of_input({low[i], high[i]});
}

void Sums::sort(Sum& sum) {
    std::sort(sum.begin(), sum.end(), earlier);
    settle(sum);
}

// Of an ordered sum two equal addends become one of twice the value, two opposite ones vanish.
void Sums::settle(Sum& sum) {
    for (std::size_t i = 0; i + 1 < sum.size();) {
        if (sum[i].node != sum[i + 1].node || sum[i].shift != sum[i + 1].shift) {
            ++i;
            continue;
        }
        const Term twice{sum[i].node, sum[i].shift + 1, sum[i].sign};
        const bool equal = sum[i].sign == sum[i + 1].sign;
        sum.erase(sum.begin() + i, sum.begin() + i + 2);
        if (equal) sum.insert(std::lower_bound(sum.begin(), sum.end(), twice, earlier), twice);
        i = i == 0 ? 0 : i - 1;
    }
}

Sums::Sum Sums::substituted(const Sum& sum, int node, const Sum& by) {
    Sum result;
    result.reserve(sum.size() + by.size());
    const auto first = std::lower_bound(sum.begin(), sum.end(), Term{node, -1, -2}, earlier);
    auto last = first;
    while (last != sum.end() && last->node == node) ++last;
    result.insert(result.end(), sum.begin(), first);
    result.insert(result.end(), last, sum.end());
    for (auto at = first; at != last; ++at) {
        const auto kept = static_cast<std::ptrdiff_t>(result.size());
        for (const Term& inner : by) result.push_back({inner.node, inner.shift + at->shift, inner.sign * at->sign});
        std::inplace_merge(result.begin(), result.begin() + kept, result.end(), earlier);
    }
    settle(result);
    return result;
}

bool Sums::fits(const Sum& sum, int level) const {
    std::int64_t weight = 0;
    for (const Term& term : sum) weight += ternary_weight(nodes_[term.node].level);
    return weight <= ternary_weight(level);
}

std::int64_t Sums::stamp(const Sum& sum) const {
    std::int64_t latest = 0;
    for (const Term& term : sum) latest = std::max(latest, stamps_[term.node]);
    return latest;
}

int Sums::earliest(const Sum& sum) const {
    std::int64_t weight = 0;
    for (const Term& term : sum) weight += ternary_weight(nodes_[term.node].level);
    return ternary_level(weight);
}

void Sums::gather(const Sum& sum) const {
    tree_.operands.clear();
    for (const Term& term : sum) {
        const Node& node = nodes_[term.node];
        const int start = node.code.start + term.shift, top = node.code.top + term.shift;
        tree_.operands.push_back({node.code.range(term).high, start, top, node.level, term});
    }
}

int Sums::cost(const Sum& sum, int level, bool root) const {
    gather(sum);
    return tree_.add_up(level, root);
}

Term Sums::build(int node, const std::vector<Term>& made, int first_node, std::vector<TernaryRow>& rows) const {
    gather(nodes_[node].sum);
    for (Operand& operand : tree_.operands) {
        const Term& known = made[operand.term.node];
        operand.term = {known.node, operand.term.shift + known.shift, operand.term.sign};
    }
    std::sort(tree_.operands.begin(), tree_.operands.end(), [](const Operand& left, const Operand& right) {
        return std::make_pair(left.term.node, left.term.sign) < std::make_pair(right.term.node, right.term.sign);
    });
    tree_.add_up(nodes_[node].level, nodes_[node].root, &rows, first_node);
    return tree_.operands.back().term;
}

Code Sums::code_of(const Sum& sum) const {
    Code total;
    total.start = 1 << 20;
    for (const Term& term : sum) {
        const Code& code = nodes_[term.node].code;
        const Interval range = code.range(term);
        total.low += range.low;
        total.high += range.high;
        total.start = std::min(total.start, code.start + term.shift);
    }
    total.top = bit_length(static_cast<std::uint64_t>(total.high));
    return total;
}

void Sums::imagine(const Sum& sum) {
    const int node = next();
    if (node == size()) {
        nodes_.emplace_back();
        stamps_.emplace_back();
        free_.push_back(node);
    }
    nodes_[node].code = code_of(sum);
    nodes_[node].level = earliest(sum);
}

int Sums::add(const Sum& sum, int level, bool root) {
    const int node = next();
    if (free_.empty()) {
        nodes_.emplace_back();
        stamps_.emplace_back();
    } else {
        free_.pop_back();
    }
    nodes_[node].code = code_of(sum);
    nodes_[node].level = level;
    nodes_[node].root = root;
    put(node, sum, true);
    return node;
}

void Sums::change(int node, const Sum& sum) { put(node, sum, true); }

void Sums::remove(int node) { put(node, {}, false); }

void Sums::put(int node, Sum sum, bool alive) {
    Node& at = nodes_[node];
    unlink(node);
    past_.push_back({node, std::move(at.sum), at.code, stamps_[node], at.level, at.cost, at.alive});
    total_ -= at.cost;
    at.sum = std::move(sum);
    at.version = stamps_[node] = ++clock_;
    at.alive = alive;
    if (alive) at.code = code_of(at.sum);
    at.cost = alive ? cost(at.sum, at.level, at.root) : 0;
    total_ += at.cost;
    link(node);
}

void Sums::relax(int node, int level) {
    Node& at = nodes_[node];
    total_ -= at.cost;
    at.level = level;
    at.cost = cost(at.sum, level, at.root);
    total_ += at.cost;
}

void Sums::commit() {
    for (const Past& past : past_) {
        if (!nodes_[past.node].alive && past.alive) free_.push_back(past.node);
    }
    std::sort(free_.begin(), free_.end());
    free_.erase(std::unique(free_.begin(), free_.end()), free_.end());
    std::reverse(free_.begin(), free_.end());
    past_.clear();
}

void Sums::roll_back() {
    std::vector<Past> past;
    past.swap(past_);
    for (auto change = past.rbegin(); change != past.rend(); ++change) {
        Node& at = nodes_[change->node];
        unlink(change->node);
        total_ -= at.cost;
        at.code = change->code;
        at.level = change->level;
        at.sum = std::move(change->sum);
        at.version = ++clock_;
        stamps_[change->node] = change->stamp;
        at.alive = change->alive;
        at.cost = change->cost;
        total_ += at.cost;
        link(change->node);
        if (!at.alive) free_.push_back(change->node);
    }
    commit();
}

void Sums::link(int node) {
    for (const Term& term : nodes_[node].sum) {
        auto& users = nodes_[term.node].users;
        const auto place = std::lower_bound(users.begin(), users.end(), node);
        if (place == users.end() || *place != node) users.insert(place, node);
    }
}

void Sums::unlink(int node) {
    for (const Term& term : nodes_[node].sum) {
        auto& users = nodes_[term.node].users;
        const auto place = std::lower_bound(users.begin(), users.end(), node);
        if (place != users.end() && *place == node) users.erase(place);
    }
}

}  // namespace bitwright
