"""ANY 1 of two standbys, and one that does not answer: no read goes backwards unless it says so."""

import pytest
from harness.load import Connection, Load
from harness.until import rest_now, until

from scenario.test_confirmed import PATIENT, confirms, name_standbys

STOPPED_S = 5
WRITERS = 3
# Of each user's cell; the last one is the control, which promises nothing.
KINDS = {"session": "session", "strong": "strong", "of replicas": "strong;from=replica",
         "confirmed": "strong;confirmed", "eventual": "eventual"}
CONTROL = "eventual"


def owner(user):
    """Of a cell that no other story has written: numbers begin at none."""
    return f"stopped{user}"


class History:
    """What was acknowledged, what finished reads have shown, and which reads were behind that."""

    def __init__(self, writes_at):
        self.writes_at = writes_at    # another instance than the one that reads
        self.written = [0] * WRITERS  # acknowledged, by user
        self.shown = {}               # (kind, user): the newest that a finished read has shown
        self.answers = dict.fromkeys(KINDS, 0)
        self.backwards = {kind: [] for kind in KINDS}

    async def write(self, load, user):
        connection = Connection(self.writes_at)
        number = 0
        while not load.stopping:
            number += 1
            answer = await connection.command("put", owner(user), number=number)
            if answer.status == 200:
                self.written[user] = number
        connection.close()

    def says_so(self, kind, answer):
        """The primary answers in a replica's place: what is acknowledged is there, no more."""
        return kind != "strong" and answer.served_by.role == "primary"

    async def read(self, load, kind, connection):
        user = 0
        while not load.stopping:
            user = (user + 1) % WRITERS
            written, shown = self.written[user], self.shown.get((kind, user), 0)
            answer = await connection.query(f"cell?owner={owner(user)}", owner(user),
                                            KINDS[kind])
            if answer.status != 200:
                continue
            number = answer.data["number"] if answer.data else 0
            least = written if self.says_so(kind, answer) else max(written, shown)
            if number < least:
                self.backwards[kind].append((number, written, shown, answer.served_by))
            self.answers[kind] += 1
            self.shown[kind, user] = max(number, self.shown.get((kind, user), 0))

    async def client(self, load, number, connection):
        if number < WRITERS:
            await self.write(load, number)
        else:
            kinds = list(KINDS)
            await self.read(load, kinds[(number - WRITERS) % len(kinds)], connection)

    def broken(self):
        """What should not have been: the first few of each kind."""
        return {kind: found[:3] for kind, found in self.backwards.items()
                if found and kind != CONTROL}

    def all_go_on(self, what, load):
        """Reads are answered, and commits acknowledged; or all is known already. How many
        confirmed answers there were."""
        answers, written = dict(self.answers), sum(self.written)

        def on():
            load.check()
            if self.broken():
                return True
            assert all(self.answers[kind] > answers[kind] + 5 for kind in KINDS
                       if kind != "confirmed"), self.answers
            return sum(self.written) > written + 5
        until(on, f"reads and commits to go on {what}", 60)
        return self.answers["confirmed"] - answers["confirmed"]


@pytest.fixture
def synchronous(cluster):
    name_standbys(cluster, "ANY 1 (replica1, replica2)")
    yield cluster
    cluster.restore()
    name_standbys(cluster, "")


def test_no_read_goes_backwards_without_saying_so(synchronous, start_cqrsd):
    """Each standby in turn does not answer for 5 s; the one that comes back is held behind."""
    writes, cqrsd = (start_cqrsd(sessions="cluster", wait_ms=1000, queue_wait_ms=5000,
                                 **PATIENT) for _ in range(2))
    history = History(writes.address)
    confirmed = []
    confirms(cqrsd)
    with Load(cqrsd.address, history.client, WRITERS + 2 * len(KINDS)) as load:
        history.all_go_on("at first", load)
        for replica in synchronous.replicas:
            replica.pause_replay()
            replica.sigstop()
            rest_now(STOPPED_S)
            confirmed.append(history.all_go_on(f"without {replica.name}", load))
            replica.sigcont()
            behind = len(history.backwards[CONTROL])
            until(lambda: len(history.backwards[CONTROL]) > behind + 2,
                  "the control to go backwards", 60)
            confirmed.append(history.all_go_on(f"with {replica.name} behind", load))
            replica.resume_replay()
            confirmed.append(history.all_go_on(f"with {replica.name}", load))
    assert history.broken() == {}
    assert sum(map(bool, confirmed)) > 3, confirmed
