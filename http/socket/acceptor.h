/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes connections from a listening socket. When the process or the machine has no descriptor
 * left, one of HTTP_RESERVES is lent to the next connection, which is refused with it: so a client
 * learns it at once, instead of waiting in the backlog until another one leaves. Another thread may
 * take the descriptor meanwhile, and keep it, as a conn to a node does; then another one is lent.
 * Until an acceptor has all of them back the acceptors of the process refuse all connections, so
 * that the next descriptor is free for it; with none it accepts none. It rests for
 * HTTP_ACCEPT_PAUSE_US between its tries, and when there is no memory.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/loop.h"

#include <stdbool.h>
#include <sys/socket.h>

struct acceptor {
	struct loop *loop;
	int fd;                      /* listens; -1: stopped */
	bool is_unix;                /* a Unix socket, from which other loops accept as well */
	int reserves[HTTP_RESERVES]; /* held for connections that are to be refused */
	unsigned reserves_count;     /* of these, that are not lent or lost */
	struct loop_watch watch;
	struct loop_timer pause;
	/* Both take the descriptor; of a Unix socket the address is its peer (http/socket/peer.h).
	 * full: it is the reserved one, which is needed back at once. */
	void (*on_connection)(struct acceptor *acceptor, int fd, const struct sockaddr *address,
			      socklen_t address_len);
	void (*on_full)(struct acceptor *acceptor, int fd);
};

/* Takes fd, which is non-blocking and listens; the callbacks are set already. */
void acceptor_init(struct acceptor *acceptor, struct loop *loop, int fd);
/* Lets in who comes. Until then connections wait in the backlog. */
void acceptor_start(struct acceptor *acceptor);
/* Does a connection wait in the backlog? */
bool acceptor_has_newcomers(const struct acceptor *acceptor) must_check;
/*
 * Accepts what has connected by now, then closes the socket. No client can connect in between: a
 * connection that the kernel has accepted and we have not would be reset. Nothing to do when it is
 * stopped.
 */
void acceptor_stop(struct acceptor *acceptor);
