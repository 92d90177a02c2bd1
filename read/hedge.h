/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hedged reads (--hedge on): a query that takes longer than nineteen of twenty of its statement did
 * is asked of a second replica as well, and the first answer counts. Each is proven by its own
 * probes, as if it were alone; the other one is forgotten, and cancelled where it travels alone.
 * Never to the primary, never a second time, never beyond a budget of 2 % of the node's requests.
 *
 * One loop, no locks.
 */
#pragma once

#include "base/check.h"
#include "base/statement.h"
#include "read/query.h"
#include "router/choose.h"

#include <stdint.h>

struct flight;
struct read;

/* In the request's arena. */
struct hedge {
	struct read *read;
	struct query query;
	struct choice choice;
	unsigned life; /* of the chosen node, as in struct read */
	uint32_t timeline;
	struct buf out;
};

/* The statement was answered after that long: its rolling 95th percentile moves. */
void hedge_learn(struct statement *statement, int64_t took_us);
/* After how long a second replica is worth it; 0: not known yet. */
int64_t hedge_due_us(const struct statement *statement) must_check;

/* The query has been submitted: after how long hedge_on_late is to be called. 0: never. */
int64_t hedge_late_us(const struct read *read) must_check;
/* As flight.on_late: asks a second replica, if it is time and its budget pays for it. */
void hedge_on_late(struct flight *flight, int64_t out_us);
/* The first one has answered, or the query was forgotten. Nothing to do where there is none. */
void hedge_forget(struct read *read);
