/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A point in the life of the cluster: {timeline, lsn}. PostgreSQL documentation, "WAL Internals":
 * an lsn is a byte offset into the write-ahead log, written XXXXXXXX/XXXXXXXX.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct position {
	/* PostgreSQL's number, 0: not known. Where it is kept, with the era of its branch above it
	 * (router/cluster/branches.h). */
	uint32_t timeline;
	uint64_t lsn; /* 0: not known, or nothing */
};

#define POSITION_NONE ((struct position){ 0, 0 })
#define POSITION_TEXT_MAX 18 /* XXXXXXXX/XXXXXXXX and its NUL */

/*
 * What is flushed in the background ends at the end of a page, amid a record or not: a crash may
 * keep less. Everywhere else a flush position is the end of a record.
 */
#define WAL_PAGE_BYTES 8192
static inline bool lsn_may_be_amid_a_record(uint64_t lsn)
{
	return lsn % WAL_PAGE_BYTES == 0;
}

static inline bool position_known(struct position position)
{
	return position.lsn != 0;
}

/*
 * By timeline first, then by lsn: the greater of two positions of one history. Whether a position
 * of an older timeline survived a promotion is not decided here but by the timeline history.
 */
static inline int position_compare(struct position a, struct position b)
{
	if (a.timeline != b.timeline)
		return a.timeline < b.timeline ? -1 : 1;
	return a.lsn < b.lsn ? -1 : a.lsn > b.lsn;
}

static inline struct position position_max(struct position a, struct position b)
{
	return position_compare(a, b) >= 0 ? a : b;
}

/* Reads X/Y as PostgreSQL prints it; false: not an lsn. */
bool lsn_parse(struct text text, uint64_t *lsn) must_check;
/* out holds POSITION_TEXT_MAX bytes; returns out. */
char *lsn_format(uint64_t lsn, char *out);
