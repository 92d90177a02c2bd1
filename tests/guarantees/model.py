"""Valid histories out of a small model, and one broken guarantee at a time.

The model is a log of writes, replicas that show a beginning of it, sessions with a position each,
and promotions that cut the log: whoever stands behind the cut is told write-lost with the next
call, unless a restart of the instance forgets one that is known by the user header alone. What it
writes down is what tests/guarantees/workload.py would.
"""

import random

KINDS = ("header", "token", "both", "token")
KEYS = ("a", "b", "c")


class Model:
    def __init__(self, seed, calls=300, sessions=6):
        self.random = random.Random(seed)
        self.log = []  # (key, version, value)
        self.clock = 0
        self.records = []
        self.position = [0] * sessions  # what each session has seen or written
        self.lost = set()
        self.promotions, self.restarts, self.returns = [], [], []
        self.values = 0
        self.linearizable = False
        for _ in range(calls):
            self.one(self.random.randrange(sessions))
            if self.random.random() < 0.02:
                self.promote()
            elif self.random.random() < 0.01:
                self.restart(self.random.randrange(2))
        for session in range(sessions):
            self.read(session, "a", "session")
            self.read(session, "a", "session")

    def state(self, position):
        return {key: [version, value] for key, version, value in self.log[:position]}

    def note(self, session, **record):
        self.clock += 2
        kind = KINDS[session % len(KINDS)]
        self.records.append({
            "session": session, "kind": kind, "user": f"u{session}" if kind != "token" else None,
            "instance": session % 2, "key": None, "value": None, "level": "session",
            "tokened": kind != "header", "keyed": False, "replayed": False, "status": 200,
            "code": None, "outcome": "ok", "start": self.clock - 1, "end": self.clock, **record})

    def told(self, session, op, **record):
        """Was something lost, and this call told it?"""
        if session not in self.lost:
            return False
        self.lost.discard(session)
        self.position[session] = len(self.log)
        self.note(session, op=op, status=409, code="write-lost", outcome="failed", **record)
        return True

    def one(self, session):
        key, dice = self.random.choice(KEYS), self.random.random()
        if dice < 0.4:
            self.write(session, key)
        elif dice < 0.5:
            self.values += 1
            self.note(session, op="write_and_raise", key=key, value=f"f{self.values}", status=422,
                      code="invalid-value", outcome="failed")
        elif dice < 0.8:
            self.read(session, key, "session")
        elif dice < 0.9:
            self.read(session, key, "strong")
        elif not self.told(session, "read_all"):
            at = self.replica(session, "session")
            self.note(session, op="read_all", seen=self.state(at))
            self.learn(session, at)

    def write(self, session, key):
        self.values += 1
        value = f"v{self.values}"
        if self.told(session, "write", key=key, value=value):
            return
        version = self.state(len(self.log)).get(key, [0])[0] + 1
        self.log.append((key, version, value))
        self.position[session] = len(self.log)
        self.note(session, op="write", key=key, value=value, seen={key: [version, value]})

    def replica(self, session, level):
        if level == "strong":
            return len(self.log)
        return self.random.randint(self.position[session], len(self.log))

    def learn(self, session, position):
        if KINDS[session % len(KINDS)] != "header":
            self.position[session] = max(self.position[session], position)

    def read(self, session, key, level):
        if self.told(session, "read", key=key, level=level):
            return
        at = self.replica(session, level)
        state = self.state(at)
        self.note(session, op="read", key=key, level=level,
                  seen={key: state[key]} if key in state else {})
        self.learn(session, at)

    def tick(self):
        self.clock += 2
        return self.clock

    def restart(self, instance):
        self.restarts.append((instance, self.tick()))
        for session in list(self.lost):
            if session % 2 == instance and KINDS[session % len(KINDS)] == "header":
                self.lost.discard(session)
                self.position[session] = len(self.log)

    def promote(self):
        self.promotions.append([self.tick()] * 2)
        cut = max(0, len(self.log) - self.random.randint(0, 3))
        self.lost |= {session for session, position in enumerate(self.position) if position > cut}
        del self.log[cut:]

    @property
    def final(self):
        return {"effects": list(self.log), "settled_ns": 0, "promotions": self.promotions,
                "returns": self.returns, "linearizable": self.linearizable}


