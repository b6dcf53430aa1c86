"""Fewer lookup tables for the sums of an adder graph: what is shared is chosen anew for adders of three operands."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import combinations, groupby
from operator import itemgetter
from typing import NamedTuple

from bitwright.core.twin.sums import Sum, Sums, ordered, substituted
from bitwright.core.twin.ternary import Addend

__all__ = ["Regroup"]

_LONGEST = 400
_PAIRED = 128
_MET = 6
_EXISTING = 6
_MOST_USERS = 8
_WEIGHED = 6
_SETTLINGS = 400
_WORD = (1 << 64) - 1


class _Change(NamedTuple):
    node: int
    sum: Sum


class _Pattern(NamedTuple):
    sum: Sum
    users: list[int]
    score: int


class _Best(NamedTuple):
    saving: int
    existing: int
    pattern: Sum
    changes: list[_Change]


def _normal(pattern: list[Addend]) -> Sum:
    """Ordered, its least shift 0 and its first sign +1: the form in which patterns are compared."""
    pattern.sort()
    least = min(shift for _, shift, _ in pattern)
    first = pattern[0][2]
    return tuple((node, shift - least, sign * first) for node, shift, sign in pattern)


def _is_normal(addends: Sum) -> bool:
    return addends[0][2] > 0 and min(shift for _, shift, _ in addends) == 0


def _moved(pattern: Sum, by: int, times: int) -> list[Addend]:
    return [(node, shift + by, sign * times) for node, shift, sign in pattern]


def _of_node(addends: Sum, node: int) -> Sum:
    begin = bisect_left(addends, (node,))
    end = begin
    while end < len(addends) and addends[end][0] == node:
        end += 1
    return addends[begin:end]


def _replaced(addends: Sum, pattern: Sum, node: int) -> Sum:
    """`addends` with `node` in place of every occurrence of `pattern`, lowest first; empty if there is none."""
    head, head_shift, head_sign = pattern[0]
    rest = set(addends)
    made: list[Addend] = []
    for _, shift, sign in _of_node(addends, head):
        by, times = shift - head_shift, sign * head_sign
        if by < 0:
            continue
        moved = _moved(pattern, by, times)
        if rest.issuperset(moved):
            rest.difference_update(moved)
            made.append((node, by, times))
    return ordered([*rest, *made]) if made else ()


class _Random:
    """xorshift64* (Vigna, 2016)."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 0x9E3779B97F4A7C15 + 1) & _WORD

    def below(self, end: int) -> int:
        """An integer in [0, end)."""
        state = self._state
        state ^= state >> 12
        state ^= state << 25 & _WORD
        state ^= state >> 27
        self._state = state
        return ((state * 2685821657736338717 & _WORD) >> 33) % end


