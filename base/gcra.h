/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GCRA (generic cell rate algorithm): a token bucket in one number per key, the moment at which the
 * bucket is full again (TAT). A request moves it by its cost; it is denied if that would put it
 * further ahead of now than the whole bucket is worth. A denial changes nothing.
 *
 *   tat' = max(now, tat) + cost * unit        denied if tat' - now > burst * unit
 *
 * Time is in nanoseconds of the monotonic clock, all arithmetic is on integers: exact, no drift.
 *
 * The table is one of the few things that threads share: fixed, 16 bytes a key, without a lock. A
 * key has GCRA_WAYS places; one whose TAT is over belongs to a key with a full bucket, which is
 * what a key that is not there has, so it may be taken. If all of them are in use by other keys,
 * the answer is GCRA_UNKNOWN: no key ever pays for another one.
 */
#pragma once

#include "base/check.h"

#include <stddef.h>
#include <stdint.h>

#define GCRA_WAYS 8

struct gcra_rate {
	int64_t unit_ns;  /* until one unit of cost has grown back */
	int64_t burst_ns; /* the whole bucket */
};

enum gcra_verdict { GCRA_ALLOWED, GCRA_DENIED, GCRA_UNKNOWN };

struct gcra_answer {
	enum gcra_verdict verdict;
	int64_t tat_ns; /* as it is now: a denial left it as it was */
};

struct gcra_table;

/* slots: rounded up to a power of two. The memory is touched only as it fills. */
struct gcra_table *gcra_table_new(size_t slots) must_check;
void gcra_table_free(struct gcra_table *table);

/*
 * Any thread. key: a hash of 64 bits, which is all that is kept. cost_ns: of the request, from 1 to
 * burst_ns. Of threads whose clocks differ, each one decides by its own now.
 */
struct gcra_answer gcra_take(struct gcra_table *table, uint64_t key, int64_t now_ns,
			     int64_t cost_ns, int64_t burst_ns) must_check;
/* What gcra_take would answer, with the TAT as it is; changes nothing. */
struct gcra_answer gcra_peek(const struct gcra_table *table, uint64_t key, int64_t now_ns,
			     int64_t cost_ns, int64_t burst_ns) must_check;

/* The TAT after a request; pure. */
static inline int64_t gcra_next(int64_t tat_ns, int64_t now_ns, int64_t cost_ns)
{
	return (tat_ns > now_ns ? tat_ns : now_ns) + cost_ns;
}

/* How long after now a request that is denied would be allowed; 0: it would be now. Pure. */
int64_t gcra_wait_ns(int64_t tat_ns, int64_t now_ns, int64_t cost_ns, int64_t burst_ns);
/* Whole units that are left, and how long until there is one more (0: it is full). Pure. */
int64_t gcra_left(struct gcra_rate rate, int64_t tat_ns, int64_t now_ns, int64_t *next_ns);
