"""Status over TCP, against a bare asyncio socket server that sends the same bytes."""

from functools import partial

from benchmarks.figures import contest, goal, judge, percentile_ms, report, take_round
from benchmarks.lines import REQUEST, SocketLine, exchange
from benchmarks.processes import bare, pumpsim

ROUNDS = 25
EXCHANGES = 500


def main() -> None:
    """Measure and print."""
    with pumpsim("--tcp", "127.0.0.1:0") as served:
        ours = SocketLine(served.uri("tcp"))
        reply = exchange(ours)
        with bare("tcp", REQUEST.hex(), reply.hex()) as (_, address):
            limit = SocketLine(address)
            result = contest(
                partial(take_round, partial(exchange, ours)),
                partial(take_round, partial(exchange, limit)),
                ROUNDS,
                EXCHANGES,
            )
    print(f"TCP on loopback: {len(REQUEST)} bytes out, {len(reply)} in")
    report("status", result)
    judge(result, 0.6)
    goal("p99", percentile_ms(result.ours, 99), 1.0, " ms")


if __name__ == "__main__":
    main()
