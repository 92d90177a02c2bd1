"""Who loses what under overload: the less urgent, one of ten users, reads whose replicas stopped.

Each scenario has two cases, without and with what disturbs, that differ in nothing else: those who
are watched ask as much in both. Every role has a generator of its own, all of one start.
"""

import contextlib

from offered import Generator, figures, medians

CALM = 0.8           # of capacity: no overload yet
COMMANDS_PER_S = 200
USERS, HEAVY_TIMES = 10, 10


class Case:
    """What is offered at once: {role: arguments of loadgen}; meanwhile() happens under it."""

    def __init__(self, name, roles, meanwhile=None):
        self.name = name
        self.roles = roles
        self.meanwhile = meanwhile

    def line(self, role):
        words = [f"'{word}'" if " " in str(word) else str(word) for word in self.roles[role]]
        return " ".join(["loadgen --to …", *words])

    def measure(self, service, given, run):
        """{role: figures}. Each has a plan of its own: of one seed they would ask in step."""
        connections = given.connections // len(self.roles)
        with contextlib.ExitStack() as stack:
            generators = {
                role: stack.enter_context(Generator(
                    service.address, given, *arguments, "--connections", connections, "--seed",
                    1 + number + run * len(self.roles)))
                for number, (role, arguments) in enumerate(self.roles.items())}
            if self.meanwhile:
                next(iter(generators.values())).wait(given.warmup)
                self.meanwhile()
            return {role: figures(one.result()) for role, one in generators.items()}


class Scenario:
    """Two cases; watched: the role whose loss is told."""

    def __init__(self, title, watched, cases, options=None):
        self.title = title
        self.watched = watched
        self.calm, self.disturbed = cases
        self.options = options or {}


def rate(ground, times):
    return ["--rate", f"{times * ground.capacity:.1f}"]


def priority(ground):
    others = [*ground.work.reads(), *rate(ground, CALM)]
    later = [*ground.work.reads("_later"), *rate(ground, CALM)]
    return Scenario(
        f"others at {CALM:g} ×, beside as much of priority 7, against alone", "others",
        [Case("alone", {"others": others}),
         Case("beside", {"others": others, "priority 7": later})])


def tenant(ground):
    """The tenth user asks as often as each of the others, then ten times as often."""
    each = CALM / USERS
    nine = [*ground.work.reads(users=USERS - 1), *rate(ground, (USERS - 1) * each)]
    tenth = [*ground.work.reads(users=0), "--header", "X-User-Id: the-tenth"]
    return Scenario(
        f"nine of ten users, {CALM:g} × in all, when the tenth asks {HEAVY_TIMES} times as often",
        "nine users",
        [Case("all alike", {"nine users": nine, "the tenth": [*tenth, *rate(ground, each)]}),
         Case("one heavy", {"nine users": nine,
                            "the tenth": [*tenth, *rate(ground, HEAVY_TIMES * each)]})])


def spill(ground):
    replicas = ground.stage.cluster.replicas
    roles = {"commands": ["--post", '/v1/commands/add_row {"n":{1-1000000},"note":"a note"}',
                          "--rate", COMMANDS_PER_S, "--schedule", "constant"],
             "reads": [*ground.work.reads(), *rate(ground, 2)]}

    def stop_replicas():
        for replica in replicas:
            replica.sigstop()
    return Scenario(
        f"{COMMANDS_PER_S} commands/s beside reads at 2 ×, when both replicas stop (SIGSTOP)",
        "commands",
        [Case("before", roles), Case("replicas stopped", roles, stop_replicas)],
        {"replica": [replica.conninfo for replica in replicas]})


SCENARIOS = {"priority": priority, "tenant": tenant, "spill": spill}


def run_case(ground, scenario, side, case, run):
    """On a service of its own: what happened in one case is nothing to the next."""
    service = ground.serve(side, **scenario.options)
    try:
        return case.measure(service, ground.given, run)
    finally:
        ground.stage.cluster.restore()
        ground.stage.stop(service)


def tell(result, scenario, side, found):
    """What those who are watched lose. found: {case: [{role: figures}]}."""
    calm, disturbed = (
        medians([run[scenario.watched] for run in found[case.name]])
        for case in (scenario.calm, scenario.disturbed))
    result.check(f"{side}: {scenario.watched} lose",
                 100 * (1 - disturbed["good_per_s"] / (calm["good_per_s"] or 1)), "%")
    result.check(f"{side}: p99 of {scenario.watched}, {scenario.disturbed.name} / "
                 f"{scenario.calm.name}",
                 (disturbed["admitted_p99_ms"] or 0) / (calm["admitted_p99_ms"] or 1), "×")


def run_scenario(ground, name, result):
    """Lines of the table: (what, side, figures of each run)."""
    scenario = SCENARIOS[name](ground)
    result.title = scenario.title
    cases = (scenario.calm, scenario.disturbed)
    found = {side: {case.name: [] for case in cases} for side in ground.sides}
    for run in range(ground.given.runs):
        for case in cases:
            for side in ground.sides:
                ground.say(f"{name}, run {run + 1}: {side}, {case.name}")
                found[side][case.name].append(run_case(ground, scenario, side, case, run))
    for side in ground.sides:
        tell(result, scenario, side, found[side])
    result.remarks += [f"{case.name}: {role}: {case.line(role)}"
                       for case in cases for role in case.roles]
    return [(f"{name}, {case.name}: {role}", side, [run[role] for run in found[side][case.name]])
            for case in cases for role in case.roles for side in ground.sides]
