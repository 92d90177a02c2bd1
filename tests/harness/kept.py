"""Does the cache answer?"""


def role(reply):
    return reply.served_by.role


def is_kept(service, name, user=None, **parameters):
    """Does a second question get what the first one left?"""
    service.query(name, user=user, **parameters)
    return role(service.query(name, user=user, **parameters)) == "cache"
