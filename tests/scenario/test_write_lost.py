"""A failover that loses WAL: who is told, once, and who goes on undisturbed."""

import functools
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.promotion import clone_again, cut_off_all, fail_over, promote
from harness.until import always, until


@pytest.fixture
def nodes(fresh_cluster):
    """The old primary, the one that will be promoted, and another standby."""
    return list(fresh_cluster.nodes)


@pytest.fixture
def cqrsd(start_cqrsd, fresh_cluster, nodes):
    return start_cqrsd(on=fresh_cluster)


def put(cqrsd, user, number, **more):
    answer = cqrsd.command("put", user=user, number=number, **more)
    assert answer.status == 200, answer
    return answer


def commands_again(cqrsd, new):
    until(lambda: cqrsd.node(new.address)["role"] == "primary", "the new primary to be seen", 20)


def lossy(cqrsd, nodes, lose):
    old, new, other = nodes
    fail_over(old, new, [other], lose=lose)
    commands_again(cqrsd, new)


def test_a_lost_token_is_told_and_its_successor_goes_on(cqrsd, nodes):
    lost = []
    lossy(cqrsd, nodes, lambda: lost.append(put(cqrsd, "zoe", 1).token))

    for _ in range(2):
        answer = cqrsd.query("ping", token=lost[0])
        assert (answer.status, answer.code) == (409, "write-lost"), answer
        assert answer.token and answer.token != lost[0]
    assert cqrsd.query("ping", token=answer.token).status == 200
    refused = cqrsd.command("put", user="bob", number=7, token=lost[0])
    assert refused.code == "write-lost"
    assert cqrsd.query("cell", owner="bob", consistency="strong").data is None


def test_a_survived_token_reads_its_write_on_the_new_timeline(cqrsd, nodes):
    old, new, other = nodes
    kept = put(cqrsd, "ann", 5).token
    old.cluster.wait_until_replayed()
    lossy(cqrsd, nodes, lambda: put(cqrsd, "bob", 6))

    answer = cqrsd.query("cell", owner="ann", token=kept)
    assert answer.status == 200 and answer.data["number"] == 5
    until(lambda: cqrsd.query("cell", owner="ann", token=kept).served_by.node == other.address,
          "the other standby to serve again", 20)


def test_a_lost_session_entry_is_told_once(cqrsd, nodes):
    lossy(cqrsd, nodes, lambda: [put(cqrsd, user, 1) for user in ("ann", "bob", "cid")])

    answer = cqrsd.query("cell", user="ann", owner="ann")
    assert (answer.status, answer.code) == (409, "write-lost")
    assert cqrsd.query("cell", user="ann", owner="ann").data is None
    assert cqrsd.query("ping", user="bob", consistency="strong").code == "write-lost"
    assert cqrsd.query("ping", user="bob", consistency="strong").status == 200
    assert cqrsd.command("put", user="cid", number=2).code == "write-lost"
    assert cqrsd.command("put", user="cid", number=3).status == 200
    assert cqrsd.query("cell", user="cid", owner="cid").data["number"] == 3


def test_those_who_lost_nothing_are_not_bothered(cqrsd, nodes):
    put(cqrsd, "ann", 5)
    nodes[0].cluster.wait_until_replayed()
    lossy(cqrsd, nodes, lambda: put(cqrsd, "bob", 6))

    assert cqrsd.query("cell", user="ann", owner="ann").data["number"] == 5
    assert cqrsd.query("ping", user="never wrote").status == 200
    assert cqrsd.query("ping").status == 200


def test_a_lost_token_and_a_lost_session_are_told_at_once(cqrsd, nodes):
    lost = []
    lossy(cqrsd, nodes, lambda: lost.append(put(cqrsd, "ann", 1).token))

    told = cqrsd.query("cell", user="ann", owner="ann", token=lost[0])

    assert told.code == "write-lost"
    assert cqrsd.query("cell", user="ann", owner="ann", token=told.token).data is None
    assert cqrsd.command("put", user="ann", number=2, token=told.token).status == 200


def test_the_token_that_is_told_keeps_what_another_token_stood_for(cqrsd, nodes):
    lost = []
    lossy(cqrsd, nodes, lambda: lost.append(put(cqrsd, "zoe", 1).token))
    kept = put(cqrsd, "bob", 2).token

    told = cqrsd.query("cell", owner="bob", token=f"{kept}, {lost[0]}")

    assert told.code == "write-lost"
    for _ in range(10):
        assert cqrsd.query("cell", owner="bob", token=told.token).data["number"] == 2


def test_a_standby_that_follows_the_new_primary_unseen_proves_nothing(start_cqrsd, fresh_cluster,
                                                                      nodes):
    """Its position is past the lost write's, on another timeline; the monitor looks rarely."""
    old, new, other = nodes
    cqrsd = start_cqrsd(on=fresh_cluster, lag_poll_ms=60000, max_lag_ms=0, max_lag_bytes=0)
    put(cqrsd, "ann", 1)
    fresh_cluster.wait_until_replayed()
    cut_off_all(new, other)
    put(cqrsd, "ann", 2)
    old.stop("immediate")
    promote(new, [other])
    new.sql("SELECT pg_logical_emit_message(true, 'far', repeat('x', 1000000))")
    other.wait_until_replayed(new.flush_lsn())

    def told():
        answer = cqrsd.query("cell", user="ann", owner="ann")
        always(answer.status in (409, 503), answer)
        return answer.status == 409
    until(told, "the loss to be told", 20)

    assert cqrsd.query("cell", user="ann", owner="ann").data["number"] == 1


