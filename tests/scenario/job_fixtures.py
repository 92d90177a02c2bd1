"""What stories of jobs stand on: a table of effects, no jobs afterwards, the file's own CATALOG."""

import pytest

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
