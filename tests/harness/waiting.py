"""What goes on while a story does something else, and whether cqrsd shows that it waits."""

import threading

from harness.until import until


def in_background(function):
    """Runs it in a thread; hands back a function that waits for what it returned."""
    came = []
    thread = threading.Thread(target=lambda: came.append(function()))
    thread.start()

    def result():
        thread.join(60)
        assert came, "it has not ended"
        return came[0]
    return result


def until_waits(node, event, what, table=None):
    """The id of the one backend that waits for such an event; of those in a transaction that has
    used the table. For a standby others wait, too: questions of cqrsd to the catalogs that have
    taken a transaction's id."""
    ask = f"SELECT pid FROM pg_stat_activity WHERE wait_event = '{event}' AND state = 'active'"
    if table:
        ask += f" AND pid IN (SELECT pid FROM pg_locks WHERE relation = '{table}'::regclass)"
    return until(lambda: node.sql(ask), what)


def waits_for(cqrsd, operation):
    """What each request of that operation waits for, as /admin/api/requests shows it."""
    page = cqrsd.admin.get("/admin/api/requests").json
    return [one["waits_for"] for one in page["requests"] if one["operation"] == operation]