# --- one broken guarantee each; False: this history gives no occasion ---------------------------

def told_between(model, session, first, last):
    return any(r["session"] == session and r["code"] == "write-lost" and
               first < r["end"] < last for r in model.records)


def pairs(model, first_op, second_op, kinds=("header", "token", "both")):
    """A call of a session and a later one on the same key, with nothing told in between."""
    for i, one in enumerate(model.records):
        if one["op"] != first_op or one["outcome"] != "ok" or one["kind"] not in kinds:
            continue
        for other in model.records[i + 1:]:
            if other["session"] == one["session"] and other["op"] == second_op and \
                    other["outcome"] == "ok" and other["key"] == one["key"] and \
                    one["seen"].get(one["key"]) and \
                    not told_between(model, one["session"], one["end"], other["end"]):
                yield one, other
                break


def own_write_unseen(model):
    for wrote, read in pairs(model, "write", "read"):
        read["seen"] = {}
        return wrote is not None
    return False


def read_goes_back(model):
    for first, second in pairs(model, "read", "read", ("token", "both")):
        version, _ = first["seen"][first["key"]]
        second["seen"] = {first["key"]: [version - 1, "older"]} if version > 1 else {}
        return True
    return False


def write_behind_a_write(model):
    for first, second in pairs(model, "write", "write", ("token", "both")):
        second["seen"][second["key"]][0] = first["seen"][first["key"]][0]
        return True
    return False


def write_behind_a_read(model):
    for first, second in pairs(model, "read", "write", ("token", "both")):
        second["seen"][second["key"]][0] = first["seen"][first["key"]][0]
        return True
    return False


def snapshot_without_its_causes(model):
    """A register is shown whose writer had seen another one further on than it is shown."""
    for wrote in model.records:
        if wrote["op"] != "write" or wrote["outcome"] != "ok" or wrote["kind"] == "header":
            continue
        if (wrote["key"], *wrote["seen"][wrote["key"]]) not in model.log:
            continue
        knew = {}
        for record in model.records:
            if record["end"] >= wrote["start"] or record["session"] != wrote["session"]:
                continue
            if record["code"] == "write-lost":
                knew = {}
            elif record["outcome"] == "ok":
                knew.update({k: v for k, v in record["seen"].items()
                             if k != wrote["key"] and v[0] > knew.get(k, [0])[0]})
        if knew:
            model.clock += 2
            model.records.append({**wrote, "session": 999, "kind": "both", "op": "read_all",
                                  "key": None, "value": None, "level": "eventual",
                                  "tokened": False, "start": model.clock - 1, "end": model.clock,
                                  "seen": {wrote["key"]: wrote["seen"][wrote["key"]]}})
            return True
    return False


def update_lost(model):
    for i, (key, version, value) in enumerate(model.log):
        if version > 1:
            model.log[i] = (key, version - 1, value)
            return True
    return False


def effect_doubled(model):
    if not model.log:
        return False
    key, _, value = model.log[-1]
    model.log.append((key, model.state(len(model.log))[key][0] + 1, value))
    return True


def failed_value_kept(model):
    for record in model.records:
        if record["op"] == "write_and_raise":
            version = model.state(len(model.log)).get(record["key"], [0])[0] + 1
            model.log.append((record["key"], version, record["value"]))
            return True
    return False


def failed_value_seen(model):
    failed = next((r for r in model.records if r["op"] == "write_and_raise"), None)
    for record in model.records:
        if failed and record["op"] == "read" and record["outcome"] == "ok" and \
                record["end"] > failed["end"]:
            record["seen"] = {record["key"]: [10**6, failed["value"]]}
            return True
    return False


def time_goes_back_and_on(model):
    for first, second in pairs(model, "read", "read", ("token", "both")):
        second["seen"] = {first["key"]: [first["seen"][first["key"]][0], "another past"]}
        return True
    return False


