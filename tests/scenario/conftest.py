"""What the stories stand on: one cluster for all of them, healthy again after each; a service."""

import json
import pathlib
import shutil
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHOP = ROOT / "examples" / "shop"
sys.path.insert(0, str(ROOT / "tests"))

from harness import service as harness_service  # noqa: E402
from harness.cluster import Cluster  # noqa: E402
from harness.keys import FORGET, Keys  # noqa: E402
from harness.schemas import Promises  # noqa: E402
from harness.service import Service  # noqa: E402
from scenario import types_of_postgres  # noqa: E402

CUSTOMERS_WITHOUT_ORDERS = iter(range(9001, 10001))


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "serve(wait=..., replicas=..., **options): how cqrsd is started for this test")
    if not pathlib.Path(harness_service.binary()).exists():
        raise pytest.UsageError(f"{harness_service.binary()} is not there: run make first")


def fill(cluster):
    """The shop, what only tests need, and the schema of cqrsd."""
    for path in (SHOP / "schema.sql", SHOP / "data.sql", HERE / "schema.sql"):
        cluster.primary.sql_file(path)
    done = harness_service.run("migrate", primary=cluster.primary.conninfo)
    assert done.returncode == 0, done.stderr
    cluster.wait_until_replayed()


@pytest.fixture(scope="session")
def shop_cluster():
    cluster = Cluster.create(replicas=2)
    try:
        fill(cluster)
        yield cluster
    finally:
        cluster.destroy()


@pytest.fixture
def cluster(shop_cluster):
    """A primary and two replicas, with the shop; whatever a test does to it is undone."""
    yield shop_cluster
    shop_cluster.restore()


@pytest.fixture
def schema(request, cluster):
    """What a file of stories calls SCHEMA is there, and taken away again by its CLEAN."""
    cluster.primary.sql(request.module.SCHEMA)
    cluster.wait_until_replayed()
    yield cluster
    cluster.primary.sql(request.module.CLEAN)


@pytest.fixture
def fresh_cluster():
    """A cluster of one's own, for what cannot be undone. Small: the cells only."""
    cluster = Cluster.create(replicas=2)
    try:
        fill(cluster)
        yield cluster
    finally:
        cluster.destroy()


@pytest.fixture(scope="session")
def catalog_of_all():
    """The shop's operations, those of the tests, and one that echoes for every type."""
    with tempfile.TemporaryDirectory(prefix="cqrsd-") as folder:
        for part, source in (("shop", SHOP / "sql"), ("tests", HERE / "sql")):
            shutil.copytree(source, pathlib.Path(folder) / part)
        echo = types_of_postgres.catalog()
        (pathlib.Path(folder) / "echo.sql").write_text(echo, encoding="utf-8")
        yield pathlib.Path(folder)


@pytest.fixture(scope="session")
def catalog(catalog_of_all):
    """The one of most stories; a file may have its own."""
    return catalog_of_all


@pytest.fixture(scope="session")
def promised(shop_cluster, catalog_of_all):
    """What the document of that catalog says of answers."""
    done = harness_service.run("openapi", primary=shop_cluster.primary.conninfo,
                               catalog=catalog_of_all)
    assert done.returncode == 0, done.stderr
    return Promises(json.loads(done.stdout))


@pytest.fixture
def own_catalog(tmp_path):
    """A function that writes one .sql file and hands back the folder to serve."""
    folder = tmp_path / "catalog"
    folder.mkdir()

    def write(text, name="operations.sql"):
        (folder / name).write_text(text, encoding="utf-8")
        return folder
    return write


def options_for(cluster, catalog, options):
    """On a busy machine a connection takes longer to be made than --queue-wait-ms allows by itself,
    and a status query longer to be answered than a stopped node is given: a story that is not about
    that would meet its 503."""
    replicas = options.pop("replicas", len(cluster.replicas))
    return {"primary": cluster.primary.conninfo, "catalog": catalog, "loops": 2, "pool_conns": 8,
            "queue_wait_ms": 1000, "status_timeout_ms": 1000, "check_not_null": True,
            "replica": [node.conninfo for node in cluster.replicas[:replicas]], **options}


@pytest.fixture
def start_cqrsd(cluster, catalog):
    """A function that starts a cqrsd; every one is stopped, and checked, when the test ends."""
    started = []

    def start(wait="rotation", env=None, on=cluster, **options):
        service = Service(env=env, **options_for(on, catalog, options))
        started.append(service)
        return service.start(wait)
    yield start
    close_all(started)


def close_all(services):
    failures = []
    for service in services:
        try:
            service.close()
        except AssertionError as failure:
            failures.append(failure)
    if failures:
        raise failures[0]


@pytest.fixture
def cqrsd(request, start_cqrsd):
    """A service of one's own. @pytest.mark.serve(wait_ms=500) sets options."""
    marker = request.node.get_closest_marker("serve")
    return start_cqrsd(**(marker.kwargs if marker else {}))


@pytest.fixture(scope="module")
def api(shop_cluster, catalog, promised):
    """One service for all stories of a file that disturb neither it nor the cluster. Each 200 that
    its client gets is compared with the document."""
    service = Service(**options_for(shop_cluster, catalog, {}))
    service.promises = promised
    service.start()
    yield service
    service.close()


@pytest.fixture
def keys(cluster):
    """None when the story begins, and none afterwards: where one ever was, callers need one."""
    yield Keys(primary=cluster.primary.conninfo)
    cluster.restore()
    cluster.primary.sql(FORGET)
    cluster.wait_until_replayed()


def empty_jobs(node, *tables):
    """No jobs are left, nor rows of these. Not by TRUNCATE: beside workers it is in a deadlock."""
    for table in ("job", "job_finished", "job_dead", "job_pause"):
        node.sql(f"DELETE FROM cqrsd.{table}")
    for table in tables:
        node.sql(f"DELETE FROM {table}")


@pytest.fixture
def customer():
    """The id of a customer who has never ordered, and whom no other test uses."""
    return next(CUSTOMERS_WITHOUT_ORDERS)


@pytest.fixture
def user(request):
    """The name of a user whom no other test uses."""
    return f"user-of-{request.node.name[:60]}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed story shows the end of its service's log."""
    report = (yield).get_result()
    if report.when != "call" or not report.failed:
        return
    for name in ("cqrsd", "api"):
        service = getattr(item, "funcargs", {}).get(name)
        if service is not None and service.log_path.exists():
            report.sections.append((f"log of {name}", service.log_text()[-4000:]))
