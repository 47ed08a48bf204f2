"""Status over a pty without pacing, against a bare asyncio pty that sends the same bytes."""

from functools import partial

from benchmarks.figures import contest, goal, judge, percentile_ms, report, take_round
from benchmarks.lines import REQUEST, SerialLine, exchange
from benchmarks.processes import bare, pumpsim

ROUNDS = 25
EXCHANGES = 500


def main() -> None:
    """Measure and print."""
    with pumpsim("--serial", "pty") as served:
        ours = SerialLine(served.uri("serial").removeprefix("serial://"))
        reply = exchange(ours)
        with bare("pty", REQUEST.hex(), reply.hex()) as (_, path):
            limit = SerialLine(path)
            result = contest(
                partial(take_round, partial(exchange, ours)),
                partial(take_round, partial(exchange, limit)),
                ROUNDS,
                EXCHANGES,
            )
    print(f"pty, unpaced, pyserial client: {len(REQUEST)} bytes out, {len(reply)} in")
    report("status", result)
    judge(result, 0.6)
    goal("p99", percentile_ms(result.ours, 99), 1.0, " ms")


if __name__ == "__main__":
    main()
