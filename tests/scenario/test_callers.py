"""Until callers are told apart, a catalog that says who may call is not served as if it did not."""

import pytest
from harness.service import run
from harness.until import until

ONE = "-- query: one :one\nSELECT 1 AS n;\n"
GUARDED = {option: ONE + f"\n-- query: two :one\n-- @{option}\nSELECT 2 AS n;\n"
           for option in ("roles clerk", "public", "internal")}


@pytest.mark.parametrize("option", GUARDED)
def test_such_a_catalog_is_not_served_and_the_place_is_named(cluster, own_catalog, option):
    folder = own_catalog(GUARDED[option])
    place = f"operations.sql:5:4: error: @{option.split()[0]} of two is not available yet"
    served = run("serve", primary=cluster.primary.conninfo, catalog=folder,
                 listen="127.0.0.1:0", admin_listen="127.0.0.1:0", timeout_s=20)
    checked = run("check", primary=cluster.primary.conninfo, catalog=folder)
    offline = run("check", catalog=folder, offline=True)

    for done in (served, checked, offline):
        assert done.returncode == 1, done
        assert place in done.stderr, done.stderr
        assert "--insecure-roles" in done.stderr


def test_a_reload_keeps_the_catalog_that_is_there(start_cqrsd, own_catalog):
    cqrsd = start_cqrsd(catalog=own_catalog(ONE))
    own_catalog(GUARDED["roles clerk"])
    cqrsd.hup()

    until(lambda: "nothing is reloaded" in cqrsd.log_text(), "a complaint in the log")
    assert "operations.sql:5:4: error: @roles of two" in cqrsd.log_text()
    assert cqrsd.query("one").data == {"n": 1}
    assert cqrsd.query("two").code == "unknown-operation"


def test_a_flag_serves_it_with_a_warning(start_cqrsd, own_catalog, cluster):
    folder = own_catalog(GUARDED["roles clerk"])
    cqrsd = start_cqrsd(catalog=folder, insecure_roles=True)
    checked = run("check", primary=cluster.primary.conninfo, catalog=folder, insecure_roles=True)

    assert cqrsd.query("two").data == {"n": 2}
    assert "warning: @roles of two is not available yet: anybody may call it" in cqrsd.log_text()
    assert checked.returncode == 0 and "warning: @roles of two" in checked.stderr
