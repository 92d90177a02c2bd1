"""Does the cache answer?"""

from .until import until

# A busy machine takes its time to find out what queries read; after a minute it asks again.
KEPT_DEADLINE_S = 30


def role(reply):
    return reply.served_by.role


def is_kept(service, name, user=None, **parameters):
    """Does a second question get what the first one left?"""
    service.query(name, user=user, **parameters)
    return role(service.query(name, user=user, **parameters)) == "cache"


def until_kept(service, name, /, what="answers to be kept", **asked):
    """Asks until the cache answers."""
    until(lambda: is_kept(service, name, **asked), what, KEPT_DEADLINE_S)
