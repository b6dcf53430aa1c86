#include "chain.hpp"

namespace bitwright {

namespace {

using Mask = std::uint64_t;

Mask bit(int place) { return place < 64 ? Mask{1} << place : 0; }

int lowest(Mask mask) {
    int place = 0;
    for (; !(mask & 1); mask >>= 1) ++place;
    return place;
}

int count_of(Mask mask) {
    int found = 0;
    for (; mask; mask &= mask - 1) ++found;
    return found;
}

// The columns that a summand holds, and what its missing sign leaves to be added.
struct Held {
    Mask present = 0, correction = 0;
};

Held held(const Summand& summand, bool wide, Mask full) {
    const Mask above = ~(bit(summand.shift) - (summand.shift < 64 ? 1 : 0));
    if (wide) return {full & (summand.shift < 64 ? above : 0), summand.flip ? bit(summand.shift) : 0};
    const Mask place = summand.shift < 64 ? (bit(summand.bits) - 1) << summand.shift : 0;
    const Mask top = bit(summand.shift + summand.bits - 1);
    if (summand.is_signed) return {place & full, summand.flip ? bit(summand.shift) - top : -top};
    return {place & full, summand.flip ? -place : 0};
}

// Where a k enters is where a carry would, were `makes` generated and `meets` propagated: one addition.
Mask carried(Mask makes, Mask meets) {
    const Mask passes = makes | meets;
    return (makes + passes) ^ makes ^ passes;
}

struct Meeting {
    Mask three = 0, two = 0, some = 0;
};

Placing placed(const Meeting& at, Mask total, int width, Mask full) {
    Placing best;
    int least = 65;
    const Mask begin = at.two | (at.some & total);
    const int first = begin ? lowest(begin) : width;
    for (Mask free = 0; free < 3; ++free) {
        if (free && first == width) break;  // no chain that anything could enter
        const Mask constant = (total - (first < 64 ? free << first : 0)) & full;
        if (constant & at.three) continue;
        const Mask meets = at.two | (at.some & constant);
        Mask makes = at.three | (at.two & constant);
        if (free == 2) makes |= meets & bit(first);
        const Mask saved = carried(makes, meets) & full;
        const Mask luts = at.two | (at.some & saved);
        if (count_of(luts) < least) {
            least = count_of(luts);
            best = {0, constant, free, static_cast<Mask>(first), saved, luts, 0};
        }
    }
    if (least < 65) return best;
    const Mask saved = carried(at.three, at.two) & full;
    const int alone = at.two ? lowest(at.two) : width;
    return {0, 0, 0, static_cast<Mask>(alone), saved, at.two | (at.some & saved), total};
}

}  // namespace

Placing plan_chain(const std::array<Summand, 3>& summands, int count, std::uint64_t constant, int width) {
    const Mask full = bit(width) - 1;
    Placing best;
    int least = -1, fewest = 0;
    for (unsigned choice = 0; choice < 1u << count; ++choice) {
        Meeting at;
        Mask total = constant, extended = 0;
        bool possible = true;
        for (int i = 0; i < count; ++i) {
            const bool wide = choice >> (count - 1 - i) & 1;  // the last summand's turn comes first
            possible &= !wide || summands[i].is_signed;
            const Held found = held(summands[i], wide, full);
            at = {at.three | (at.two & found.present), at.two | (at.some & found.present), at.some | found.present};
            total += found.correction;
            extended |= wide ? bit(i) : 0;
        }
        if (!possible) continue;
        Placing found = placed(at, total & full, width, full);
        found.extended = extended;
        const int carries = width - static_cast<int>(found.first) + (found.rest ? width - lowest(found.rest) : 0);
        const int price = 4 * count_of(found.luts) + carries * (found.rest ? 2 : 1);
        if (least < 0 || price < least || (price == least && carries < fewest)) {
            least = price;
            fewest = carries;
            best = found;
        }
    }
    return best;
}

}  // namespace bitwright
