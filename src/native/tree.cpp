#include "tree.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "digits.hpp"

namespace bitwright {

namespace {

// All pairs of so many terms are weighed; longer sums start with merges of the shallowest terms.
constexpr int kPairedTerms = 512;

}  // namespace

int least_depth(const Graph& graph, const std::vector<Term>& terms) {
    std::int64_t total = 0;
    for (const Term& term : terms) total += graph.weight(term.node);
    return total == 0 ? 0 : bit_length(static_cast<std::uint64_t>(total - 1));
}

bool Tree::Merge::operator<(const Merge& other) const {
    return std::tie(result_bits, adder_bits, depth, left, right) >
           std::tie(other.result_bits, other.adder_bits, other.depth, other.left, other.right);
}

Tree::Tree(Graph& graph, std::vector<Term> terms, int max_depth)
    : graph_(graph),
      terms_(std::move(terms)),
      open_(terms_.size(), true),
      room_(power(max_depth)),
      open_count_(static_cast<int>(terms_.size())) {
    for (const Term& term : terms_) {
        room_ -= graph_.weight(term.node);
        positive_count_ += term.sign > 0;
    }
}

Term Tree::build() {
    shorten();
    const int count = static_cast<int>(terms_.size());
    for (int right = 0; right < count; ++right) {
        for (int left = 0; left < right; ++left) consider(left, right);
    }
    while (open_count_ > 1) {
        const Merge best = queue_.top();
        queue_.pop();
        if (!open_[best.left] || !open_[best.right]) continue;
        if (graph_.price(terms_[best.left].node, terms_[best.right].node) > room_) continue;
        merge(best.left, best.right);
        const int made = static_cast<int>(terms_.size()) - 1;
        for (int left = 0; left < made; ++left) consider(left, made);
    }
    return terms_.back();
}

// Merging the two shallowest terms never needs more room than there is.
void Tree::shorten() {
    const auto later = [this](int left, int right) { return comes_before(right, left); };
    std::priority_queue<int, std::vector<int>, decltype(later)> waiting(later);
    if (open_count_ <= kPairedTerms) return;
    for (int i = 0; i < open_count_; ++i) waiting.push(i);
    while (open_count_ > kPairedTerms) {
        const int left = waiting.top();
        waiting.pop();
        const int right = waiting.top();
        waiting.pop();
        merge(left, right);
        waiting.push(static_cast<int>(terms_.size()) - 1);
    }
}

bool Tree::comes_before(int left, int right) const {
    const auto rank = [this](int i) {
        const int node = terms_[i].node;
        return std::make_tuple(graph_.depth(node), terms_[i].shift, graph_.bits(node), i);
    };
    return rank(left) < rank(right);
}

// A difference may come out negated, to be subtracted later, when the lower operand is then added
// (its low bits need no adder) and another positive term is left to end with.
bool Tree::may_negate(const Term& left, const Term& right) const {
    if (left.sign == right.sign || left.shift == right.shift || positive_count_ < 2) return false;
    return (left.shift < right.shift ? left : right).sign < 0;
}

void Tree::consider(int left, int right) {
    if (!open_[left] || !open_[right]) return;
    Term first = terms_[left];
    Term second = terms_[right];
    if (graph_.price(first.node, second.node) > room_) return;
    if (first.sign == second.sign) {
        first.sign = second.sign = 1;
    } else if (may_negate(first, second)) {
        std::swap(first.sign, second.sign);
    }
    const AdderCost cost = graph_.cost(first, second);
    const int depth = std::max(graph_.depth(first.node), graph_.depth(second.node));
    queue_.push({cost.result_bits, cost.adder_bits, depth, left, right});
}

void Tree::merge(int left, int right) {
    Term first = terms_[left];
    Term second = terms_[right];
    const bool negate = may_negate(first, second);
    if (negate) std::swap(first.sign, second.sign);
    room_ -= graph_.price(first.node, second.node);
    Term sum = graph_.add(first, second);
    if (negate) sum.sign = -1;
    positive_count_ += (sum.sign > 0) - (first.sign > 0) - (second.sign > 0);
    open_[left] = open_[right] = false;
    terms_.push_back(sum);
    open_.push_back(true);
    --open_count_;
}

}  // namespace bitwright
