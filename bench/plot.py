"""Two panels of lines as SVG, by hand: for light and dark pages, and for the colour-blind."""

import html
import math

WIDTH, HEIGHT = 860, 400
LEFT, TOP, PANEL, GAP, BOTTOM = 64, 84, 340, 92, 336
STYLE = """
  text { font: 12px sans-serif; fill: #24292f } .title { font-size: 14px; font-weight: bold }
  .page { fill: #ffffff } .grid { stroke: #d0d7de } .axis { stroke: #57606a }
  .ideal { stroke: #57606a; stroke-dasharray: 2 4; fill: none; stroke-width: 1.5 }
  .line { fill: none; stroke-width: 2 } .two { stroke-dasharray: 7 4 }
  .one.line { stroke: #0550ae } .one.mark { fill: #0550ae }
  .two.line { stroke: #bc4c00 } .two.mark { fill: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .page { fill: #0d1117 } .grid { stroke: #30363d }
    .axis, .ideal { stroke: #8b949e }
    .one.line { stroke: #58a6ff } .one.mark { fill: #58a6ff }
    .two.line { stroke: #f0883e } .two.mark { fill: #f0883e }
  }
"""
CLASSES = ("one", "two")


class Axis:
    """From values to places; ticks are values."""

    def __init__(self, least, most, begin, end, log=False):
        self.scale = math.log10 if log else float
        self.least, self.most = self.scale(least), self.scale(most)
        self.begin, self.end = begin, end

    def at(self, value):
        share = (self.scale(value) - self.least) / (self.most - self.least)
        return self.begin + share * (self.end - self.begin)


def round_up(value):
    """To 1, 2 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)


def linear_ticks(most):
    step = round_up(most / 6)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def log_ticks(values):
    least = math.floor(math.log10(min(values)))
    most = max(math.ceil(math.log10(max(values))), least + 1)
    return [10 ** power for power in range(least, most + 1)]


def text(x, y, words, anchor="middle", kind="", turn=False):
    turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turn else ""
    kind = f' class="{kind}"' if kind else ""
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}{turned}>'
            f"{html.escape(words)}</text>")


def stroke(kind, x1, y1, x2, y2):
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def mark(number, x, y):
    """A circle, or a square: series differ in shape, too."""
    if number == 0:
        return f'<circle class="one mark" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    return f'<rect class="two mark" x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7"/>'


def path(kind, points):
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{places}"/>'


def panel(left, title, x_label, y_label, x, y, y_ticks):
    """Frame, grid and words of one panel."""
    x_ticks = linear_ticks(x.most)
    drawn = [text(left + PANEL / 2, TOP - 12, title, kind="title")]
    for tick in y_ticks:
        drawn += [stroke("grid", left, y.at(tick), left + PANEL, y.at(tick)),
                  text(left - 8, y.at(tick) + 4, f"{tick:g}", "end")]
    for tick in (tick for tick in x_ticks if tick <= x.most):
        drawn += [stroke("axis", x.at(tick), BOTTOM, x.at(tick), BOTTOM + 5),
                  text(x.at(tick), BOTTOM + 20, f"{tick:g}")]
    drawn += [stroke("axis", left, BOTTOM, left + PANEL, BOTTOM),
              stroke("axis", left, TOP, left, BOTTOM),
              text(left + PANEL / 2, BOTTOM + 40, x_label),
              text(left - 46, (TOP + BOTTOM) / 2, y_label, turn=True)]
    return drawn


def lines(series, x, y):
    drawn = []
    for number, points in enumerate(series.values()):
        places = [(x.at(at), y.at(value)) for at, value in points if value is not None]
        drawn.append(path(f"{CLASSES[number]} line", places))
        drawn += [mark(number, *place) for place in places]
    return drawn


def legend(names, ideal):
    """One row above the panels."""
    drawn, left = [], LEFT
    for number, name in enumerate(names):
        drawn += [path(f"{CLASSES[number]} line", [(left, 42), (left + 36, 42)]),
                  mark(number, left + 18, 42), text(left + 44, 46, name, "start")]
        left += 70 + 6.4 * len(name)
    return drawn + [path("ideal", [(left, 42), (left + 36, 42)]),
                    text(left + 44, 46, ideal, "start")]


def overload(heading, capacity, goodput, latency):
    """goodput, latency: {series: [(multiple of capacity, value or None)]}, two series each."""
    most_x = max(at for points in goodput.values() for at, _ in points)
    x_label = f"offered load, × capacity ({capacity:.0f}/s)"
    rates = linear_ticks(max(capacity, *(value for points in goodput.values()
                                         for _, value in points)) * 1.05)
    times = log_ticks([value for points in latency.values() for _, value in points if value])
    right = LEFT + PANEL + GAP
    x_left, x_right = (Axis(0, most_x, left, left + PANEL) for left in (LEFT, right))
    y_left = Axis(0, rates[-1], BOTTOM, TOP)
    y_right = Axis(times[0], times[-1], BOTTOM, TOP, log=True)
    edge = min(1.0, most_x)
    drawn = [f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
             text(LEFT, 22, heading, "start"), *legend(goodput, "all that the nodes can do"),
             *panel(LEFT, "Goodput", x_label, "good answers a second", x_left, y_left, rates),
             path("ideal", [(x_left.at(0), y_left.at(0)),
                            (x_left.at(edge), y_left.at(edge * capacity)),
                            (x_left.at(most_x), y_left.at(edge * capacity))]),
             *lines(goodput, x_left, y_left),
             *panel(right, "p99 of what was admitted", x_label, "milliseconds", x_right, y_right,
                    times),
             *lines(latency, x_right, y_right)]
    told = html.escape(heading)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{told}">\n'
            f"<title>{told}</title>\n<style>{STYLE}</style>\n" + "\n".join(drawn) + "\n</svg>\n")
