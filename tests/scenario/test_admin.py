"""The admin listener: health and metrics."""

import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.until import until

METRICS = {
    "cqrsd_http_request_duration_seconds": {"kind", "name", "code", "le"},
    "cqrsd_http_requests_in_flight": set(), "cqrsd_http_connections": set(),
    "cqrsd_routed_total": {"name", "role", "reason"}, "cqrsd_node_up": {"node", "role"},
    "cqrsd_replica_lag_seconds": {"node"}, "cqrsd_replica_lag_bytes": {"node"},
    "cqrsd_pool_connections": {"node", "state"}, "cqrsd_batch_calls": {"node", "le"},
    "cqrsd_sessions": set(), "cqrsd_loop_turn_seconds": {"le"}, "cqrsd_open_fds": set(),
    "cqrsd_build_info": {"version", "revision"},
}


def test_livez_says_that_it_lives(api):
    assert api.admin.get("/livez").status == 200


def ready_once(cqrsd, what):
    """What /readyz answers as soon as that holds of what it says."""
    def answer():
        ready = cqrsd.readyz()
        return ready if what(ready.json) else None
    return until(answer)


def test_readyz_tells_nodes_with_role_and_lag(api, shop_cluster):
    # Until its next look a replica that was asked before the primary has no known lag.
    ready = ready_once(api, lambda state: all(
        node["lag_seconds"] is not None for node in state["nodes"] if node["role"] == "replica"))
    state = ready.json

    assert ready.status == 200
    assert ready.headers["content-type"].split(";")[0] == "application/json"
    assert (state["status"], state["queries"], state["commands"]) == ("ready", True, True)
    assert state["operations"] > 50
    assert {node["node"]: node["role"] for node in state["nodes"]} == {
        shop_cluster.primary.address: "primary", shop_cluster.replica(1).address: "replica",
        shop_cluster.replica(2).address: "replica"}
    for node in state["nodes"]:
        if node["role"] == "replica":
            assert node["in_rotation"] is True
            assert node["lag_seconds"] >= 0 and node["lag_bytes"] >= 0


@pytest.fixture
def narrow(cluster):
    """Nodes where a role may have one connection each: the monitor's, and no others."""
    cluster.primary.sql(
        "CREATE ROLE narrow LOGIN CONNECTION LIMIT 1; GRANT pg_monitor TO narrow;"
        "GRANT USAGE ON SCHEMA cqrsd TO narrow; GRANT SELECT ON cqrsd.token_key TO narrow")
    cluster.wait_until_replayed()
    lines = [node.conninfo.replace("postgres@", "narrow@") for node in cluster.nodes]
    yield {"primary": lines[0], "replica": lines[1:]}
    cluster.primary.sql("DROP OWNED BY narrow; DROP ROLE narrow")


def all_up(state):
    return len(state["nodes"]) == 3 and all(node["up"] for node in state["nodes"])


def test_readyz_says_starting_until_the_first_connections_are_made(start_cqrsd, cluster, narrow):
    cqrsd = start_cqrsd(wait="alive", **narrow)
    starting = ready_once(cqrsd, all_up)
    cluster.primary.sql("ALTER ROLE narrow CONNECTION LIMIT -1")
    ready = ready_once(cqrsd, lambda state: state["status"] != "starting")

    assert starting.status == 503
    assert {key: starting.json[key] for key in ("status", "queries", "commands")} == {
        "status": "starting", "queries": False, "commands": False}
    assert (ready.status, ready.json["status"], ready.json["queries"]) == (200, "ready", True)
    assert cqrsd.query("ping").status == 200


def test_connections_that_cannot_be_made_keep_it_starting_only_for_a_while(start_cqrsd, narrow):
    cqrsd = start_cqrsd(wait="alive", **narrow)
    starting = ready_once(cqrsd, all_up)
    ready = ready_once(cqrsd, lambda state: state["status"] != "starting")

    assert (starting.status, starting.json["status"]) == (503, "starting")
    assert (ready.status, ready.json["status"]) == (200, "ready")


def test_an_unknown_admin_page_is_404(api):
    assert api.admin.get("/nothing").status == 404


def test_the_api_is_not_served_on_the_admin_address(api):
    assert api.admin.get("/v1/queries/ping").status == 404