def acknowledged_and_gone(model):
    """The last write of a register, whose session was never told."""
    last = {key: value for key, _, value in model.log}
    for record in model.records:
        if record["op"] == "write" and record["outcome"] == "ok" and \
                last.get(record["key"]) == record["value"] and not any(
                    r["session"] == record["session"] and r["code"] == "write-lost" and
                    r["end"] > record["start"] for r in model.records):
            model.log.remove((record["key"], *record["seen"][record["key"]]))
            return True
    return False


def strong_read_stale(model):
    """Of one who knows nothing of the register: only the acknowledgement stands against it."""
    for record in model.records:
        if record["op"] == "write" and record["outcome"] == "ok" and \
                (record["key"], *record["seen"][record["key"]]) in model.log:
            model.clock += 2
            model.records.append({**record, "session": 999, "op": "read", "value": None,
                                  "level": "strong", "seen": {}, "tokened": False,
                                  "start": model.clock - 1, "end": model.clock})
            return True
    return False


def strong_read_goes_back_elsewhere(model):
    """A replica has shown it, to one who asked another instance; nobody had acknowledged it."""
    for record in model.records:
        if record["op"] == "write" and record["outcome"] == "ok" and \
                (record["key"], *record["seen"][record["key"]]) in model.log:
            shown = {**record, "op": "read", "value": None, "level": "strong", "role": "replica",
                     "tokened": False}
            model.records.remove(record)
            model.linearizable = True
            add(model, shown, session=998, instance=0)
            add(model, shown, session=999, instance=1, seen={})
            return True
    return False


def roaming_write_unseen(model):
    """Read at another instance than it was written at, without a token."""
    for record, effect in acknowledged(model):
        if effect in model.log:
            read = {**record, "kind": "roaming", "session": 999, "user": "u999", "tokened": False}
            add(model, read, key="z", value="w", seen={"z": [1, "w"]}, instance=0)
            add(model, read, op="read", key="z", value=None, seen={}, instance=1)
            model.log.append(("z", 1, "w"))
            return True
    return False


def acknowledged(model, kinds=("header", "token", "both")):
    """Each acknowledged write, and what is there in the end of what was written."""
    for record in model.records:
        if record["op"] == "write" and record["outcome"] == "ok" and record["kind"] in kinds:
            yield record, (record["key"], *record["seen"][record["key"]])


def add(model, like, **record):
    model.clock += 2
    model.records.append({**like, "start": model.clock - 1, "end": model.clock, **record})


def forgotten_before_it_was_lost(model):
    """The restart forgot it while the primary still had it: a later promotion is no excuse."""
    for record in model.records:
        if record["kind"] == "header":
            write = {**record, "op": "write", "key": "z", "value": "w", "outcome": "ok",
                     "code": None, "seen": {"z": [1, "w"]}}
            add(model, write)
            model.restarts.append((record["instance"], model.tick()))
            add(model, write, op="read", value=None, level="session", seen={})
            model.promotions.append([model.tick()] * 2)
            return True
    return False


def survived_but_gone_once_told(model):
    """What write-lost did not mean must be shown on."""
    for record, effect in acknowledged(model):
        if effect in model.log:
            add(model, record, op="read", value=None, outcome="failed", code="write-lost")
            add(model, record, op="read", value=None, level="session", seen={})
            return True
    return False


def lost_after_it_was_told_of_another(model):
    """The session is told of one loss, sees its later write, and loses that in silence."""
    for record, effect in acknowledged(model):
        if any(effect[0] == key and effect[1] < version for key, version, _ in model.log) or \
                effect not in model.log or any(
                    r["session"] == record["session"] and r["op"] == "write" and
                    r["key"] == effect[0] and r["end"] > record["end"] for r in model.records):
            continue
        add(model, record, op="read", value=None, outcome="failed", code="write-lost")
        add(model, record, op="read", value=None, level="session", seen={effect[0]: effect[1:]})
        add(model, record, op="read", value=None, key="nothing", level="session", seen={})
        model.log.remove(effect)
        return True
    return False


def lost_after_the_restart_that_showed_it(model):
    """The instance has restarted and shown the write since: its floor stands for it."""
    for record, effect in acknowledged(model, ("header",)):
        if effect in model.log and not any(effect[0] == key and effect[1] < version
                                           for key, version, _ in model.log):
            model.restarts.append((record["instance"], model.tick()))
            add(model, record, op="read", value=None, level="session",
                seen={effect[0]: effect[1:]})
            model.promotions.append([model.tick()] * 2)
            model.log.remove(effect)
            add(model, record, op="read", value=None, level="session", seen={})
            return True
    return False


