# SPDX-License-Identifier: Apache-2.0
"""The program as tests/tidy sees it whole: its rooms, what each file defines, and who uses whom.

A file here is a .c with its .h, named without the suffix: "pg/pool". Functions are found by how
clang-format lays them out: a name at the end of what stands in the first column, then a line {.
"""

import collections
import dataclasses
import re

FUNCTION = re.compile(
    r"^(?P<head>(?!typedef\b|return\b|else\b)[A-Za-z_][\w \t*]*?[ *])(?P<name>\w+)\([^;{}]*?\)"
    r"[\w \t()]*\n\{", re.M)
# What other files can name as well: tables of functions, texts of statements.
OBJECT = re.compile(
    r"^(?!static\b|extern\b|typedef\b|return\b)[A-Za-z_][\w \t*]*?[ *](?P<name>\w+)"
    r"(?:\[[^\]\n]*\])*(?:,[^;={}()]*)? ?=", re.M)
STRUCT = re.compile(r"^(?:struct|union) (?P<name>\w+)\s*\{", re.M)
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
# No name of a member, which another file's function may happen to have.
USE = re.compile(r"(?<![\w.])(?<!->)[A-Za-z_]\w*")


@dataclasses.dataclass
class Unit:
    """A .c with its .h."""

    name: str
    room: str
    first: object = None                 # the file that messages name
    includes: dict = dataclasses.field(default_factory=dict)    # unit -> (file, line)
    calls: dict = dataclasses.field(default_factory=dict)
    defines: set = dataclasses.field(default_factory=set)       # what others can name


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def room_of(name):
    return name.rpartition("/")[0]


def program_files(files, rooms):
    return [file for file in files if file.is_c and room_of(file.name) in rooms]


def functions(file):
    """Yields (name, line, is static) of each function that the file defines."""
    code = "\n".join(file.code)
    for found in FUNCTION.finditer(code):
        yield found["name"], line_of(code, found.start("name")), "static" in found["head"].split()


def struct_bodies(file):
    """Yields (tag, line, body) of each struct and union with a tag in the first column."""
    code = "\n".join(file.code)
    for found in STRUCT.finditer(code):
        depth = 0
        for at in range(found.end() - 1, len(code)):
            depth += (code[at] == "{") - (code[at] == "}")
            if depth == 0:
                yield found["name"], line_of(code, found.start()), code[found.end():at]
                break


def bools(body):
    """How many members are a bool or a single bit."""
    count = 0
    for kind, names in re.findall(r"\b(bool|atomic_bool|unsigned|uint\w+_t)\s+([^;{}()]+);", body):
        for name in names.split(","):
            bit = re.search(r":\s*1\s*$", name)
            count += bool(bit) or (kind.endswith("bool") and "*" not in name and "[" not in name)
    return count


def units(files, rooms):
    """All units of the program, with who includes and who calls whom."""
    found = {}
    for file in program_files(files, rooms):
        name = file.name.rpartition(".")[0]
        unit = found.setdefault(name, Unit(name, room_of(file.name)))
        if unit.first is None or file.name.endswith(".c"):
            unit.first = file
        if file.name.endswith(".c"):
            unit.defines |= {name for name, _, static in functions(file) if not static}
            unit.defines |= {match["name"] for match in OBJECT.finditer("\n".join(file.code))}
    owner = collections.defaultdict(set)
    for unit in found.values():
        for name in unit.defines:
            owner[name].add(unit.name)
    for file in program_files(files, rooms):
        unit = found[file.name.rpartition(".")[0]]
        for number, _, header in file.includes():
            other, _, suffix = header.rpartition(".")
            # A table (.def) belongs to whoever includes it.
            if suffix == "h" and other in found and other != unit.name:
                unit.includes.setdefault(other, (file.name, number))
        if not file.name.endswith(".c"):
            continue
        own = {name for name, _, _ in functions(file)}
        for number, line in enumerate(file.code, 1):
            for name in USE.findall(line):
                others = owner.get(name, ())
                if len(others) == 1 and unit.name not in others and name not in own:
                    unit.calls.setdefault(next(iter(others)), (file.name, number))
    return found


def knots(found):
    """The sets of units that reach each other, of two at least (Tarjan, without recursion)."""
    index, low, on_stack, stack, result = {}, {}, set(), [], []
    edges = {name: [*unit.includes, *unit.calls] for name, unit in found.items()}
    for root in sorted(edges):
        if root in index:
            continue
        work = [(root, iter(edges[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            name, rest = work[-1]
            for other in rest:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(edges[other])))
                    break
                if other in on_stack:
                    low[name] = min(low[name], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    knot = set()
                    while name not in knot:
                        knot.add(stack.pop())
                    on_stack -= knot
                    if len(knot) > 1:
                        result.append(frozenset(knot))
    return result
