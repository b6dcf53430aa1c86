"""`plan_offload`: networks on the engine with weights in external memory, planned from the shapes of their layers.

Compute cycles are those of the engine's own walks (`passes.engine`). Two buffers of weights take turns: while one part
of a layer computes, the next part's weights come in; feature maps go out and back while nothing computes, as the
program does it. Area is `cost.engines`'s. Nothing here is simulated or synthesized.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import ceil

from bitwright.core.errors import InvalidValue, Unsupported
from bitwright.cost.actors.logic import kernel_area
from bitwright.cost.area import Area
from bitwright.cost.engines import EngineSizes, engine_parts
from bitwright.ir.engine import External, Machine, Place
from bitwright.ir.graph import Graph
from bitwright.ir.netlist import Word
from bitwright.passes.engine.draft import Draft
from bitwright.passes.engine.machine import post_of
from bitwright.passes.engine.shapes import Kind, LayerShape, drafts_from_shapes, shapes_of
from bitwright.passes.engine.walks import first_fit
from bitwright.passes.streaming.dots import dot, signs
from bitwright.platforms import Device, Fabric

__all__ = ["OffloadLayer", "OffloadPlan", "offload_lanes", "plan_offload"]

OVERHEAD_CYCLES = 16
"""Of an instruction beside its steps, where nobody tells: fetch, decode, drain. A scheduled program has its own."""
_FACTOR_BITS = 16
"""Assumed of `mul` in the last step, and beyond the total of `add`."""


@dataclass(frozen=True, slots=True)
class OffloadLayer:
    """One instruction: the cycles it computes in all its `parts`, the cycles that its weights and feature maps take
    on the bus, bits moved a frame, and the words of weights (lanes x lanes each) that it has.
    """

    name: str
    compute_cycles: int
    load_cycles: int
    load_bits: int
    parts: int
    weight_words: int
    spilled: bool = False


@dataclass(frozen=True, slots=True)
class OffloadPlan:
    """A network on the engine, planned.

    initiation_cycles: from frame to frame. buffer_words: of each of the two weight buffers (0: all weights stay on the
    chip). weight_bits, feature_bits: of memories on the chip; largest_pair_bits: what the two largest layers that
    follow each other would ask for unsplit. area: predicted as `cost.engines` does, which is calibrated on engines.
    shares: of what can be used of the device. larger: what kept the next larger unit out ("" if nothing).
    """

    network: str
    device: str
    clock_mhz: float
    lanes: int
    bandwidth_gb_s: float
    layers: tuple[OffloadLayer, ...]
    initiation_cycles: int
    buffer_words: int
    weight_bits: int
    feature_bits: int
    largest_pair_bits: int
    area: Area
    shares: dict[str, float]
    larger: str = ""

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.clock_mhz * 1e6 / self.initiation_cycles

    @property
    def compute_cycles(self) -> int:
        """What a frame takes where memory never keeps it waiting."""
        return sum(layer.compute_cycles for layer in self.layers)

    @property
    def load_cycles(self) -> int:
        """What a frame takes on the bus."""
        return sum(layer.load_cycles for layer in self.layers)

    @property
    def waiting(self) -> float:
        """The share of cycles in which the unit waits for the bus."""
        return 1 - self.compute_cycles / self.initiation_cycles

    @property
    def bound(self) -> str:
        """What most cycles go to: "memory" where the unit waits for the bus in more than half of them, or "compute"."""
        return "memory" if self.waiting > 0.5 else "compute"


@dataclass
class _Machine:
    """An engine of so many lanes: its instructions and what its parts take."""

    layers: Sequence[LayerShape]
    lanes: int
    device: Device
    spilled: frozenset[int] = frozenset()
    drafts: list[Draft] = field(default_factory=list[Draft])

    def __post_init__(self) -> None:
        self.drafts = self.drafts or drafts_from_shapes(self.layers, self.lanes)

    @property
    def stored_bits(self) -> int:
        """Bits of a weight in memory: one width for all layers, two at least where zeros are among them.

        They are where channels come in groups, and in the identity, by which sums of pools and pairs go.
        """
        whole = all(n.groups == 1 and n.kind is not Kind.PAIR for n in self.layers)
        sums = any(n.kind is Kind.POOL and n.bits > self.layers[n.args[0]].bits for n in self.layers)
        return max(1 if whole and not sums else 2, *(n.weight_bits for n in self.layers))

    @property
    def weight_width(self) -> int:
        """Bits of a word of weights."""
        return self.lanes**2 * self.stored_bits

    @property
    def feature_bits(self) -> int:
        """Of an element of feature memory."""
        return max(n.bits for n in self.layers[:-1])

    def blocks(self, at: int) -> tuple[int, int]:
        """Blocks of outputs of a layer, and words of weights of each."""
        walk = self.drafts[at].walk
        if walk is None or not self.layers[at].weights:
            return 0, 0
        return walk.loops[2].extent, walk.gathered

    def words(self, at: int) -> int:
        """Words of weights of a layer."""
        blocks, each = self.blocks(at)
        return blocks * each

    def steps(self, at: int) -> int:
        """As `ir.engine.steps` counts them."""
        draft = self.drafts[at]
        return draft.words if draft.walk is None else draft.walk.steps

    def features(self, place: Place = Place.FEATURES) -> int:
        """Words of a memory of features; of a map that lies outside, the rows that windows over it show."""
        kept = [self._rows(at) if at in self.spilled else d for at, d in enumerate(self.drafts)]
        return max((r.end for r in first_fit(kept) if r.place is place), default=0)

    def _rows(self, at: int) -> Draft:
        draft = self.drafts[at]
        views = [n.view for n in self.layers if at in n.args]
        rows = max(((v.kernel[0] - 1) * v.dilation[0] + 1 + v.strides[0] for v in views), default=1)
        return replace(draft, shape=(min(rows, draft.shape[0]), *draft.shape[1:]))

    def map_bits(self, at: int) -> int:
        """Bits of a feature map on the bus: whole words."""
        return self.drafts[at].words * self.lanes * self.feature_bits

    def area(self, buffer_words: int, buffers: int) -> Area:
        """As `cost.engines` predicts it: of a machine with the words that these layers ask for."""
        result = max(n.bits for n in self.layers) + 1
        fan_in = max((n.weights // n.channels for n in self.layers if n.weights), default=1)
        total = fan_in.bit_length() + self.stored_bits + self.feature_bits
        built = next((n for n in _BUILT if n <= self.lanes), self.lanes)
        bits = (self.stored_bits, self.feature_bits, total, result)
        machine, (products, last) = _machine(built, *bits, self.device.fabric)
        words, field = max(buffer_words, 2) * buffers, 2 + max(self.features(), buffer_words * buffers).bit_length()
        machine = replace(
            machine, features=max(self.features(), 2), results=max(self.features(Place.RESULTS), 2),
            external=External(512) if buffers > 1 else None, buffered=words, lanes=self.lanes,
        )  # fmt: skip
        sizes = EngineSizes(
            machine, field, 2 * len(self.drafts), sum(d.depth for d in self.drafts), words,
            self.drafts[-1].lanes * self.layers[-1].bits, self.lanes, spills=bool(self.spilled),
        )  # fmt: skip
        parts = engine_parts(sizes, self.device.fabric, (products.times(self.lanes / built), last))
        return Area.total(parts.values())


_BUILT = (32, 16, 8)
"""Lanes of the sums of products that are built for a price; what lies between is in proportion."""


@lru_cache(maxsize=512)
def _machine(
    lanes: int, weight_bits: int, feature_bits: int, total: int, result: int, fabric: Fabric
) -> tuple[Machine, tuple[Area, Area]]:
    """A machine with factors of `_FACTOR_BITS`, its memories still to be told; and what its kernels take."""

    def signed(bits: int) -> Word:
        return Word(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)

    # Two bits hold -1, 0 and 1; one holds -1 and 1.
    weight = {1: Word(0, 1), 2: Word(-1, 1)}.get(weight_bits) or signed(weight_bits)
    feature, add = Word(0, (1 << feature_bits) - 1), signed(total + _FACTOR_BITS)
    ranges = {"total": signed(total), "mul": signed(_FACTOR_BITS), "add": add}
    last = post_of({**ranges, "low": signed(result), "high": signed(result)}, _FACTOR_BITS, False, (), fabric)
    products = signs((feature,) * lanes, fabric) if weight_bits == 1 else dot((feature,) * lanes, weight, fabric)
    made = Machine(
        lanes, feature, weight, signed(total), signed(_FACTOR_BITS), add, signed(result), _FACTOR_BITS, 2, 2,
        products, last, signs=weight_bits == 1,
    )  # fmt: skip
    return made, (kernel_area(products, fabric), kernel_area(last, fabric))


def plan_offload(
    network: Graph | Sequence[LayerShape],
    device: Device,
    lanes: int,
    clock_mhz: float,
    bandwidth_gb_s: float,
    *,
    name: str = "",
    overhead_cycles: int = OVERHEAD_CYCLES,
    infrastructure: Area | None = None,
) -> OffloadPlan:
    """The plan of `network` on an engine of `lanes` x `lanes` products.

    Weights stay on the chip if all fit, else they come in layer by layer, double buffered, in as large parts as fit:
    blocks of outputs, never less than one. Feature maps that do not fit go out and come back, the largest first, read
    once for every part. bandwidth_gb_s: what the network really gets of its memory, in 10^9 bytes a second.
    Raises `Unsupported` where it does not fit, naming the resource.
    """
    if lanes < 1 or clock_mhz <= 0 or bandwidth_gb_s <= 0:
        raise InvalidValue(f"{lanes} lanes, {clock_mhz} MHz, {bandwidth_gb_s} GB/s", remedy="give positive numbers")
    layers = shapes_of(network) if isinstance(network, Graph) else tuple(network)
    title = name or (network.name if isinstance(network, Graph) else "network")
    machine, buffer, area = _fitted(_Machine(layers, lanes, device), title, infrastructure or Area())
    rows, initiation = _timed(machine, buffer, overhead_cycles, bandwidth_gb_s * 8e3 / clock_mhz)
    words = [machine.words(at) for at in range(len(layers))]
    weighted = [n for n in words if n]
    pair = max((a + b for a, b in zip(weighted, [*weighted[1:], 0], strict=True)), default=0)
    kept = 2 * buffer or sum(words)
    return OffloadPlan(
        title, device.name, clock_mhz, lanes, bandwidth_gb_s, rows, initiation, buffer,
        kept * machine.weight_width, machine.features() * lanes * machine.feature_bits, pair * machine.weight_width,
        area, _shares(area, device),
    )  # fmt: skip


def offload_lanes(
    network: Graph | Sequence[LayerShape],
    device: Device,
    clock_mhz: float,
    bandwidth_gb_s: float,
    *,
    lanes: Sequence[int] = (*range(1, 64), *range(64, 513, 8)),
    name: str = "",
    infrastructure: Area | None = None,
) -> OffloadPlan:
    """The fastest of the plans with any of `lanes` that fit (of equally fast ones the smallest).

    More lanes need not be faster: what counts is how channels fill words; nor need a unit that is larger than one which
    does not fit be too large, so the search ends behind so many misfits in a row. `larger` says why there is no
    larger one.
    """
    layers = shapes_of(network) if isinstance(network, Graph) else tuple(network)
    title = name or (network.name if isinstance(network, Graph) else "network")
    plans: list[OffloadPlan] = []
    last: Unsupported | None = None
    misfits: list[str] = []
    for count in sorted(lanes):
        try:
            plan = plan_offload(
                layers, device, count, clock_mhz, bandwidth_gb_s, name=title, infrastructure=infrastructure
            )
        except Unsupported as error:
            misfits.append(f"{count} lanes: {error.why}")
            if len(misfits) == _MISFITS:
                break
            last = error
            continue
        plans.append(plan)
        misfits.clear()
    if not plans:
        raise last or InvalidValue("no lanes", where=title, remedy="name one number at least")
    best = min(plans, key=lambda p: (p.initiation_cycles, p.lanes))
    return replace(best, larger=misfits[0] if misfits else "")


_MISFITS = 8
"""Numbers of lanes in a row that do not fit, after which none larger is tried."""


def _fitted(machine: _Machine, title: str, shell: Area) -> tuple[_Machine, int, Area]:
    """What stays on the chip: (machine, words of a buffer or 0, area); first all, then less and less."""
    words = [machine.words(at) for at in range(len(machine.layers))]
    area = machine.area(sum(words), 1) + shell
    if not _over(area, machine.device):
        return machine, 0, area
    least = max((machine.blocks(at)[1] for at in range(len(words))), default=0)
    order = sorted(range(len(words) - 1), key=lambda at: -machine.drafts[at].words)
    for count in range(len(order) + 1):
        tried = replace(machine, spilled=frozenset(order[:count]))
        if _over(tried.area(least, 2) + shell, machine.device):
            continue
        sizes = [max(words)]
        while sizes[-1] > least:
            sizes.append(max(least, sizes[-1] // 2))
        for size in sizes:
            area = tried.area(size, 2) + shell
            if not _over(area, machine.device):
                return tried, size, area
    area = replace(machine, spilled=frozenset(order)).area(least, 2) + shell
    shares = _shares(area, machine.device)
    worst = max(shares, key=lambda n: shares[n])
    raise Unsupported(
        f"an engine of {machine.lanes} lanes on {machine.device.name}", where=title,
        why=f"it takes {shares[worst]:.2f} times the {worst} at least", remedy="fewer lanes, or a larger device",
    )  # fmt: skip


def _shares(area: Area, device: Device) -> dict[str, float]:
    usable = device.usable
    room = {"luts": usable.luts, "ffs": usable.ffs, "dsps": usable.dsps}
    room["bram18s"] = int(device.bram18s * device.ceilings.brams)
    return {name: getattr(area, name) / most for name, most in room.items() if most > 0}


def _over(area: Area, device: Device) -> bool:
    return any(share > 1 for share in _shares(area, device).values())


@dataclass
class _Slot:
    """From one part's weights to the next: feature maps move, it computes, and meanwhile the next weights come in."""

    weights: float = 0.0
    compute: int = 0
    maps: float = 0.0


