"""What every benchmark does alike: interleaved rounds, medians, percentiles, goals."""

import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import NamedTuple

NS_PER_S = 1_000_000_000


class Round(NamedTuple):
    """Exchanges of one round, one after the other."""

    durations_ns: list[int]

    @property
    def per_s(self) -> float:
        """Exchanges a second."""
        return len(self.durations_ns) * NS_PER_S / sum(self.durations_ns)


class Contest(NamedTuple):
    """Rounds of the thing measured and of its limit, pairwise next to each other in time."""

    ours: list[Round]
    limit: list[Round]

    def ratio(self) -> float:
        """Median over the pairs of rounds: what disturbs one pair disturbs both of it."""
        pairs = zip(self.ours, self.limit, strict=True)
        return median(ours.per_s / limit.per_s for ours, limit in pairs)

    def ratio_of_medians(self) -> float:
        """The same of the median exchange: what else runs on the machine shows less."""
        pairs = zip(self.ours, self.limit, strict=True)
        return median(median(b.durations_ns) / median(a.durations_ns) for a, b in pairs)


def take_round(exchange: Callable[[], object], count: int) -> Round:
    """Time so many exchanges, each by itself."""
    durations_ns = []
    clock = time.perf_counter_ns
    for _ in range(count):
        start_ns = clock()
        exchange()
        durations_ns.append(clock() - start_ns)
    return Round(durations_ns)


def contest(
    ours: Callable[[int], Round], limit: Callable[[int], Round], rounds: int, count: int
) -> Contest:
    """Alternate rounds of `count` exchanges, after a pair to warm up."""
    ours(count), limit(count)
    pairs = [(ours(count), limit(count)) for _ in range(rounds)]
    return Contest(*map(list, zip(*pairs, strict=True)))


async def contest_async(
    ours: Callable[[int], Awaitable[Round]],
    limit: Callable[[int], Awaitable[Round]],
    rounds: int,
    count: int,
) -> Contest:
    """The same for coroutines."""
    await ours(count), await limit(count)
    pairs = [(await ours(count), await limit(count)) for _ in range(rounds)]
    return Contest(*map(list, zip(*pairs, strict=True)))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that is not below `percent` of all."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


def percentile_ms(rounds: list[Round], percent: float) -> float:
    """The median over the rounds of each round's percentile, in ms."""
    return median(percentile(one.durations_ns, percent) for one in rounds) / 1e6


def goal(what: str, value: float, bound: float, unit: str = "", *, at_least: bool = False) -> None:
    """Print a figure beside its goal; the bound is never loosened, a miss says by how much."""
    met = value >= bound if at_least else value <= bound
    sign = "≥" if at_least else "≤"
    missed_by = f"MISSED by {abs(value / bound - 1):.0%}"
    verdict = "met" if met else missed_by
    print(f"  {what:<44} {value:10.3f}{unit:<4} goal {sign} {bound:g}{unit}: {verdict}")


def figure(what: str, value: float, unit: str = "") -> None:
    """Print a figure that has no goal."""
    print(f"  {what:<44} {value:10.3f}{unit}")


def report(name: str, result: Contest) -> None:
    """Print rates and latencies of a contest."""
    for who, rounds in (("pumpsim", result.ours), ("bare", result.limit)):
        rate = median(one.per_s for one in rounds)
        figure(f"{name}, {who}", rate, " /s")
        p50, p99 = percentile_ms(rounds, 50), percentile_ms(rounds, 99)
        print(f"  {'':<44} p50 {p50:.3f} ms   p99 {p99:.3f} ms")


def judge(result: Contest, bound: float) -> None:
    """Both ratios beside the goal: waits that both sides share flatter the ratio of the rates."""
    goal("ratio of the rates", result.ratio(), bound, at_least=True)
    goal("ratio of the median exchanges", result.ratio_of_medians(), bound, at_least=True)
