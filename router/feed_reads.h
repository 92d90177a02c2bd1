/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a query reads, as the primary tells it: cqrsd.feed_reads of the schema. It counts where the
 * feed sees all that changes that. And what a command writes to: cqrsd.feed_writes.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/json.h"
#include "base/statement.h"
#include "base/text.h"
#include "catalog/catalog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --feed: by what it is seen who writes to a table. */
enum feed_option {
	FEED_TABLE,   /* by a trigger on it (cqrsd watch) */
	FEED_LOGICAL, /* by decoding: what the publication has (router/feed/feed_publication.h) */
	FEED_OFF,
};

/* To be run as a command: nothing stays of it. Lives as long as the process. Of FEED_OFF: as of
 * FEED_TABLE. */
struct statement *feed_reads(enum feed_option feed);
struct statement *feed_writes(void);
/* The three values of either for that operation; of the arena. */
void feed_reads_values(const struct operation *operation, struct arena *arena,
		       const char *values[3]);

struct feed_relation {
	uint64_t id;   /* its oid: its tag */
	int64_t shape; /* what it was like */
};

/* SQL: what is wrong with the primary for FEED_LOGICAL, as "wrong" of one row; "": nothing; and
 * whether it is a standby, as "standby". */
const char *feed_decoded_check(void);

enum feed_reads_end {
	FEED_READS_COUNT,
	FEED_READS_UNSEEN,   /* the feed does not see all that changes what it reads */
	FEED_READS_TOO_MANY, /* more than FEED_RELATIONS_OF_QUERY_MAX */
	FEED_READS_WRONG,    /* not what the statement answers */
};

/* Its rows, as pg/ encodes them. Where it counts, relations are the caller's to free. */
enum feed_reads_end feed_reads_take(struct text rows, struct feed_relation **relations,
				    size_t *count) must_check;

/* Of a row that has both as numbers. */
struct feed_relation feed_reads_relation(const struct json *row) must_check;

/* A sum over the triggers of all watched tables, or the publication. Lives as long as the
 * process. */
struct statement *feed_triggers(enum feed_option feed);
/* False: row is not what it answers. */
bool feed_triggers_take(struct text row, int64_t *triggers) must_check;
