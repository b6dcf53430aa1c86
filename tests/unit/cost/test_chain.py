"""The carry chain computes the sum that it was planned for, and needs a LUT only where two signals meet."""

from __future__ import annotations

import random
from itertools import product

from bitwright.cost.chain import Chain, chain_of, chain_price
from bitwright.ir.netlist import Word, infer
from bitwright.ir.netlist.ops import Sum


def on_the_chain(chain: Chain, codes: list[int]) -> int:
    """The sum modulo 2**width, column by column as the cells compute it; LUTs are counted as they are met."""
    out, carry, saved, luts = 0, int(chain.free > 0), int(chain.free == 2), 0
    for column in range(chain.width):
        bits: list[int] = []
        for operand, code in zip(chain.operands, codes, strict=True):
            if operand.present >> column & 1:
                bits.append((code >> (column - operand.shift) & 1) ^ (operand.inverted >> column & 1))
        given = chain.constant >> column & 1
        if column < chain.first:
            assert len(bits) + given <= 1, "bits meet below the chain"
            out |= (sum(bits) + given) << column
            continue
        enters = chain.saved >> column & 1 or (column == chain.first and chain.free == 2)
        k = saved if enters else 0
        assert len(bits) + given <= 3
        luts += len(bits) + (chain.saved >> column & 1) >= 2
        parity = (sum(bits) + given) & 1
        majority = int(sum(bits) + given >= 2)
        leaves = column + 1 < chain.width and chain.saved >> (column + 1) & 1
        # Without a k to hand on, the carry cell itself takes one of the two bits.
        into = k if leaves or enters else [*bits, given][0]
        select = parity ^ k
        out |= (select ^ carry) << column
        carry = carry if select else into
        saved = majority
    assert luts == chain.lut_count
    return (out + chain.rest) & ((1 << chain.width) - 1)


def random_sum(rng: random.Random) -> tuple[Sum, list[Word]]:
    count = rng.choice((1, 2, 2, 3, 3, 3))
    words: list[Word] = []
    for _ in range(count):
        low = rng.choice((0, 0, -1, -3, -8, 2))
        words.append(Word(low, low + rng.randint(1, 12)))
    shifts = [rng.choice((0, 0, 1, 2, 4, 5)) for _ in words]
    signs = tuple(rng.choice((1, 1, -1)) for _ in words)
    return Sum(tuple(shifts), signs, rng.choice((0, 0, 1, 2, -1, 5, 24, -17, rng.randint(-99, 99)))), words


def test_every_chain_computes_its_sum() -> None:
    rng = random.Random(5)
    rests = frees = 0
    for _ in range(300):
        op, words = random_sum(rng)
        out = infer(op, words)
        chain = chain_of(op, out, words)
        rests += chain.rest != 0
        frees += chain.free != 0
        samples = [{w.low, w.high, *(rng.randint(w.low, w.high) for _ in range(4))} for w in words]
        for codes in product(*samples):
            terms = zip(codes, op.shifts, op.signs, strict=True)
            value = sum(sign * (code << shift) for code, shift, sign in terms) + op.constant
            assert out.low <= value <= out.high
            assert on_the_chain(chain, list(codes)) == value & ((1 << out.width) - 1), (op, words, chain)
    assert min(rests, frees) > 0, "the sample should hold sums with a second chain and with free constants"


def test_a_price_is_that_of_the_chain_without_the_columns_below_the_sum() -> None:
    rng = random.Random(8)
    rests = lowered = 0
    for _ in range(2000):
        op, words = random_sum(rng)
        terms = sorted((shift, i, -sign) for i, (shift, sign) in enumerate(zip(op.shifts, op.signs, strict=True)))
        least = min(terms[0][0], (op.constant & -op.constant).bit_length() - 1 if op.constant else 99)
        shifts, signs = [t[0] - least for t in terms], [-t[2] for t in terms]
        moved, args = Sum(tuple(shifts), tuple(signs), op.constant >> least), [words[t[1]] for t in terms]
        chain, out = chain_of(moved, infer(moved, args), args), infer(op, words)
        shapes = [(word.width, word.signed) for word in args]
        price, rest = chain_price(terms, op.constant, out.low, out.high, shapes)
        assert (price, rest) == (4 * chain.lut_count + chain.carry_bits, chain.rest)
        rests, lowered = rests + (rest != 0), lowered + (least > 0)
    assert min(rests, lowered) > 0


def test_signs_are_not_extended_where_a_constant_can_take_them() -> None:
    byte = Word(-128, 127)
    op = Sum((0, 6), (1, 1), 128 + (128 << 6))
    chain = chain_of(op, infer(op, [byte, byte]), [byte, byte])
    assert chain.constant == chain.free == chain.rest == 0
    assert chain.lut_count == 2, "two columns hold two bits; the others pass through the carry cells"


def test_two_negations_are_free() -> None:
    words = [Word(0, 15)] * 3
    op = Sum((0, 0, 0), (1, -1, -1))
    chain = chain_of(op, infer(op, words), words)
    assert chain.rest == 0
    assert chain.lut_count == 4, "the columns of the operands and nothing above them"


def test_a_constant_is_free_beside_two_operands() -> None:
    words = [Word(0, 255)] * 2
    plain, biased = Sum((0, 0), (1, 1)), Sum((0, 0), (1, 1), 77)
    luts = [chain_of(op, infer(op, words), words).lut_count for op in (plain, biased)]
    assert luts[1] - luts[0] <= 1
