"""What goes on while a story does something else, and whether cqrsd shows that it waits."""

import threading


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


def waits_for(cqrsd, operation):
    """What each request of that operation waits for, as /admin/api/requests shows it."""
    page = cqrsd.admin.get("/admin/api/requests").json
    return [one["waits_for"] for one in page["requests"] if one["operation"] == operation]
