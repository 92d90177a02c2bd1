"""What a row of the bench found, and how it is printed."""

import statistics


class Side:
    """One of the things compared: how it was run, and the figure of each run."""

    def __init__(self, name, command, unit):
        self.name = name
        self.command = command
        self.unit = unit
        self.values = []

    @property
    def median(self):
        return statistics.median(self.values)

    def text(self):
        return (f"{number(self.median)} [{number(min(self.values))} … {number(max(self.values))}]"
                f" {self.unit}")

    def document(self):
        return {"name": self.name, "command": self.command, "unit": self.unit,
                "median": self.median, "min": min(self.values), "max": max(self.values),
                "values": self.values}


class Check:
    """One figure, and what is demanded of it: (">=", 1.5), ("<=", 5), or nothing."""

    def __init__(self, what, value, unit="", demanded=None):
        self.what = what
        self.value = value
        self.unit = unit
        self.demanded = demanded

    @property
    def holds(self):
        if self.demanded is None:
            return None
        relation, limit = self.demanded
        return self.value >= limit if relation == ">=" else self.value <= limit

    def document(self):
        return {"what": self.what, "value": self.value, "unit": self.unit,
                "demanded": self.demanded, "holds": self.holds}


class Result:
    """A row: its sides, its checks, and remarks; or why it did not run."""

    def __init__(self, name, title):
        self.name = name
        self.title = title
        self.sides = []
        self.checks = []
        self.remarks = []
        self.not_run = None

    def side(self, name, command, unit="/s"):
        self.sides.append(Side(name, " ".join(str(part) for part in command), unit))
        return self.sides[-1]

    def check(self, what, value, unit="", demanded=None):
        self.checks.append(Check(what, value, unit, demanded))

    @property
    def failed(self):
        return any(check.holds is False for check in self.checks)

    def document(self):
        return {"row": self.name, "title": self.title, "not_run": self.not_run,
                "sides": [side.document() for side in self.sides if side.values],
                "checks": [check.document() for check in self.checks], "remarks": self.remarks}


def number(value):
    """Three digits that count, whole numbers from 100 on."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def lines_of(result):
    """Rows of four cells: row, what, figure, demanded and whether it holds."""
    if result.not_run:
        yield result.name, "not run", result.not_run, ""
        return
    for side in result.sides:
        if side.values:
            yield result.name, side.name, side.text(), ""
    for check in result.checks:
        told = ""
        if check.demanded:
            relation, limit = check.demanded
            told = f"{relation} {number(limit)}: {'yes' if check.holds else 'NO'}"
        yield result.name, check.what, f"{number(check.value)} {check.unit}".rstrip(), told


def render(results):
    """One Markdown table, then every command line and remark."""
    cells = [("row", "what", "median [min … max]", "demanded")]
    cells += [line for result in results for line in lines_of(result)]
    widths = [max(len(line[i]) for line in cells) for i in range(4)]
    cells.insert(1, tuple("-" * width for width in widths))
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
            for line in cells]
    for result in results:
        text += ["", f"{result.name}: {result.title}"]
        text += [f"  {side.name}: {side.command}" for side in result.sides]
        text += [f"  {remark}" for remark in result.remarks]
    return "\n".join(text)
