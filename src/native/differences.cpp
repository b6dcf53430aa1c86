#include "differences.hpp"

#include <algorithm>

#include "digits.hpp"
#include "ternary.hpp"

namespace bitwright {

namespace {

constexpr int kShifts = 3;

int digit_count(std::int64_t weight) { return bit_count(csd(weight).places()); }

// A tree under construction; what depth allows is said by those who derive.
class Tree {
  public:
    Tree(const std::vector<std::int64_t>& lines, int count, int length, int levels)
        : count_(count), length_(length), most_(ternary_weight(levels)), lines_(lines), cost_(count), digits_(count) {
        made_.links.resize(count);
        made_.levels.resize(count);
        made_.left = lines;
        for (int i = 0; i < count; ++i) {
            for (int at = 0; at < length; ++at) digits_[i] += digit_count(line(i)[at]);
            made_.digits += digits_[i];
        }
        cost_ = digits_;
    }
    virtual ~Tree() = default;

    Differences grown() {
        std::vector<bool> done(count_);
        for (int step = 0; step < count_; ++step) {
            int next = -1;
            for (int i = 0; i < count_; ++i) {
                if (!done[i] && (next < 0 || cost_[i] < cost_[next])) next = i;
            }
            done[next] = true;
            take(next);
            for (int i = 0; i < count_; ++i) {
                if (!done[i]) consider(i, next);
            }
        }
        return std::move(made_);
    }

  protected:
    const std::int64_t* line(int i) const { return lines_.data() + static_cast<std::size_t>(i) * length_; }
    std::int64_t* left(int i) { return made_.left.data() + static_cast<std::size_t>(i) * length_; }
    // Whether `line`, of which `digits` are left, may hang on `parent`.
    virtual bool admits(int line, int parent, std::int64_t digits) = 0;
    // `line` is in the tree, at its link.
    virtual bool settled(int line) = 0;

    const int count_, length_;
    const std::int64_t most_;
    Differences made_;

  private:
    void take(int next) {
        Term& link = made_.links[next];
        const auto reduce = [&](int sign) {
            if (link.node < 0) return;
            const std::int64_t factor = sign * link.sign * power(link.shift);
            for (int at = 0; at < length_; ++at) left(next)[at] -= factor * line(link.node)[at];
        };
        reduce(1);
        if (!settled(next)) {
            reduce(-1);
            link = {};
            cost_[next] = digits_[next];
            settled(next);
        }
        made_.order.push_back(next);
        made_.cost += cost_[next];
    }

    void consider(int i, int parent) {
        for (int way = 0; way < 2 * kShifts; ++way) {
            const Term by{parent, way / 2, way % 2 == 0 ? 1 : -1};
            const std::int64_t factor = by.sign * power(by.shift);
            std::int64_t found = 0;
            for (int at = 0; at < length_ && found + 1 < cost_[i]; ++at) {
                found += digit_count(line(i)[at] - factor * line(parent)[at]);
            }
            if (found + 1 >= cost_[i] || !admits(i, parent, found)) continue;
            cost_[i] = found + 1;
            made_.links[i] = by;
        }
    }

    const std::vector<std::int64_t>& lines_;
    std::vector<std::int64_t> cost_, digits_;
};

class Columns : public Tree {
  public:
    using Tree::Tree;

  private:
    bool admits(int, int parent, std::int64_t digits) override {
        return ternary_weight(made_.levels[parent]) + digits <= most_;
    }
    bool settled(int column) override {
        const int parent = made_.links[column].node;
        std::int64_t weight = parent < 0 ? 0 : ternary_weight(made_.levels[parent]);
        for (int at = 0; at < length_; ++at) weight += digit_count(left(column)[at]);
        made_.levels[column] = ternary_level(weight);
        return true;
    }
};

class Rows : public Tree {
  public:
    Rows(const std::vector<std::int64_t>& lines, int count, int length, int levels)
        : Tree(lines, count, length, levels), gathered_(count, 1), load_(length) {
        for (int i = 0; i < count; ++i) {
            for (int at = 0; at < length; ++at) load_[at] += digit_count(line(i)[at]);
        }
    }

  private:
    bool admits(int, int, std::int64_t) override { return true; }
    // The inputs up the tree get deeper, and with them what every column holds.
    bool settled(int row) override {
        if (made_.links[row].node < 0) return true;
        std::vector<std::int64_t> load = load_;
        for (int at = 0; at < length_; ++at) load[at] += digit_count(left(row)[at]) - digit_count(line(row)[at]);
        std::vector<std::pair<int, std::int64_t>> path;
        std::int64_t more = 1;
        for (int at = made_.links[row].node; at >= 0 && more > 0; at = made_.links[at].node) {
            const std::int64_t before = ternary_weight(made_.levels[at]);
            path.emplace_back(at, gathered_[at] + more);
            more = ternary_weight(ternary_level(path.back().second)) - before;
            for (int column = 0; column < length_; ++column) {
                load[column] += more * digit_count(left(at)[column]);
                if (load[column] > most_) return false;
            }
        }
        if (std::any_of(load.begin(), load.end(), [&](std::int64_t held) { return held > most_; })) return false;
        load_ = std::move(load);
        for (const auto& [at, weight] : path) {
            gathered_[at] = weight;
            made_.levels[at] = ternary_level(weight);
        }
        return true;
    }

    // What a row's input is summed up of, and what every column holds, both in places of a tree.
    std::vector<std::int64_t> gathered_, load_;
};

}  // namespace

Differences column_differences(const std::vector<std::int64_t>& lines, int count, int length, int levels) {
    return Columns(lines, count, length, levels).grown();
}

Differences row_differences(const std::vector<std::int64_t>& lines, int count, int length, int levels) {
    return Rows(lines, count, length, levels).grown();
}

}  // namespace bitwright