def causes_missing_beside_a_lost_value(model):
    """A lost value in the snapshot excuses itself, not the others."""
    if not snapshot_without_its_causes(model):
        return False
    model.records[-1]["seen"]["elsewhere"] = [1, "lost"]
    return True


def kept_with_another_version(model):
    for record, effect in acknowledged(model):
        if effect in model.log:
            model.log.remove(effect)
            model.log.append((effect[0], effect[1] + 1000, effect[2]))
            return True
    return False


def crowd_kept_with_another_version(model):
    """Nobody is to be told there, and nothing was tried twice."""
    model.log.append(("z", 2, "w"))
    model.log.append(("z", 1, "v"))
    add(model, model.records[0], op="write", kind="crowd", key="z", value="w", outcome="ok",
        code=None, seen={"z": [1, "w"]})
    return True


def acknowledged_twice(model):
    for record, _ in acknowledged(model):
        add(model, record)
        return True
    return False


def answer_of_another_write(model):
    for record, _ in acknowledged(model):
        record["seen"] = {record["key"]: [record["seen"][record["key"]][0], "another's"]}
        return True
    return False


# --- what looks broken and is not ---------------------------------------------------------------

def redone_by_its_key(model):
    """Lost, and written again by its key: the same value at the same version, but later."""
    token = [record for record in model.records if record["kind"] == "token"]
    writer = [record for record in token if record["session"] != token[0]["session"]]
    if not writer:
        return False
    write = {**writer[0], "op": "write", "key": "z", "value": "w", "keyed": True, "seen": {}}
    read = {**token[0], "op": "read", "key": "z", "value": None, "level": "session",
            "tokened": True, "outcome": "ok", "code": None}
    add(model, write, outcome="unknown", code="outcome-unknown")
    add(model, read, seen={"z": [1, "w"]})
    add(model, read, seen={}, outcome="failed", code="write-lost")
    add(model, read, seen={})
    add(model, write, outcome="ok", code=None, seen={"z": [1, "w"]})
    model.log.append(("z", 1, "w"))
    return True


def taken_while_another_was_promoted(model):
    """The old primary took it, its instance restarted, and the new primary never had it."""
    for record in model.records:
        if record["kind"] == "header":
            write = {**record, "op": "write", "key": "z", "value": "w", "outcome": "ok",
                     "code": None, "seen": {"z": [1, "w"]}}
            model.promotions.append([model.tick(), 0])
            add(model, write)
            model.promotions[-1][1] = model.tick()
            model.restarts.append((record["instance"], model.tick()))
            add(model, write, op="read", value=None, level="session", seen={})
            return True
    return False


def lost_and_there_again(model):
    """Told lost while another primary led, and there again when that one was left."""
    for record, effect in acknowledged(model):
        if effect[0].startswith("shared") or effect != max(
                (e for e in model.log if e[0] == effect[0]), default=None, key=lambda e: e[1]):
            continue
        model.returns.append([0, model.tick()])
        add(model, record, op="read", value=None, outcome="failed", code="write-lost")
        add(model, record, op="read", value=None, level="session", seen={})
        return True
    return False


VALID = [redone_by_its_key, taken_while_another_was_promoted, lost_and_there_again]

BROKEN = [own_write_unseen, read_goes_back, write_behind_a_write, write_behind_a_read,
          snapshot_without_its_causes, update_lost, effect_doubled, failed_value_kept,
          failed_value_seen, time_goes_back_and_on, acknowledged_and_gone, strong_read_stale,
          forgotten_before_it_was_lost, survived_but_gone_once_told,
          lost_after_it_was_told_of_another, lost_after_the_restart_that_showed_it,
          causes_missing_beside_a_lost_value, kept_with_another_version,
          crowd_kept_with_another_version, acknowledged_twice, answer_of_another_write,
          strong_read_goes_back_elsewhere, roaming_write_unseen]