class Regroup:
    """Rewrites `sums`: the same functions at no greater levels."""

    def __init__(self, sums: Sums) -> None:
        self._sums = sums
        self._touched: list[int] = []
        self._checked: dict[int, int] = {}

    def _occurrences(self, node: int) -> int:
        sums = self._sums
        return sum(addend[0] == node for user in sums.users(node) for addend in sums.sum(user))

    def _without(self, node: int) -> list[_Change] | None:
        """The users of `node` with its addends in its place, unless one got too long or too deep."""
        sums = self._sums
        changes: list[_Change] = []
        for user in sums.users(node):
            made = substituted(sums.sum(user), node, sums.sum(node))
            if not 2 <= len(made) <= _LONGEST or not sums.fits(made, sums.level(user)):
                return None
            changes.append(_Change(user, made))
        return changes

    def _apply(self, changes: list[_Change]) -> None:
        for node, addends in changes:
            self._sums.change(node, addends)
            self._touched.append(node)

    def _is_inner(self, node: int) -> bool:
        sums = self._sums
        return node >= sums.inputs and sums.alive(node) and not sums.is_root(node)

    def _dissolve(self, node: int) -> bool:
        if not self._is_inner(node):
            return False
        changes = self._without(node)
        if changes is None:
            return False
        self._apply(changes)
        self._sums.remove(node)
        return True

    def cut(self, most: int) -> None:
        """Put every sum that occurs at most `most` times in place of its occurrences."""
        sums = self._sums
        for node in range(len(sums) - 1, sums.inputs - 1, -1):
            if sums.alive(node) and self._occurrences(node) <= most:
                self._dissolve(node)
        sums.commit()

    def _wasted(self, addend: Addend) -> tuple[int, int]:
        """Places of a tree that an addend takes and its own addends would not, and its level."""
        sums, node = self._sums, addend[0]
        if node < sums.inputs:
            return 0, sums.level(node)
        return 3 ** sums.level(node) - sum(3 ** sums.level(inner) for inner, _, _ in sums.sum(node)), sums.level(node)

    def keep_within(self, levels: int, deadlines: dict[int, int]) -> bool:
        """Dissolve what makes a sum deeper than `levels`, or its own level in `deadlines`, first what wastes most.

        Sums that only outputs read may then take all levels. False where a sum is too deep even if nothing is shared.
        """
        sums = self._sums
        for node in range(sums.inputs, len(sums)):
            if not sums.alive(node):
                continue
            while sums.earliest(addends := sums.sum(node)) > deadlines.get(node, levels):
                worst = max(addends, key=self._wasted)[0]
                if worst < sums.inputs:
                    return False
                sums.change(node, substituted(addends, worst, sums.sum(worst)))
            sums.relax(node, sums.earliest(addends))
        for node in range(len(sums) - 1, sums.inputs - 1, -1):
            if not sums.alive(node) or sums.users(node):
                continue
            if sums.is_root(node):
                sums.relax(node, levels)
            else:
                sums.remove(node)
        sums.commit()
        return True

    def _dissolve_where_cheaper(self, nodes: list[int]) -> None:
        sums = self._sums
        for node in sorted(set(nodes)):
            if not self._is_inner(node):
                continue
            users = sums.users(node)
            if len(users) > _MOST_USERS or not self._changed_since_checked(node):
                continue
            if any(len(sums.sum(user)) > _PAIRED for user in users):
                continue  # what a long sum would cost is dear to know, and it gains little
            changes = self._without(node)
            if changes is None:
                continue
            difference = -sums.cost(node)
            for user, made in changes:
                difference += sums.cost_of(made, sums.level(user), sums.is_root(user)) - sums.cost(user)
            if difference > 0 or (difference == 0 and len(users) > 1):
                continue
            self._apply(changes)
            sums.remove(node)

    def _changed_since_checked(self, node: int) -> bool:
        sums = self._sums
        latest = max(sums.version(node), *(sums.version(user) for user in sums.users(node)), 0)
        if self._checked.get(node, 0) > latest:
            return False
        self._checked[node] = sums.clock + 1
        return True

    def _weigh(self, pattern: Sum, existing: int, users: list[int], within: int, best: _Best) -> _Best:
        """The better one of `best` and `pattern` where it occurs in `users`, as a new or as the `existing` sum."""
        sums = self._sums
        saving, node = 0, existing
        if existing < 0:
            sums.imagine(pattern)
            saving, node = -sums.cost_of(pattern, sums.earliest(pattern), False), sums.next()
        changes: list[_Change] = []
        for user in users:
            if user == node:
                continue
            made = _replaced(sums.sum(user), pattern, node)
            if len(made) < 2 or not sums.fits(made, sums.level(user)):
                continue
            saved = sums.cost(user) - sums.cost_of(made, sums.level(user), sums.is_root(user))
            if saved > 0 or user == within:
                saving += saved
                changes.append(_Change(user, made))
        return _Best(saving, existing, pattern, changes) if saving > best.saving else best

    def _consider_existing(self, node: int, best: _Best) -> _Best:
        """Sums that there are already and whose addends are all among those of `node`."""
        sums = self._sums
        addends = sums.sum(node)
        met = Counter(user for addend in addends for user in sums.users(addend[0]))
        for user in sorted(met):
            known = sums.sum(user)
            if user == node or len(known) >= len(addends) or len(known) > _EXISTING:
                continue
            # Levels rise along every edge: a sum that is ready before `node` cannot depend on it.
            if met[user] < len(known) or sums.level(user) >= sums.level(node) or not _is_normal(known):
                continue
            best = self._weigh(known, user, [node], node, best)
        return best

    def _meetings(self, node: int) -> list[tuple[int, int, int, int]]:
        """(user, offset, sign, i): addend i of `node` occurs in `user`, shifted by `offset` and times `sign`."""
        sums = self._sums
        met: list[tuple[int, int, int, int]] = []
        for i, (inner, shift, sign) in enumerate(sums.sum(node)):
            for user in sums.users(inner):
                for _, other_shift, other_sign in _of_node(sums.sum(user), inner):
                    offset, times = other_shift - shift, other_sign * sign
                    # With itself every meeting is seen from both sides.
                    if user != node or offset > 0 or (offset == 0 and times < 0):
                        met.append((user, offset, times, i))
        return sorted(met)

    def _shared(self, node: int) -> list[tuple[tuple[int, ...], int]]:
        """Up to six addends of `node`, by position, that occur in another sum, and that sum, ordered."""
        shared: list[tuple[tuple[int, ...], int]] = []
        for (user, _, _), group in groupby(self._meetings(node), itemgetter(0, 1, 2)):
            met = [i for _, _, _, i in group][:_MET]
            shared += [(pair, user) for pair in combinations(met, 2)]
            shared += [(triple, user) for triple in combinations(met, 3)]
            if len(met) > 3:
                shared.append((tuple(met), user))
        return sorted(shared)

    def _patterns_of(self, node: int) -> list[_Pattern]:
        """Expressions that `node` has in common with another sum, or twice, most promising first."""
        addends = self._sums.sum(node)
        found: list[_Pattern] = []
        for places, group in groupby(self._shared(node), itemgetter(0)):
            users = [user for _, user in group]
            if len(places) > 2 or len(users) > 1:
                pattern = tuple(addends[i] for i in places)
                found.append(_Pattern(pattern, sorted({*users, node}), (len(places) - 1) * len(users)))
        found.sort(key=lambda pattern: -pattern.score)
        return [pattern._replace(sum=_normal([*pattern.sum])) for pattern in found[:_WEIGHED]]

    def _share_within(self, node: int) -> bool:
        """Make the best expression that `node` shares with others, or with itself, a sum of its own."""
        sums = self._sums
        if not 2 <= len(sums.sum(node)) <= _PAIRED:
            return False
        best = self._consider_existing(node, _Best(0, -1, (), []))
        for pattern, users, _ in self._patterns_of(node):
            best = self._weigh(pattern, -1, users, node, best)
        if best.saving <= 0:
            return False
        if best.existing < 0:
            self._touched.append(sums.add(best.pattern, sums.earliest(best.pattern), False))
        self._apply(best.changes)
        return True

    def _settle_around(self, work: list[int]) -> None:
        sums = self._sums
        for _ in range(_SETTLINGS):
            if not work:
                return
            node = work.pop()
            if not sums.alive(node):
                continue
            self._touched = []
            while self._share_within(node):
                pass
            near = [*self._touched, node]
            near += [addend[0] for changed in (*self._touched, node) for addend in sums.sum(changed)]
            self._dissolve_where_cheaper(near)
            for changed in self._touched:
                if sums.alive(changed) and changed != node and changed not in work:
                    work.append(changed)

    def settle(self) -> None:
        """Share and dissolve around every sum until nothing saves a bit."""
        sums = self._sums
        for node in [node for node in range(sums.inputs, len(sums)) if sums.alive(node)]:
            self._settle_around([node])
        sums.commit()

    def _random_sum(self, random: _Random) -> int:
        sums = self._sums
        count = len(sums) - sums.inputs
        while not sums.alive(node := sums.inputs + random.below(count)):
            pass
        return node

    def _perturb(self, random: _Random) -> None:
        """Dissolve a sum, or up to three of the sums that one consists of."""
        sums = self._sums
        node = self._random_sum(random)
        for _ in range(1 + random.below(3)):
            inner = [addend[0] for addend in sums.sum(node)]
            inner = [other for other in inner if other >= sums.inputs and not sums.is_root(other)]
            if not sums.is_root(node):
                inner.append(node)
            if not inner:
                return
            chosen = inner[random.below(len(inner))]
            if not self._dissolve(chosen) or chosen == node:
                return

    def search(self, steps: int, seed: int) -> None:
        """Random dissolving and sharing anew, kept where it costs no more. The same `seed` takes the same steps."""
        sums = self._sums
        # Sums that outputs need stay alive; where inputs cancel there may be none.
        if not any(sums.alive(node) for node in range(sums.inputs, len(sums))):
            return
        random = _Random(seed)
        for _ in range(steps):
            before = sums.total
            self._touched = []
            self._perturb(random)
            self._settle_around(sorted(set(self._touched)))
            if sums.total <= before:
                sums.commit()
            else:
                sums.roll_back()
