"""Many instances, one truth: who wrote through one instance reads it through another one."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.forwarder import Forwarder
from harness.until import until

PAIRS = 300
USERS = 6


@pytest.fixture
def pair(start_cqrsd):
    """Two instances that know nothing of each other, and their options."""
    def start(**options):
        return [start_cqrsd(**options), start_cqrsd(**options)]
    return start


def pause_both(cluster):
    cluster.replica(1).pause_replay()
    cluster.replica(2).pause_replay()


def write_here_read_there(services, user, count):
    """How many of so many writes through one instance the other did not show, and who answered."""
    stale, roles = 0, []
    for number in range(count):
        written, asked = services[number % 2], services[(number + 1) % 2]
        written.command("put", user=user, number=number)
        answer = asked.query("cell", user=user, owner=user)
        stale += not answer.data or answer.data["number"] != number
        roles.append(answer.served_by.role)
    return stale, roles


def all_users(services):
    with ThreadPoolExecutor(USERS) as pool:
        done = [pool.submit(write_here_read_there, services, f"user{i}", PAIRS // USERS)
                for i in range(USERS)]
    return [job.result() for job in done]


def test_a_user_who_wrote_through_one_instance_reads_it_through_the_other(pair, cluster):
    found = all_users(pair(sessions="cluster", wait_ms=1000))

    assert sum(stale for stale, _ in found) == 0
    assert "replica" in {role for _, roles in found for role in roles}


def test_sessions_of_one_instance_do_not_hold_at_the_other(pair, cluster, user):
    """The control: what the story above would see without the read index."""
    services = pair(sessions="local")
    pause_both(cluster)

    assert services[0].readyz().json["sessions"] == "local"
    services[0].command("put", user=user, number=7)

    assert services[1].query("cell", user=user, owner=user).data is None


def test_a_paused_replica_does_not_show_what_was_written_elsewhere(pair, cluster, user):
    services = pair(sessions="cluster")
    pause_both(cluster)

    services[0].command("put", user=user, number=7)
    answer = services[1].query("cell", user=user, owner=user)

    assert answer.data["number"] == 7
    assert answer.served_by.role == "primary"


def test_an_old_token_does_not_hide_a_later_write(pair, cluster, user):
    services = pair(sessions="cluster", wait_ms=1000)
    token = services[0].command("put", user=user, number=1).token

    for number in range(2, 40):
        services[0].command("put", user=user, number=number)
        answer = services[1].query("cell", user=user, token=token, owner=user)
        assert answer.data["number"] == number


@pytest.mark.serve(wait_ms=1000)
def test_a_strong_read_from_replicas_sees_what_psql_has_committed(cqrsd, cluster):
    cqrsd.command("put", user="ann", number=0)
    reasons = set()

    for number in range(1, 40):
        cluster.primary.sql(f"UPDATE cells SET number = {number} WHERE owner = 'ann'")
        answer = cqrsd.query("cell", user="bob", consistency="strong;from=replica", owner="ann")
        assert answer.data["number"] == number
        assert answer.served_by.level == "strong"
        # A replica that does not answer for 100 ms loses a query to the primary, which is told.
        assert answer.served_by.role == "replica" or answer.served_by.reason == "strong-primary"
        reasons.add(answer.served_by.reason)
    assert reasons != {"strong-primary"}


def test_a_strong_read_that_falls_back_says_so(cqrsd, cluster):
    pause_both(cluster)
    cqrsd.command("put", user="ann", number=3)

    answer = cqrsd.query("cell", user="bob", consistency="strong;from=replica", owner="ann")

    assert answer.data["number"] == 3
    assert answer.served_by.reason == "strong-primary"


@pytest.mark.serve(sessions="cluster", wait_ms=1000)
def test_where_commits_are_acknowledged_early_the_primary_answers(cqrsd, cluster):
    cluster.primary.sql("ALTER SYSTEM SET synchronous_commit = off")
    cluster.primary.sql("SELECT pg_reload_conf()")
    try:
        def answered_by_the_primary():
            cqrsd.command("put", user="ann", number=4)
            return cqrsd.query("cell", user="ann", owner="ann").served_by.role == "primary"
        until(answered_by_the_primary, "the primary to answer")
    finally:
        cluster.primary.sql("ALTER SYSTEM RESET synchronous_commit")
        cluster.primary.sql("SELECT pg_reload_conf()")


@pytest.mark.serve(sessions="cluster", wait_ms=1000, max_lag_ms=600000)
def test_what_the_next_session_of_the_role_does_counts(cqrsd, cluster):
    """Sessions that are there have what was said when they began, and others will begin."""
    def answered_by(role):
        def answered():
            cqrsd.command("put", user="ann", number=4)
            return cqrsd.query("cell", user="ann", owner="ann").served_by.role == role
        until(answered, f"the {role} to answer")
    try:
        for whose, value, role in (("DATABASE shop", "off", "primary"),
                                   ("ROLE postgres", "on", "replica"),
                                   ("ROLE postgres IN DATABASE shop", "'0'", "primary"),
                                   ("ROLE postgres IN DATABASE shop", "local", "replica")):
            cluster.primary.sql(f"ALTER {whose} SET synchronous_commit = {value}")
            answered_by(role)
    finally:
        for whose in ("DATABASE shop", "ROLE postgres", "ROLE postgres IN DATABASE shop"):
            cluster.primary.sql(f"ALTER {whose} RESET synchronous_commit")


@pytest.fixture
def far(start_cqrsd, cluster):
    """An instance, and the door through which it reaches the primary."""
    door = Forwarder(("127.0.0.1", cluster.primary.port))
    conninfo = f"postgresql://postgres@{door.address}/{cluster.database}"
    # What the primary does not answer for a while must not look as if it were gone.
    yield start_cqrsd(primary=conninfo, sessions="cluster", wait_ms=1000, loops=1,
                      lag_strikes=1000), door
    door.close()


def in_confirm(cqrsd):
    return sum(entry["state"] == "confirm" for entry in
               cqrsd.admin.get("/admin/api/requests").json["requests"])


def test_what_the_primary_said_before_a_query_came_does_not_count_for_it(far, start_cqrsd, cluster):
    cqrsd, door = far
    other = start_cqrsd(sessions="cluster")
    other.command("put", user="ann", number=1)
    assert cqrsd.query("cell", user="ann", owner="ann").data["number"] == 1

    with ThreadPoolExecutor(2) as pool:
        door.hold()
        early = pool.submit(cqrsd.query, "cell", user="bob", owner="ann")
        until(lambda: in_confirm(cqrsd) == 1 and
              any(b"look" not in piece for piece in door.held), "the primary to have said it")
        cluster.replica(1).pause_replay()
        cluster.replica(2).pause_replay()
        other.command("put", user="ann", number=2)
        late = pool.submit(cqrsd.query, "cell", user="ann", owner="ann")
        until(lambda: in_confirm(cqrsd) == 2, "the other query to wait")
        door.let_go()

        assert early.result().data["number"] in (1, 2)
        assert late.result().data["number"] == 2
