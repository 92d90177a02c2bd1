"""What a batch of jobs costs the server: plans for a short queue, and what it notes of rows."""

import pytest
from harness.service import Service
from harness.until import until

from .conftest import options_for

JOBS = 3000
CATALOG = """
-- command: counted :exec
-- @param number int
-- @async always
INSERT INTO counted (number) VALUES (:number);
"""
MANY = f"""INSERT INTO cqrsd.job (mark, command, version, parameters, attempts_max, run_at, keep_s,
    keyed) SELECT i, 'counted', '1', json_build_object('number', i::text), 5, clock_timestamp(),
    3600, false FROM generate_series(1, {JOBS}) AS i"""


@pytest.fixture
def primary(shop_cluster):
    primary = shop_cluster.primary
    primary.sql("TRUNCATE cqrsd.job, cqrsd.job_finished, cqrsd.job_dead")
    primary.sql("CREATE TABLE counted (number int)")
    # It is empty, and known to be.
    primary.sql("VACUUM ANALYZE cqrsd.job")
    yield primary
    primary.sql("DROP TABLE counted; TRUNCATE cqrsd.job, cqrsd.job_finished, cqrsd.job_dead")


@pytest.fixture
def cqrsd(shop_cluster, primary, tmp_path):
    (tmp_path / "jobs.sql").write_text(CATALOG, encoding="utf-8")
    # Counting what waits reads no more than that many.
    service = Service(**options_for(shop_cluster, tmp_path,
                                    {"auth": "none", "workers": 1, "jobs_max": 10}))
    service.start()
    yield service
    service.close()


def done(primary, count):
    until(lambda: primary.sql("SELECT count(*) FROM counted") == str(count), f"{count} jobs", 60)


def read_in_full(primary):
    """Rows of the queue that were read by scans of all of it, once that was told."""
    primary.sql("SELECT pg_stat_force_next_flush()")
    return int(primary.sql("SELECT seq_tup_read FROM pg_stat_user_tables"
                           " WHERE relid = 'cqrsd.job'::regclass"))


def test_what_was_planned_for_a_short_queue_does_not_read_all_of_a_long_one(cqrsd, primary):
    # As often as PostgreSQL wants before it keeps a plan.
    for number in range(8):
        assert cqrsd.command("counted", user="ann", number=number).status == 202
        done(primary, number + 1)
    before = read_in_full(primary)
    primary.sql(MANY)
    done(primary, JOBS + 8)
    cqrsd.close()
    assert read_in_full(primary) - before < 3 * JOBS


def multixacts(primary):
    primary.sql("CHECKPOINT")
    return int(primary.sql("SELECT next_multixact_id FROM pg_control_checkpoint()"))


def test_a_row_has_one_locker_whatever_savepoints_its_batch_has(cqrsd, primary):
    before = multixacts(primary)
    primary.sql(MANY)
    done(primary, JOBS)
    cqrsd.close()
    assert multixacts(primary) == before