def test_the_metrics_of_the_contract_are_there_with_their_labels(api):
    api.query("ping")
    api.command("put", user="ann", number=1)
    metrics = api.metrics()

    for name, labels in METRICS.items():
        found = [set(sample[1]) for sample in metrics.samples
                 if re.fullmatch(f"{name}(_bucket|_sum|_count)?", sample[0])]
        assert found, f"{name} is missing"
        assert set().union(*found) <= labels, name


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_has_nothing_to_say_about_the_metrics(api):
    api.query("ping")
    api.query("divide", by=0)
    api.query("nothing")
    done = subprocess.run(["promtool", "check", "metrics"], input=api.metrics().text, text=True,
                          capture_output=True, check=False)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_requests_are_counted_by_kind_name_and_code(cqrsd):
    for _ in range(3):
        cqrsd.query("ping")
    cqrsd.query("divide", by=0)
    metrics = cqrsd.metrics()

    assert metrics.sum("cqrsd_http_request_duration_seconds_count", kind="query",
                       name="ping") == 3
    assert metrics.sum("cqrsd_http_request_duration_seconds_count", name="divide") == 1


def test_names_that_clients_make_up_do_not_become_metrics(cqrsd):
    for number in range(50):
        cqrsd.get(f"/v1/queries/made_up_{number}")

    assert "made_up_" not in cqrsd.metrics().text


def test_users_never_show_in_metrics_or_log(cqrsd):
    cqrsd.command("put", user="very-private", number=1)
    cqrsd.query("cell", user="very-private", owner="very-private")

    assert "very-private" not in cqrsd.metrics().text
    assert "very-private" not in cqrsd.log_text()


def test_open_fds_is_what_the_kernel_says(cqrsd):
    # A connection may be made or closed between the two looks.
    until(lambda: abs(cqrsd.metrics().sum("cqrsd_open_fds") - cqrsd.fds()) <= 3, "the same number")


def test_the_service_keeps_to_its_number_of_connections(start_cqrsd, cluster):
    def named(node):
        """Its connections can be told from those of other services."""
        return node.conninfo + "?application_name=counted"

    def conns():
        return [int(node.sql("SELECT count(*) FROM pg_stat_activity "
                             "WHERE application_name = 'counted'")) for node in cluster.nodes]
    cqrsd = start_cqrsd(pool_conns=4, primary=named(cluster.primary),
                        replica=[named(node) for node in cluster.replicas])
    # What asks for the facts of the document is there for a moment.
    until(lambda: cqrsd.get("/openapi.json").status == 200 and max(conns()) <= 4 + 2,
          "the facts of the document to be known")
    with ThreadPoolExecutor(32) as pool:
        asked = [pool.submit(cqrsd.query, "sleep", seconds=0.02) for _ in range(200)]
        counts = [conns() for _ in range(5)]
        assert all(answer.result().status in (200, 503) for answer in asked)

    # The monitor has a connection of its own to each node, and sometimes a fresh one beside it.
    most = [max(column) for column in zip(*counts)]
    assert max(most) <= 4 + 2, most
    assert min(most) >= 4 + 1, most


def test_a_node_that_is_down_shows_in_node_up(cqrsd, cluster):
    gone = cluster.replica(2)
    gone.stop("immediate")

    until(lambda: cqrsd.metrics().sum("cqrsd_node_up", node=gone.address) == 0,
          "node_up to be 0")
    assert cqrsd.metrics().sum("cqrsd_node_up", node=cluster.primary.address, role="primary") == 1


def in_flight(cqrsd, operation):
    """The lines of /admin/api/requests for that operation; None: there is none."""
    page = cqrsd.admin.get("/admin/api/requests").json
    return [one for one in page["requests"] if one["operation"] == operation] or None


def test_a_query_that_runs_is_shown_with_its_state_and_age(cqrsd):
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(cqrsd.query, "sleep", seconds=3)
        shown = until(lambda: [entry for entry in in_flight(cqrsd, "sleep") or []
                               if entry["state"] == "out"], "the page to show it")[0]

        assert (shown["kind"], shown["state"], shown["waits_for"]) == ("query", "out", "db")
        assert ":" in shown["node"] and shown["age_seconds"] > 0 and shown["id"]
        assert slow.result(20).status == 200
    until(lambda: cqrsd.admin.get("/admin/api/requests").json == {"in_flight": 0, "requests": []},
          "the page to be empty again")
