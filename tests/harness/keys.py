"""API keys of a cluster, made and changed by the verb; all of them are forgotten after a story."""

import json

from .service import run

FORGET = """TRUNCATE cqrsd.api_key;
UPDATE cqrsd.keyring SET changes = 0, mark = gen_random_uuid();"""


class Key:
    """One key as its maker got it."""

    def __init__(self, told):
        self.id, self.text = told["id"], told["key"]
        self.told = told

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.text}"}


class Keys:
    """cqrsd keys, against one database or one file."""

    def __init__(self, **place):
        self.place = place

    def run(self, *words, **options):
        return run("keys", *words, **{**self.place, **options})

    def told(self, *words, **options):
        """The objects that an action printed; anything but success is a failed expectation."""
        done = self.run(*words, json=True, **options)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def create(self, name="web", **options):
        return Key(self.told("create", name=name, **options)[0])

    def rotate(self, key, **options):
        return Key(self.told("rotate", key.id, **options)[0])

    def revoke(self, key):
        return self.told("revoke", key.id)[0]

    def list(self):
        return self.told("list")
