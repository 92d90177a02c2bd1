/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of connections that we ended while the client was still sending. Closing such a socket
 * resets it, and the client may lose the very reply that says why. So a copy of the descriptor is
 * read, and forgotten what comes, until the client has closed or HTTP_LINGER_US are over. At most
 * HTTP_LINGERERS_MAX at a time; what is beyond is reset.
 */
#pragma once

#include "base/list.h"
#include "base/loop.h"

struct lingerers {
	struct loop *loop;
	struct list list; /* oldest first */
	struct loop_timer timer;
};

void lingerers_init(struct lingerers *lingerers, struct loop *loop);
/* Closes all of them. */
void lingerers_fini(struct lingerers *lingerers);
/* fd stays the caller's, who closes it. Nothing happens when the client has closed already. */
void linger(struct lingerers *lingerers, int fd);