def test_a_command_that_the_old_primary_still_runs_is_never_acknowledged(cqrsd, nodes):
    """It commits there, after the promotion was found: nobody will ever see it."""
    old, new, other = nodes
    cut_off_all(new, other)
    with ThreadPoolExecutor() as clients:
        slow = clients.submit(cqrsd.command, "append.slowly", user="ann", number=1, seconds=3)
        until(lambda: old.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE"
                              " '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()")
              != "0", "the command to run")
        promote(new, [other])
        commands_again(cqrsd, new)
        answer = slow.result()

    assert (answer.status, answer.code) == (503, "outcome-unknown"), answer
    assert cqrsd.command("put", user="ann", number=3).status == 200
    assert cqrsd.query("cell", user="ann", owner="ann").data["number"] == 3


def test_after_a_restart_a_loss_beyond_the_floor_is_told_to_each_user_once(start_cqrsd, cqrsd,
                                                                           fresh_cluster, nodes):
    def write_and_restart():
        put(cqrsd, "ann", 1)
        cqrsd.kill9()
        cqrsd.start("commands")

    lossy(cqrsd, nodes, write_and_restart)

    assert cqrsd.query("cell", user="ann", owner="ann").code == "write-lost"
    assert cqrsd.query("cell", user="ann", owner="ann").data is None


def test_a_clean_promotion_bothers_nobody(cqrsd, nodes):
    old, new, other = nodes
    token = put(cqrsd, "ann", 5).token
    old.stop("fast")
    fail_over(old, new, [other])
    commands_again(cqrsd, new)

    assert cqrsd.query("cell", user="ann", owner="ann").data["number"] == 5
    assert cqrsd.query("cell", owner="ann", token=token).data["number"] == 5
    assert cqrsd.query("ping", user="never wrote").status == 200


def test_an_old_primary_that_is_cloned_again_serves_as_a_replica(cqrsd, nodes):
    old, new, other = nodes
    lost = []
    lossy(cqrsd, nodes, lambda: lost.append(put(cqrsd, "zoe", 1).token))
    old.start()
    until(lambda: cqrsd.metrics().sum("cqrsd_node_fenced", node=old.address) == 1,
          "the old primary to be fenced", 20)

    clone_again(old, new)

    until(lambda: cqrsd.node(old.address)["in_rotation"], "the old primary to serve", 20)
    assert cqrsd.metrics().sum("cqrsd_node_fenced", node=old.address) == 0
    assert cqrsd.query("ping", token=lost[0]).code == "write-lost"


def test_an_instance_that_was_started_after_the_promotion_knows_the_history(start_cqrsd, cqrsd,
                                                                            fresh_cluster, nodes):
    tokens = [put(cqrsd, "zoe", 1).token]
    fresh_cluster.wait_until_replayed()
    lossy(cqrsd, nodes, lambda: tokens.append(put(cqrsd, "zoe", 2).token))
    nodes[1].restart()

    late = start_cqrsd(on=fresh_cluster, wait="commands")

    assert late.query("ping", token=tokens[0]).status == 200
    assert late.query("ping", token=tokens[1]).code == "write-lost"


NO_LIVES = "REVOKE ALL ON cqrsd.log_life FROM app"


def lost_as_app(start_cqrsd, fresh_cluster, nodes, grants):
    """A role without REPLICATION serves; zoe's second write is lost. How to start, the service, the
    tokens of both writes."""
    nodes[0].sql("CREATE ROLE app LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public, cqrsd TO app;"
                 f"GRANT USAGE ON SCHEMA cqrsd TO app; {grants}")
    fresh_cluster.wait_until_replayed()
    primary, *replicas = [node.conninfo.replace("postgres@", "app@") for node in nodes]
    start = functools.partial(start_cqrsd, on=fresh_cluster, primary=primary, replica=replicas)
    cqrsd = start()
    tokens = [put(cqrsd, "zoe", 1).token]
    fresh_cluster.wait_until_replayed()
    lossy(cqrsd, nodes, lambda: tokens.append(put(cqrsd, "zoe", 2).token))
    return start, cqrsd, tokens


def test_the_lives_of_the_log_tell_what_was_lost_without_any_history(
        start_cqrsd, fresh_cluster, catalog, nodes):
    start, _, tokens = lost_as_app(start_cqrsd, fresh_cluster, nodes, "GRANT pg_monitor TO app")
    nodes[1].restart()

    late = start(wait="commands")

    assert late.query("ping", token=tokens[0]).status == 200
    assert late.query("ping", token=tokens[1]).code == "write-lost"


def test_without_replication_a_function_tells_what_was_lost_also_after_a_restart(
        start_cqrsd, fresh_cluster, catalog, nodes):
    start, _, tokens = lost_as_app(
        start_cqrsd, fresh_cluster, nodes, f"{NO_LIVES}; GRANT pg_read_all_stats TO app;"
        "GRANT EXECUTE ON FUNCTION cqrsd.timeline_history(integer) TO app")
    nodes[1].restart()

    late = start(wait="commands")

    assert late.query("ping", token=tokens[0]).status == 200
    assert late.query("ping", token=tokens[1]).code == "write-lost"


def test_without_replication_rights_the_promoted_server_tells_until_its_restart(
        start_cqrsd, fresh_cluster, catalog, nodes):
    start, cqrsd, tokens = lost_as_app(start_cqrsd, fresh_cluster, nodes,
                                       f"{NO_LIVES}; GRANT pg_monitor TO app")

    assert cqrsd.query("ping", token=tokens[0]).status == 200
    assert cqrsd.query("ping", token=tokens[1]).code == "write-lost"
    assert "REPLICATION" in cqrsd.log_text()

    nodes[1].restart()
    late = start(wait="commands")
    answer = late.query("ping", token=tokens[1])
    assert answer.status == 200 and answer.served_by.reason == "strong"
