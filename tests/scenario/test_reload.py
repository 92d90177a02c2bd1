"""SIGHUP: the catalog and the limits are read again, all or nothing."""

from harness.load import Load
from harness.until import until

ONE = "-- query: one :one\nSELECT 1 AS n;\n"
TWO = "-- query: two :one\nSELECT 2 AS n;\n"


def test_a_changed_catalog_is_served_after_sighup(start_cqrsd, own_catalog):
    cqrsd = start_cqrsd(catalog=own_catalog(ONE))
    assert cqrsd.query("one").data == {"n": 1}
    assert cqrsd.query("two").code == "unknown-operation"

    own_catalog(ONE.replace("1 AS", "11 AS") + "\n" + TWO)
    cqrsd.hup()

    # Each loop hears of it by itself.
    until(lambda: {cqrsd.query("two").status for _ in range(20)} == {200}, "the new operation")
    assert cqrsd.query("two").data == {"n": 2}
    assert cqrsd.query("one").data == {"n": 11}
    assert cqrsd.readyz().json["operations"] == 2


def test_an_operation_that_was_taken_out_is_gone(start_cqrsd, own_catalog):
    cqrsd = start_cqrsd(catalog=own_catalog(ONE + "\n" + TWO))
    own_catalog(TWO)
    cqrsd.hup()

    until(lambda: cqrsd.query("one").status == 404, "the operation to go")
    assert cqrsd.query("two").data == {"n": 2}


def complaint(cqrsd, known):
    """A log line that is worse than info and was not there before."""
    return [line for line in cqrsd.log_lines()[known:]
            if str(line.get("level", "")).lower() in ("warn", "warning", "error")]


def test_a_bad_catalog_keeps_the_old_one_whole(start_cqrsd, own_catalog):
    cqrsd = start_cqrsd(catalog=own_catalog(ONE))
    known = len(cqrsd.log_lines())

    own_catalog(ONE.replace("1 AS", "11 AS") + "\n" + TWO)
    own_catalog("-- query: broken :some\nSELECT 1;\n", name="zz.sql")
    cqrsd.hup()

    until(lambda: complaint(cqrsd, known), "a complaint in the log")
    assert "zz.sql" in cqrsd.log_text()
    assert cqrsd.query("one").data == {"n": 1}
    assert cqrsd.query("two").status == 404
    assert cqrsd.query("broken").status == 404


def test_a_catalog_that_is_gone_keeps_the_old_one(start_cqrsd, own_catalog):
    folder = own_catalog(ONE)
    cqrsd = start_cqrsd(catalog=folder)
    known = len(cqrsd.log_lines())

    folder.rename(folder.with_name("elsewhere"))
    cqrsd.hup()

    until(lambda: complaint(cqrsd, known), "a complaint in the log")
    assert cqrsd.query("one").data == {"n": 1}


def test_a_good_catalog_after_a_bad_one_is_taken(start_cqrsd, own_catalog):
    cqrsd = start_cqrsd(catalog=own_catalog(ONE))
    known = len(cqrsd.log_lines())
    own_catalog("nonsense", name="zz.sql")
    cqrsd.hup()
    until(lambda: complaint(cqrsd, known), "a complaint in the log")

    own_catalog(TWO, name="zz.sql")
    cqrsd.hup()

    until(lambda: cqrsd.query("two").status == 200, "the new operation")


def test_reloading_under_load_disturbs_no_request(start_cqrsd, own_catalog):
    cqrsd = start_cqrsd(catalog=own_catalog(ONE + "\n" + TWO))
    wrong = []
    asked = [0]

    async def client(load, number, connection):
        name = "one" if number % 2 else "two"
        while not load.stopping:
            answer = await connection.query(name)
            asked[0] += 1
            if answer.status != 200 or answer.data["n"] % 10 != (1 if number % 2 else 2):
                wrong.append(answer)

    with Load(cqrsd.address, client, 8):
        for round_number in range(10):
            tens = (round_number % 5 + 1) * 10
            own_catalog(f"-- query: one :one\nSELECT {tens + 1} AS n;\n\n"
                        f"-- query: two :one\nSELECT {tens + 2} AS n;\n")
            cqrsd.hup()
            until(lambda wanted=tens + 1: cqrsd.query("one").data["n"] == wanted, "the change")
            until(lambda wanted=10 * (round_number + 1): asked[0] > wanted, "more answers")

    assert wrong == []


def test_limits_of_the_config_file_are_read_again(start_cqrsd, tmp_path):
    config = tmp_path / "cqrsd.conf"
    config.write_text("body-bytes-max = 2048\n")
    cqrsd = start_cqrsd(config=config)
    body = b'{"first":1,"second":1' + b" " * 3000 + b"}"
    assert cqrsd.post("/v1/queries/undeclared", body).status == 413

    config.write_text("body-bytes-max = 8192\n")
    cqrsd.hup()

    until(lambda: cqrsd.post("/v1/queries/undeclared", body).status == 200, "the new limit")


def test_a_bad_config_file_changes_nothing(start_cqrsd, tmp_path):
    config = tmp_path / "cqrsd.conf"
    config.write_text("body-bytes-max = 2048\n")
    cqrsd = start_cqrsd(config=config)
    known = len(cqrsd.log_lines())

    config.write_text("body-bytes-max = 8192\nboddy-bytes-max = 1\n")
    cqrsd.hup()

    until(lambda: complaint(cqrsd, known), "a complaint in the log")
    body = b'{"first":1,"second":1' + b" " * 3000 + b"}"
    assert cqrsd.post("/v1/queries/undeclared", body).status == 413


def test_a_refused_reload_does_not_change_the_log_level(start_cqrsd, own_catalog, tmp_path):
    config = tmp_path / "cqrsd.conf"
    config.write_text("log-level = info\n")
    cqrsd = start_cqrsd(config=config, catalog=own_catalog(ONE))
    known = len(cqrsd.log_lines())

    config.write_text("log-level = error\n")
    own_catalog("nonsense", name="zz.sql")
    cqrsd.hup()
    until(lambda: complaint(cqrsd, known), "a complaint in the log")
    cqrsd.terminate()
    cqrsd.wait()

    assert any("draining" in line["msg"] for line in cqrsd.log_lines()[known:])
