/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the requests of one loop wait until the feed is known up to a position. On the loop's
 * thread.
 */
#pragma once

#include "base/check.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/position.h"
#include "router/feed/feed_shared.h"

#include <stdbool.h>

struct feed_waiter {
	/* It is known so far, or not to be known now. It waits no more, and may be freed. */
	void (*on_known)(struct feed_waiter *waiter);
	struct position position;
	/* Its own; zeroed before it is used first. */
	struct list_link link;
	struct list *list;
};

struct feed_desk {
	struct feed_shared *shared; /* NULL: the feed is off */
	struct feed_post *post;
	struct list waiters;
};

/* On one thread for all loops, before this one runs. */
void feed_desk_init(struct feed_desk *desk, struct loop *loop, struct feed_shared *shared);
/* False: it is not to be known: the feed is not read, or follows another timeline. */
bool feed_desk_wait(struct feed_desk *desk, struct feed_waiter *waiter) must_check;
void feed_desk_leave(struct feed_waiter *waiter);

/* The reader's thread: more is known, or nothing any more. True: there are desks that wait. */
bool feed_desks_tell(struct feed_shared *shared);
