"""Clients behind a proxy who count what went wrong, while the services there are restarted."""

from collections import Counter

from .load import Load, Lost
from .until import rest_now, until


def why(answer):
    """Its code where it has one: a proxy's own answers have none."""
    try:
        return f"{answer.status} {answer.code}"
    except AssertionError:
        return f"{answer.status} {answer.body[:80]!r}"


class Callers:
    """Half of them stay connected, half connect for each request; they read and write in turn."""

    def __init__(self, address, clients=16, pause_s=0):
        self.answers = Counter()   # (method, "kept" or "new")
        self.failures = Counter()  # (method, "kept" or "new", what went wrong)
        self.written = set()
        self.pause_s = pause_s
        self.load = Load(address, self.client, clients)

    async def client(self, load, number, connection):
        kind = "new" if number % 2 else "kept"
        user = f"rolling-{load.address}-{number}"
        count = 0
        while not load.stopping:
            count += 1
            method = "POST" if count % 2 else "GET"
            try:
                answer = (await connection.command("append", user, number=count) if count % 2
                          else await connection.query(f"cell?owner={user}", user))
            except Lost as lost:
                self.failures[method, kind, str(lost) or "closed"] += 1
                continue
            if answer.status // 100 == 2:
                self.answers[method, kind] += 1
            else:
                self.failures[method, kind, why(answer)] += 1
            if kind == "new":
                connection.close()

    @property
    def asked(self):
        return sum(self.answers.values()) + sum(self.failures.values())


def restart(service, proxy, number, pause_s):
    """Stop in order, stay away for a while, start, until the proxy sends requests to it again."""
    service.terminate()
    status = service.wait(30)
    assert status == 0, f"cqrsd ended with {status}:\n{service.log_text()[-3000:]}"
    if pause_s:
        rest_now(pause_s)
    service.launch()
    until(lambda: service.reached("rotation"), "the service to be ready", every_s=0.005)
    until(lambda: proxy.states()[number] == "UP", "HAProxy to see it")
