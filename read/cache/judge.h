/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this answer, which was kept, be given for that request? A pure function of positions; its
 * whole behaviour is a table in tests/unit/test_cache_judge.c.
 *
 * An answer has two bounds: all up to lower is shown by it, nothing beyond upper. What touches its
 * tags lies where the stripes say (router/feed/stripes.h); so an answer whose lower bound is there
 * or beyond is what PostgreSQL would answer, as far as all is known that touched these tags.
 */
#pragma once

#include "base/check.h"
#include "read/cache/facts.h"

#include <stdbool.h>
#include <stdint.h>

/* By what it is judged. */
struct cache_view {
	int64_t now_us;
	int64_t fresh_us, stale_us; /* @cache, and swr behind it */
	/* Of the tags: stripes_state. */
	uint32_t timeline; /* 0: nothing is known */
	uint32_t life;     /* of the log by which the request was judged */
	uint32_t version;
	uint64_t touched;
	bool in_doubt;
	/* Are all who write to its tables in the feed? Then known is A. */
	bool counted;
	uint64_t known;
	/* What the request must see, on that timeline; 0: nothing. */
	uint64_t required;
	uint64_t token;     /* of required, what its tokens say */
	bool indexed;       /* required comes of the read index, other instances write, too */
	int64_t lag_us_max; /* max-staleness; -1: no limit */
	int64_t oldest_us;  /* an answer that was made before is not asked for */
};

enum cache_verdict {
	CACHE_HIT,
	CACHE_STALE,   /* a hit by positions whose time is over, not longer ago than swr */
	CACHE_EXPIRED, /* its time is over */
	CACHE_OTHER,   /* of another timeline, or of another version */
	CACHE_DOUBT,   /* a command is on its way that touches it */
	CACHE_TOUCHED, /* something has */
	CACHE_BEHIND,  /* it may not show what the request must see */
	CACHE_LAGS,    /* it may be older than the request allows */
	CACHE_OLD,     /* it was made before the client would take it */
};

enum cache_verdict cache_judge(const struct cache_facts *facts,
			       const struct cache_view *view) must_check;
/* May it be kept? */
bool cache_may_keep(const struct cache_facts *facts, const struct cache_view *view) must_check;
const char *cache_verdict_name(enum cache_verdict verdict) must_check;
