/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of connections that we ended while the client was still sending. Closing such a socket
 * resets it, and the client may lose the very reply that says why. So a copy of the descriptor
 * is read, and forgotten what comes, until the client has closed or HTTP_LINGERING_US are over.
 * At most HTTP_LINGERING_MAX at a time; what is beyond is reset.
 */
#pragma once

#include "base/list.h"
#include "base/loop.h"

struct lingering_close {
	struct loop *loop;
	struct list list; /* oldest first */
	struct loop_timer timer;
};

void lingering_close_init(struct lingering_close *lingering_close, struct loop *loop);
/* Closes all of them. */
void lingering_close_fini(struct lingering_close *lingering_close);
/* fd stays the caller's, who closes it. Nothing happens when the client has closed already. */
void lingering_close_begin(struct lingering_close *lingering_close, int fd);
