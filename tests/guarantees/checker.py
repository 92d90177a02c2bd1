"""Were the guarantees kept? One pass over the records of a run, and the final state.

What a session may expect is a map key -> (version, value): the newest it was told of. Versions of a
register are counted by PostgreSQL under its row lock, so on one history they order all writes of
it. A session with tokens expects, per register, never to see less than it has seen or written (read
your writes, monotonic reads) and never another value at a version it knows (time travel: the
register went back and on again on another timeline). What it writes lies behind what it has seen
(monotonic writes, writes follow reads). A session with the user header alone expects its own
acknowledged writes. `write-lost` is how a failover is told: from then on the session expects what
the surviving primary still has of it, no more. So a loss that nobody was told of shows as a read
that goes back, and nothing about promotions has to be known here to find it; when they were only
narrows what a restart of cqrsd excuses.

A roaming session has the user header alone and goes to any instance. The instance that took a write
tells of its loss; another one shows what there is. While two primaries live, an instance that has
not met the new one asks the old one: nothing in such a request tells of the other.

Strong reads that replicas answer are linearizable ("linearizable" of the final state): on any
instance they show what was acknowledged before, and what an earlier one has shown.

Across sessions: a value carries what its writer had seen when it was sent. A snapshot of all
registers that holds the value must hold that too (writes follow reads, as others see them).

At the end: each value has at most one row of effect, those of failed commands none, every
acknowledged one is there unless its session was told; versions of a register are counted without a
gap or a double (no lost update).

Unknown outcomes (no answer, outcome-unknown) may take effect at any later moment or never: they
raise no expectation, and their value may be seen.
"""

import bisect

# A strong read on another instance than the write may ask a primary that was replaced a moment
# ago; only positions could tell, which is what tokens are for.

HEADER_ONLY = ("header", "roaming")
CROWD = "crowd"  # another user with each call: nothing to expect, nobody to tell twice


