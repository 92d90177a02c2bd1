"""What stories of jobs stand on: a table of effects, no jobs afterwards, the file's own CATALOG."""

import json

import pytest
from harness.service import binary, run

from .conftest import empty_jobs


@pytest.fixture(scope="module")
def effects(shop_cluster):
    shop_cluster.primary.sql("CREATE TABLE effects (id serial PRIMARY KEY, number int, note text)")
    shop_cluster.wait_until_replayed()
    yield shop_cluster.primary
    shop_cluster.primary.sql("DROP TABLE effects")


@pytest.fixture
def primary(effects):
    yield effects
    empty_jobs(effects, "effects")


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
