/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The story of a job that did not end well: an entry for each attempt that failed. Its caller reads
 * it, so that words of PostgreSQL stand in it only where they hold no rows of others.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/text.h"
#include "pg/call.h"

#include <stdint.h>

struct attempt {
	unsigned n;                   /* from 1 */
	int64_t wall_us;              /* the primary's, when it began */
	int64_t took_ms;              /* negative: not known */
	const char *instance;         /* which ran it */
	const struct pg_error *error; /* NULL: the server said nothing */
	const char *message;          /* in our words; NULL: the server's, where they may be told */
};

/* An element of the log; in the arena. scratch is overwritten. */
struct text attempt_log_entry(struct arena *arena, struct buf *scratch,
			      const struct attempt *attempt) must_check;
