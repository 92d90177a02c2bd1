"""What the cache does for each operation: as metrics, and on its page."""

import pytest
from harness.kept import until_kept
from harness.until import until

CATALOG = """
-- query: counted :one
-- @cache 600s
SELECT number FROM test_counted WHERE id = :id;

-- query: brief :one
-- @cache 1s swr=600s
SELECT number FROM test_counted WHERE id = :id;

-- query: large :one
-- @cache 600s
SELECT repeat('x', 4000) AS text FROM test_counted WHERE id = :id;

-- query: plain :one
SELECT number FROM test_counted WHERE id = :id;

-- command: touch :exec
-- @param id int
UPDATE test_counted SET number = number + 1 WHERE id = :id;
"""

SCHEMA = """
CREATE TABLE test_counted (id int PRIMARY KEY, number int);
INSERT INTO test_counted SELECT i, 0 FROM generate_series(1, 2000) AS i;
"""

CLEAN = "DROP TABLE IF EXISTS test_counted"

WAITS = {"wait_ms": 2000, "max_lag_ms": 0, "max_lag_bytes": 0}


@pytest.fixture
def counted(schema, start_cqrsd, own_catalog):
    def start(**options):
        service = start_cqrsd(catalog=own_catalog(CATALOG), **{**WAITS, **options})
        for name in ("counted", "brief", "large"):
            until_kept(service, name, id=2000)
        return service
    return start


def requests(service, name, result):
    return service.metrics().sum("cqrsd_cache_requests_total", name=name, result=result)


def page(service):
    return service.admin.get("/admin/api/cache").json["operations"]


def test_each_operation_has_counts_of_its_own(counted):
    service = counted()
    hits, misses = (requests(service, "counted", result) for result in ("hit", "miss"))
    others = requests(service, "large", "hit")

    for number in range(1, 6):
        service.query("counted", id=number)
        service.query("counted", id=number)
    service.query("plain", id=1)

    assert requests(service, "counted", "hit") == hits + 5
    assert requests(service, "counted", "miss") == misses + 5
    assert requests(service, "large", "hit") == others
    assert requests(service, "plain", "miss") == 0
    assert page(service)["counted"]["requests"]["hit"] == hits + 5
    assert page(service)["counted"]["entries"] == 6
    assert page(service)["counted"]["bytes"] == 6 * 256
    assert sorted(page(service)) == ["brief", "counted", "large"]


def test_what_a_write_has_touched_is_counted_so(counted):
    service = counted()
    service.query("counted", id=1)
    before = requests(service, "counted", "touched")

    service.command("touch", user="ann", id=1)
    service.query("counted", user="ann", id=1)

    assert requests(service, "counted", "touched") == before + 1


def test_what_is_given_behind_its_time_is_counted_so(counted):
    service = counted()
    misses = requests(service, "brief", "miss")

    until(lambda: service.query("brief", id=2000) and requests(service, "brief", "revalidated"),
          "a renewal")

    assert requests(service, "brief", "miss") == misses
    assert requests(service, "counted", "revalidated") == 0


def test_what_has_made_room_is_counted_by_operation(counted):
    service = counted(cache_bytes=1 << 20)
    for number in range(1, 401):
        service.query("large", id=number)

    counts = page(service)["large"]
    metrics = service.metrics()
    assert counts["evicted"] > 100
    assert counts["bytes"] == counts["entries"] * 17 * 256
    assert metrics.sum("cqrsd_cache_operation_evicted", name="large") == counts["evicted"]
    assert metrics.sum("cqrsd_cache_operation_bytes", name="large") == counts["bytes"]
    assert metrics.sum("cqrsd_cache_operation_bytes") == metrics.sum("cqrsd_cache_bytes")
    assert metrics.sum("cqrsd_cache_operation_evicted") == metrics.sum("cqrsd_cache_evicted")


def test_a_reload_goes_on_counting(counted, own_catalog):
    service = counted()
    before = page(service)["counted"]["entries"]

    own_catalog("-- query: added :one\n-- @cache 600s\nSELECT number + 2 AS number FROM "
                "test_counted WHERE id = :id;\n" + CATALOG)
    service.hup()
    until(lambda: service.query("added", id=1).status == 200, "the reload")
    until(lambda: page(service)["added"]["entries"] == 1 or not service.query("added", id=1),
          "its answer to be kept")

    assert page(service)["counted"]["entries"] == before
    service.query("counted", id=7)
    assert page(service)["counted"]["entries"] == before + 1
