"""The documents of catalogs over Pagila and Chinook, and all that is answered there."""

import json
import pathlib

import pytest
from harness.drawn import bodies
from harness.schemas import misfits_of_answer
from harness.service import run

SAMPLES = pathlib.Path(__file__).resolve().parents[1] / "samples"
# Its files of tables, and what takes the rows of some away: an answer without any is an answer.
DATABASES = {
    "pagila": (["sakila.sql", "pagila.sql"],
               ["TRUNCATE payment", "TRUNCATE rental, film_actor", "TRUNCATE film_category",
                "TRUNCATE film, inventory", "TRUNCATE customer, staff, store, actor"]),
    "chinook": (["chinook.sql"],
                ['TRUNCATE "PlaylistTrack", "InvoiceLine"', 'TRUNCATE "Invoice" CASCADE',
                 'TRUNCATE "Track" CASCADE', 'TRUNCATE "Artist", "Employee" CASCADE']),
}


@pytest.fixture(params=DATABASES)
def sample(request, cluster, own_catalog):
    """Its name, the addresses of the nodes, its catalog, and what empties its tables."""
    files, emptied = DATABASES[request.param]
    path = "SET search_path = sakila; SET client_min_messages = warning;\n"
    cluster.primary.sql("CREATE SCHEMA sakila;" + path + "".join(
        (SAMPLES / file).read_text(encoding="utf-8") for file in files))
    cluster.wait_until_replayed()
    text = (SAMPLES / f"{request.param}-catalog.sql").read_text(encoding="utf-8")
    nodes = [f"{node.conninfo}?options=-csearch_path%3Dsakila" for node in cluster.nodes]
    yield nodes, own_catalog(text), [path + statement for statement in emptied]
    cluster.primary.sql("DROP SCHEMA sakila CASCADE")


def asked(service, whole):
    """Each operation in each way with many parameters; lines of what is not in the document."""
    wrong, rows = [], 0
    for path, ways in whole["paths"].items():
        if not path.startswith(("/v1/queries/", "/v1/commands/")):
            continue
        kind, name = path.split("/")[2:]
        for params in bodies(whole, name):
            answers = {"post": service.post(path, params)}
            if kind == "queries":
                answers["get"] = service.query(name, **params)
            for way, answer in answers.items():
                assert answer.status < 500, (name, params, answer)
                rows += answer.status == 200 and len(answer.json["data"] or [])
                wrong += [f"{way} {name} {params}: {line}"
                          for line in misfits_of_answer(whole, ways[way], answer)]
    return wrong, rows


def test_all_rows_of_a_sample_database_are_in_its_document(cluster, sample, start_cqrsd):
    nodes, catalog, emptied = sample
    done = run("openapi", primary=nodes[0], catalog=catalog)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    whole = json.loads(done.stdout)
    service = start_cqrsd(primary=nodes[0], replica=nodes[1:], catalog=catalog, wait="rotation")
    wrong, rows = asked(service, whole)
    assert rows > 500
    for statement in emptied:
        cluster.primary.sql(statement)
        cluster.wait_until_replayed()
        wrong += asked(service, whole)[0]

    assert not wrong, "\n".join(sorted(set(wrong)))
