"""What stories of jobs stand on: the file's own tables and CATALOG, and no jobs afterwards."""

import json

import pytest
from harness.service import binary, run

from .conftest import empty_jobs


EFFECTS = "CREATE TABLE effects (id serial PRIMARY KEY, number int, note text)"


@pytest.fixture(scope="module")
def effects(request, shop_cluster):
    """The file's SCHEMA, which UNDO takes away."""
    shop_cluster.primary.sql(getattr(request.module, "SCHEMA", EFFECTS))
    shop_cluster.wait_until_replayed()
    yield shop_cluster.primary
    shop_cluster.primary.sql(getattr(request.module, "UNDO", "DROP TABLE effects"))


@pytest.fixture
def primary(request, effects):
    """A story finds the file's SEQUENCE at its start, and leaves no jobs and empty TABLES."""
    sequence = getattr(request.module, "SEQUENCE", None)
    if sequence:
        effects.sql(f"ALTER SEQUENCE {sequence} RESTART")
    yield effects
    empty_jobs(effects, *getattr(request.module, "TABLES", ("effects",)))


@pytest.fixture(scope="module")
def catalog(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "jobs.sql").write_text(request.module.CATALOG, encoding="utf-8")
    return folder


class Jobs:
    """cqrsd jobs, on the database alone."""

    def __init__(self, primary, catalog):
        self.options = {"primary": primary.conninfo, "catalog": str(catalog)}

    def run(self, *words, **criteria):
        return run("jobs", *words, **self.options, **criteria)

    def done(self, *words, **criteria):
        done = self.run(*words, **criteria)
        assert done.returncode == 0, done
        return done.stdout.strip()

    def rows(self, *words, **criteria):
        done = self.done(*words, "--json", **criteria)
        return [json.loads(line) for line in done.splitlines()]

    def command(self, *words):
        """What runs it, for a story that ends it half way."""
        return [binary(), "jobs", *words, *(f"--{key}={value}"
                                            for key, value in self.options.items())]
