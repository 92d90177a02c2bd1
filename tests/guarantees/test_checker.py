"""The checker is checked: nothing in valid histories, and each broken guarantee found in all."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from guarantees.checker import check  # noqa: E402
from guarantees.job_load import Asked  # noqa: E402
from guarantees.job_verdict import out_of_order  # noqa: E402
from guarantees.model import BROKEN, VALID, Model  # noqa: E402

SEEDS = 200


def test_valid_histories_are_found_valid():
    told = 0
    for seed in range(SEEDS):
        model = Model(seed)
        told += sum(record["code"] == "write-lost" for record in model.records)
        assert not check(model.records, model.final, model.restarts), f"seed {seed}"
    assert told > SEEDS, "there is hardly a loss in these histories"


def verdicts(change):
    """{seed: what the checker finds} in all histories in which there was an occasion."""
    found = {}
    for seed in range(SEEDS):
        model = Model(seed)
        if change(model):
            found[seed] = check(model.records, model.final, model.restarts)
    assert len(found) > SEEDS / 2, f"there was an occasion in {len(found)} histories only"
    return found


@pytest.mark.parametrize("valid", VALID, ids=lambda valid: valid.__name__)
def test_what_only_looks_broken_is_not_blamed(valid):
    assert not [seed for seed, blamed in verdicts(valid).items() if blamed]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_guarantee_is_found(broken):
    assert not [seed for seed, blamed in verdicts(broken).items() if not blamed]


# Jobs of one place: when each was asked for, and when it was known to be accepted.
JOBS = {"a": Asked(start_ns=0, end_ns=1), "b": Asked(start_ns=2, end_ns=5),
        "c": Asked(start_ns=4, end_ns=6), "d": Asked(start_ns=7, end_ns=None)}


@pytest.mark.parametrize("ran, blamed", [
    ("abcd", []),
    ("acbd", []),             # asked for at the same time
    ("ac", []), ("d", []),    # what is lost, cancelled or dead has no place
    ("bacd", [("b", "a")]), ("abdc", [("d", "c")]), ("dabc", [("d", "a")]),
    ("cba", [("b", "a"), ("c", "a")]),
])
def test_a_job_that_ran_before_one_accepted_earlier_is_found(ran, blamed):
    assert list(out_of_order(JOBS, ran)) == blamed
