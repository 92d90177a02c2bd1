"""Short runs of the fault table, so that make chaos is known to work; long ones are its."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from guarantees import run  # noqa: E402


def short_run(seed, keep, **options):
    outcome = run.one(seed, 15, 30, keep=keep, session_slots=64, **options)
    print("\n  " + outcome.line())
    assert not outcome.violations, outcome.violations[:3]
    # A row of which nearly nothing was answered shows nothing; a slow machine answers some 200.
    assert sum(record["outcome"] == "ok" for record in outcome.records) > 100
    return outcome


@pytest.mark.parametrize("seed", [1001, 1002])
def test_no_guarantee_is_broken_by_a_short_row_of_faults(seed, tmp_path):
    short_run(seed, tmp_path)


def test_nor_by_table_where_clients_roam_and_replicas_are_behind(tmp_path):
    outcome = short_run(1004, tmp_path, roaming=True, only={"delay-of-replay", "pause-of-replay"})
    assert outcome.by_table > 0


def test_nor_where_a_proxy_stands_in_for_the_network(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAOS_NET", "proxy")
    outcome = short_run(1003, tmp_path)

    without = {"disk-full", "loss-of-5-percent"}
    assert set(outcome.not_possible) == without
    assert not without & {entry[0] for entry in outcome.log}
    report = run.Report()
    report.add(outcome)
    assert "| loss-of-5-percent | not possible here: " in report.table()


def test_every_fault_has_its_turn_in_a_long_run():
    seconds_per_fault, lanes = 4, ("cluster", "net")
    for lane in lanes:
        names = [name for name, (where, _) in run.faults.TABLE.items() if where == lane]
        met = dict.fromkeys(names, 0)
        for seed in range(1, 26):
            turns = run.faults.schedule(lane, seed)
            for _ in range(60 // seconds_per_fault):
                met[next(turns)] += 1
        assert min(met.values()) >= 10, met
