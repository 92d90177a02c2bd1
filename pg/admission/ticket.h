/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What admission knows of a call: who asks, how urgently, and since when it waits. Embedded in
 * struct call (pg/call.h): container_of(link, struct call, ticket.link). Queues are lists of
 * tickets. Times are microseconds of the loop's clock.
 */
#pragma once

#include "base/list.h"
#include "base/statement.h"

#include <stdbool.h>
#include <stdint.h>

#define PRIORITY_SPILLED 8

/* Who is admitted first when not all can be. */
struct priority {
	bool asked;            /* by a request; false: it goes on with something, and is let in */
	unsigned urgency;      /* 0 most urgent … 7; PRIORITY_SPILLED: the primary's favour */
	unsigned cohort;       /* among equals, the least first */
	uint64_t user, caller; /* hashes, to whom its time is charged; 0: not known */
};

struct ticket {
	/* Set by the maker of the call. */
	struct priority priority;
	int64_t deadline_us; /* later the answer is of no use; 0: none */

	/* The pool's. */
	struct list_link link;             /* in a queue, or among the calls that have ended */
	const struct statement *statement; /* the call's; NULL: of a probe */
	int64_t waits_since_us;            /* when it joined its queue, or came back to it */
	unsigned rank;                     /* set by admission in a queue that is overloaded */
	uint8_t placements;                /* how often it was put into a batch */
	/* a core is kept free of it for quick queries (pg/admission/core_reserve.h) */
	bool waits_for_core;
};