class Checker:
    def __init__(self, records, final, restarts=()):
        """final: {"effects": [(key, version, value)]} of the surviving primary, read when all is
        healed; "settled_ns", "promotions", of each when it began and when the one before it
        took no more writes, and "returns", of each since when what a primary took may have been
        lost for as long as another one led, and when it led again. restarts: (instance, ns) of each
        start of an instance after the first: the sessions table is empty then, and who lost a write
        before is forgotten with it."""
        self.records = sorted(records, key=lambda record: record["end"])
        self.final = final
        self.restarts = sorted(restarts, key=lambda restart: restart[1])
        self.violations = []
        self.expects = {}   # session -> {key: (version, value)}
        self.keeps = {}     # the same, of what survives: what write-lost leaves to be expected
        self.shown = {}     # (session, value) -> ns: last call that had to show it, and did
        self.behind = {}    # value -> {key: version} its writer had seen
        self.failed = {}    # value -> record, while certainly without effect
        self.acked = {}     # value -> record
        self.strong = {}    # (instance, key) -> [(end, greatest version to be shown)]
        self.told = {}      # session -> when it was told write-lost, ns
        self.surviving = {value: (key, version) for key, version, value in final["effects"]}
        self.tried = {}     # value -> start of the last attempt to write it
        for record in records:
            if record["value"] is not None:
                self.tried[record["value"]] = max(record["start"],
                                                  self.tried.get(record["value"], 0))

    def blame(self, record, text):
        self.violations.append({"what": text, "record": record})

    def run(self):
        self._classify()
        for record in self.records:
            if record["code"] == "write-lost":
                self.expects[record["session"]] = dict(self.keeps.get(record["session"], {}))
                self.told.setdefault(record["session"], []).append(record["end"])
            elif record["outcome"] != "ok":
                continue
            elif record["op"] == "write":
                self._wrote(record)
            else:
                self._read(record)
        self._effects()
        return self.violations

    def _learn(self, record, key, seen):
        """The session was told of it; the newest counts. One that was tried again later may have
        been lost, and be there by that."""
        survives = self.surviving.get(seen[1]) == (key, seen[0]) and \
            self.tried.get(seen[1], 0) <= record["end"] and \
            not any(since_ns <= record["end"] and record["start"] <= until_ns
                    for since_ns, until_ns in self.final.get("returns", ()))
        for of in [self.expects, self.keeps] if survives else [self.expects]:
            known = of.setdefault(record["session"], {})
            if key not in known or seen[0] > known[key][0]:
                known[key] = seen

    def _classify(self):
        """A value failed when no attempt of it succeeded or is unknown."""
        possible = set()
        for record in self.records:
            if record["value"] is None:
                continue
            if record["outcome"] == "failed":
                self.failed.setdefault(record["value"], record)
            else:
                possible.add(record["value"])
        for value in possible:
            self.failed.pop(value, None)

    # One session

    def _wrote(self, record):
        key, value = record["key"], record["value"]
        if value in self.acked and not record["replayed"]:
            self.blame(record, f"{value} was acknowledged twice, the second time not as a repeat")
        if list(record["seen"]) != [key] or record["seen"][key][1] != value:
            self.blame(record, f"the answer to the write of {value} tells of something else")
            return
        version = record["seen"][key][0]
        self.acked.setdefault(value, record)
        self.shown[record["session"], value] = record["start"]
        self._shown(record, key, version, value)
        if record["kind"] == CROWD:
            return
        before = self.expects.setdefault(record["session"], {})
        if not record["replayed"]:
            known = before.get(key)
            if known and version <= known[0]:
                if not self._between_primaries(record) and (
                        record["kind"] not in HEADER_ONLY or not self._forgotten(record, key)):
                    self.blame(record, f"version {version} of {key} was written behind {known}, "
                                       "which the session had seen")
                before.pop(key)
            self.behind[value] = {k: v[0] for k, v in before.items()} \
                if record["kind"] not in HEADER_ONLY else {}
        self._learn(record, key, (version, value))

    def _read(self, record):
        keys = record["seen"] if record["op"] == "read_all" else [record["key"]]
        expected = self.expects.setdefault(record["session"], {})
        header = record["kind"] in HEADER_ONLY
        if record["kind"] == CROWD:
            expected = {}
        promised = record["tokened"] or (header and record["level"] != "eventual")
        if record["op"] == "read_all":
            keys = set(record["seen"]) | set(expected)
        for key in keys:
            seen = tuple(record["seen"].get(key, (0, None)))
            if seen[1] in self.failed:
                self.blame(record, f"{seen[1]} is seen, though its command failed")
            if promised and (record["session"], seen[1]) in self.shown:
                self.shown[record["session"], seen[1]] = record["start"]
            if promised and key in expected:
                self._compare(record, key, seen, expected[key], header)
            if not header and record["kind"] != CROWD and seen[0]:
                self._learn(record, key, seen)
        if record["op"] == "read_all":
            self._snapshot(record)
        if record["level"] == "strong":
            self._strong(record)

    def _between_primaries(self, record):
        """Was an old primary still there beside the new one, for one who has no token?"""
        return (record["kind"] == "roaming" or self.final.get("linearizable")) and any(
            began_ns <= record["end"] and record["start"] <= ended_ns
            for began_ns, ended_ns in self.final.get("promotions", ()))

    def _compare(self, record, key, seen, expected, header):
        if seen[0] > expected[0] or seen == expected or self._between_primaries(record):
            return
        if header and self._forgotten(record, key):
            self.expects[record["session"]].pop(key)
            return
        if seen[0] == expected[0]:
            self.blame(record, f"{key} is {seen}, and the session knows {expected}: time went "
                               "back and on again")
        else:
            self.blame(record, f"{key} is {seen}, and the session knows {expected} already")

    def _forgotten(self, record, key):
        """The write was lost in a promotion, and the instance restarted since it showed it last.
        Before any promotion, a write that will be lost must be shown as any other. What the old
        primary took while another one was promoted beside it is lost by that promotion, too."""
        value = self.expects[record["session"]][key][1]
        shown_ns = self.shown[record["session"], value]
        promotions = self.final.get("promotions")
        return value not in self.surviving and self._unknown_there(record, shown_ns) and (
            promotions is None or any(began_ns <= record["end"] and shown_ns < ended_ns
                                      for began_ns, ended_ns in promotions))

    def _unknown_there(self, record, since_ns):
        return record["kind"] == "roaming" or self._restarted(record, since_ns)

    def _restarted(self, record, since_ns, until_ns=None):
        return any(instance == record["instance"] and since_ns < ns <= (until_ns or record["end"])
                   for instance, ns in self.restarts)

    def _snapshot(self, record):
        """Whoever shows a write shows what its writer had seen; on one timeline, that is."""
        lost = {key for key, (_, value) in record["seen"].items() if value not in self.surviving}
        for key, (_, value) in record["seen"].items():
            for other, version in self.behind.get(value, {}).items():
                if not {key, other} & lost and record["seen"].get(other, (0,))[0] < version:
                    self.blame(record, f"{value} of {key} is seen, but not version {version} of "
                                       f"{other}, which its writer had seen")
                    return

    def _at(self, record):
        """Where a later strong read has to show it: on this instance, or on all of them."""
        return None if self.final.get("linearizable") else record["instance"]

    def _shown(self, record, key, version, value):
        so_far = self.strong.setdefault((self._at(record), key), [])
        greatest = so_far[-1][1] if so_far else 0
        if value in self.surviving and version > greatest:
            so_far.append((record["end"], version))

    def _strong(self, record):
        key = record["key"]
        seen = tuple(record["seen"].get(key, (0, None)))
        so_far = self.strong.get((self._at(record), key), [])
        before = bisect.bisect_left(so_far, (record["start"],)) - 1
        if before >= 0 and seen[0] < so_far[before][1] and not self._between_primaries(record):
            self.blame(record, f"a strong read of {key} is {seen}, and version "
                               f"{so_far[before][1]} of it was acknowledged or shown before")
        if seen[0] and self.final.get("linearizable") and record.get("role") == "replica":
            self._shown(record, key, *seen)

    # The end

    def _effects(self):
        count = {}
        for _, _, value in self.final["effects"]:
            count[value] = count.get(value, 0) + 1
        for value, times in count.items():
            if times > 1:
                self.blame(self.acked.get(value), f"{value} took effect {times} times")
            if value in self.failed:
                self.blame(self.failed[value], f"{value} took effect, though its command failed")
        self._updates()
        for value, record in self.acked.items():
            if value not in self.surviving:
                self._lost(value, record)
            elif self.surviving[value] != (record["key"], record["seen"][record["key"]][0]):
                if not self._told_after(record) and not self._late_attempt(record):
                    self.blame(record, f"{value} is kept as {self.surviving[value]}, which is not "
                                       "what was acknowledged")

    def _updates(self):
        versions = {}
        for key, version, value in self.final["effects"]:
            versions.setdefault(key, []).append(version)
        for key, found in versions.items():
            if key != "-" and sorted(found) != list(range(1, len(found) + 1)):
                self.blame(None, f"an update of {key} was lost: its versions are {sorted(found)}")

    def _told_after(self, record):
        """Told since it was shown the write last: what was told before was something else."""
        shown_ns = self.shown[record["session"], record["value"]]
        return any(ns >= shown_ns for ns in self.told.get(record["session"], []))

    def _late_attempt(self, record):
        """The crowd is told nothing: an attempt without an answer may run once more where the key
        of the acknowledged one was lost."""
        return record["kind"] == CROWD and record["keyed"] and any(
            other["value"] == record["value"] and other["outcome"] == "unknown"
            for other in self.records_of(record["session"]))

    def _lost(self, value, record):
        """An acknowledged write that is not there must have been told; a session that never got an
        answer again, or whose instance forgot everything, could not be told."""
        if self._told_after(record) or record["kind"] == CROWD:
            return
        for later in self.records_of(record["session"]):
            promised = later["tokened"] or (later["user"] and later["level"] != "eventual")
            if later["start"] > record["end"] and later["outcome"] == "ok" and promised and \
                    later["end"] > self.final.get("settled_ns", 0):
                shown_ns = self.shown[record["session"], value]
                if record["kind"] == "roaming" or (
                        record["kind"] in HEADER_ONLY
                        and self._restarted(record, shown_ns, 1 << 63)):
                    return
                self.blame(record, f"{value} was acknowledged, is lost, and nobody was told")
                return

    def records_of(self, session):
        if not hasattr(self, "_by_session"):
            self._by_session = {}
            for record in self.records:
                self._by_session.setdefault(record["session"], []).append(record)
        return self._by_session[session]

    def lost(self):
        """Acknowledged writes that are not there."""
        return [value for value in self.acked if value not in self.surviving]


def check(records, final, restarts=()):
    """The violations, each {"what": a sentence, "record": the record that shows it}."""
    return Checker(records, final, restarts).run()
