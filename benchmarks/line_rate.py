"""Status over a pty at 115,200 baud, against what ten bits a byte allow."""

from statistics import median

from benchmarks.figures import NS_PER_S, figure, goal, take_round
from benchmarks.lines import REQUEST, SerialLine, exchange
from benchmarks.processes import pumpsim

BAUD = 115_200
BYTES_PER_S = BAUD / 10
ROUNDS = 5
EXCHANGES = 100
AHEAD = 4
"""Requests on their way at once, so that the line from the pump is never idle."""
SATURATED_S = 2.0


def one_by_one(line: SerialLine) -> float:
    """The time that both frames take on the line, in parts of the time an exchange took."""
    sizes: list[int] = []
    taken = take_round(lambda: sizes.append(len(exchange(line))), EXCHANGES)
    on_line_s = (sum(sizes) + EXCHANGES * len(REQUEST)) / BYTES_PER_S
    return on_line_s * NS_PER_S / sum(taken.durations_ns)


def saturated(line: SerialLine) -> float:
    """Bytes that arrived while requests were kept waiting, in parts of what the line can carry."""
    for _ in range(AHEAD):
        line.write(REQUEST)
    sizes: list[int] = []

    def reply_and_next() -> None:
        sizes.append(len(line.read_frame()))
        line.write(REQUEST)

    for _ in range(AHEAD):  # the line has filled up
        reply_and_next()
    sizes.clear()
    taken = take_round(reply_and_next, EXCHANGES)
    for _ in range(AHEAD):
        line.read_frame()
    return sum(sizes) * NS_PER_S / sum(taken.durations_ns) / BYTES_PER_S


def main() -> None:
    """Measure and print."""
    with pumpsim("--serial", "pty", "--baud", str(BAUD)) as served:
        line = SerialLine(served.uri("serial").removeprefix("serial://"))
        rounds = [(one_by_one(line), saturated(line)) for _ in range(ROUNDS)]
    print(f"pty at {BAUD} baud, pyserial client; 1 is the line rate, {BYTES_PER_S:.0f} bytes/s")
    goal("request and reply in turn", median(r[0] for r in rounds), 0.9, at_least=True)
    goal("replies back to back", median(r[1] for r in rounds), 0.9, at_least=True)
    figure("fastest round (above 1 would be dishonest)", max(max(r) for r in rounds))


if __name__ == "__main__":
    main()