def _timed(machine: _Machine, buffer: int, overhead: int, bits_a_cycle: float) -> tuple[tuple[OffloadLayer, ...], int]:
    """Rows, and cycles from frame to frame: in each slot whichever takes longer, computing or the bus."""
    rows: list[OffloadLayer] = []
    slots: list[_Slot] = [_Slot()]
    for at, layer in enumerate(machine.layers):
        blocks, each = machine.blocks(at)
        parts = -(-blocks // (buffer // each)) if buffer and blocks else 1
        compute = machine.steps(at) + parts * overhead
        weights = blocks * each * machine.weight_width if buffer else 0
        maps = machine.map_bits(at) if at in machine.spilled else 0
        maps += sum(parts * machine.map_bits(a) for a in layer.args if a in machine.spilled)
        if weights:
            slots += [_Slot(weights / parts) for _ in range(parts)]
        for slot in slots[-parts:] if weights else slots[-1:]:
            slot.compute += compute // parts if weights else compute
            slot.maps += maps / parts if weights else maps
        slots[-1].compute += compute % parts if weights else 0
        loads = ceil((weights + maps) / bits_a_cycle)
        rows.append(
            OffloadLayer(layer.name, compute, loads, weights + maps, parts, blocks * each, at in machine.spilled)
        )
    store = machine.drafts[-1].words + overhead
    slots[-1].compute += store
    rows.append(OffloadLayer(f"{machine.layers[-1].name}_store", store, 0, 0, 1, 0))
    return tuple(rows), _frame(slots, bits_a_cycle)


def _frame(slots: list[_Slot], bits_a_cycle: float) -> int:
    """Frames follow each other: what comes before the first weights belongs to the last slot of the frame before."""
    first, *others = slots
    if others:
        others[-1].compute += first.compute
        others[-1].maps += first.maps
    else:
        others = [first]
    following = [*others[1:], others[0]]
    return sum(
        max(slot.compute + ceil(slot.maps / bits_a_cycle), ceil((slot.maps + after.weights) / bits_a_cycle))
        for slot, after in zip(others, following, strict=True)
    )
