"""A soak as a picture: a small chart for each measure, with the faults behind it. An SVG file.

All charts share the same time; each has a scale of its own, which begins at zero.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

from tests.faults import chaos
from tests.faults.soak_run import Soak
from tests.faults.soak_samples import Points

COLUMNS = 4
# Of a chart, in units of the drawing, with what is written around it.
WIDTH, HEIGHT = 196, 84
LEFT, ABOVE, RIGHT, BELOW = 40, 26, 12, 26
HEAD, MARGIN = 44, 10
# A point is the p95 of so long.
WINDOW_SECONDS = 15.0
STYLE = """
text { font: 11px system-ui, sans-serif; fill: #444 } .title { font-weight: 600; fill: #111 }
.head { font-size: 14px; font-weight: 600; fill: #111 } .grid { stroke: #ddd }
.line { fill: none; stroke: #1f5fa8; stroke-width: 1.4; stroke-linejoin: round }
.rough { fill: #b9770e }
.kill { fill: #d9534f; opacity: .28 }
.fault { fill: #e8b34b; opacity: .28 }
"""


@dataclass(frozen=True)
class Chart:
    """One measure. lines: one for each life of a process; rough: what was so during a fault."""

    title: str
    unit: str
    lines: Sequence[Points]
    rough: Points


def draw(found: Soak, roles: Sequence[str], kinds: Sequence[str]) -> str:
    """Return the picture of a soak.

    Args:
        roles: the processes that are shown.
        kinds: the requests that are shown.
    """
    charts = [
        *(_of_process(found, role, "memory", "MB") for role in roles),
        *(_of_process(found, role, "handles", "") for role in roles),
        *(_of_latency(found, kind) for kind in kinds),
        Chart("the same work, beside it: p95", "ms", [_windows(found, found.yardstick)], []),
        *(Chart(f"size of {name}", "MB", [points], []) for name, points in found.files.items()),
    ]
    rows = -(-len(charts) // COLUMNS)
    width = 2 * MARGIN + COLUMNS * (LEFT + WIDTH + RIGHT)
    height = HEAD + rows * (ABOVE + HEIGHT + BELOW) + MARGIN
    minutes = (found.ends - found.begins) / 60
    head = f"{minutes:.0f} minutes under load: {len(found.troubles)} faults"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{head}; memory, handles and latency over time</title><style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text class="head" x="{MARGIN}" y="24">{head}</text>',
        *_legend(width),
    ]
    for number, chart in enumerate(charts):
        row, column = divmod(number, COLUMNS)
        x = MARGIN + column * (LEFT + WIDTH + RIGHT) + LEFT
        y = HEAD + row * (ABOVE + HEIGHT + BELOW) + ABOVE
        parts += [f'<g transform="translate({x} {y})">', *_chart(found, chart), "</g>"]
    return "\n".join([*parts, "</svg>\n"])


def _of_process(found: Soak, role: str, measure: str, unit: str) -> Chart:
    lines = [life.series[measure] for life in found.lives if life.role == role]
    return Chart(f"{role}: {measure}", unit, lines, [])


def _of_latency(found: Soak, kind: str) -> Chart:
    calm, rough = (
        [(answer.at, answer.seconds) for answer in found.answers_of(kind, calm=calm)]
        for calm in (True, False)
    )
    return Chart(f"{kind}: p95", "ms", [_windows(found, calm)], _windows(found, rough))


def _windows(found: Soak, times: Points) -> Points:
    """Return the p95 of each window in milliseconds, at its middle.

    Args:
        times: when something began, and how many seconds it took.
    """
    windows: dict[int, list[float]] = {}
    for at, seconds in times:
        windows.setdefault(int((at - found.begins) / WINDOW_SECONDS), []).append(seconds * 1_000)
    return [
        (found.begins + (window + 0.5) * WINDOW_SECONDS, chaos.p95(found_ms))
        for window, found_ms in windows.items()
    ]


def _legend(width: int) -> Iterator[str]:
    told = {
        "kill": "a process was killed",
        "fault": "another fault",
        "rough": "p95 during faults; at the edge: more",
    }
    x = width - 560
    for name, words in told.items():
        yield f'<rect class="{name}" x="{x}" y="15" width="8" height="10"/>'
        yield f'<text x="{x + 13}" y="24">{words}</text>'
        x += 50 + 6 * len(words)


def _chart(found: Soak, chart: Chart) -> Iterator[str]:
    top = _round_up(max((value for line in chart.lines for _, value in line), default=1.0))
    minutes = (found.ends - found.begins) / 60

    def across(at: float) -> float:
        return round((at - found.begins) / (found.ends - found.begins) * WIDTH, 1)

    def down(value: float) -> float:
        return round(HEIGHT - min(value, top) / top * HEIGHT, 1)

    yield f'<text class="title" x="0" y="-8">{escape(chart.title)}</text>'
    for trouble in found.troubles:
        kind = "kill" if trouble.name.startswith("kill") else "fault"
        x, right = across(trouble.begins), across(trouble.ends)
        yield f'<rect class="{kind}" x="{x}" width="{right - x:.1f}" height="{HEIGHT}"/>'
    for share in (0, 1):
        y = HEIGHT * (1 - share)
        unit = f" {chart.unit}" if share and chart.unit else ""
        yield f'<path class="grid" d="M0 {y}H{WIDTH}"/>'
        yield f'<text x="-4" y="{y + 4}" text-anchor="end">{share * top:g}{unit}</text>'
    for share, anchor in ((0, "start"), (1, "end")):
        label = f"{minutes:.0f} min" if share else "0"
        yield f'<text x="{share * WIDTH}" y="{HEIGHT + 14}" text-anchor="{anchor}">{label}</text>'
    for line in chart.lines:
        places = " ".join(f"{across(at)},{down(value)}" for at, value in line)
        yield f'<polyline class="line" points="{places}"/>'
    for at, value in chart.rough:
        yield f'<circle class="rough" cx="{across(at)}" cy="{down(value)}" r="1.6"/>'


def _round_up(value: float) -> float:
    """Return the next number above that is told in few digits."""
    step = 10.0 ** floor(log10(value or 1.0)) / 2
    return (value // step + 1) * step
