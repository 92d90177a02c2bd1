"""Two short runs of the fault table, so that make chaos is known to work; long ones are its."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from guarantees import net, run  # noqa: E402


@pytest.mark.parametrize("seed", [1001, 1002])
def test_no_guarantee_is_broken_by_a_short_row_of_faults(seed, tmp_path):
    why_not = net.possible()
    if why_not:
        pytest.skip(f"no network namespaces here: {why_not}")
    outcome = run.one(seed, 15, 30, keep=tmp_path, session_slots=64)
    print("\n  " + outcome.line())
    assert not outcome.violations, outcome.violations[:3]
    assert sum(record["outcome"] == "ok" for record in outcome.records) > 500


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
