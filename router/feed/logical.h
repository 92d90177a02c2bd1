/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The feed as the primary decodes it from its log (--feed logical): what each transaction has
 * changed, by any writer and any statement. On the loop of the reader (router/feed/reader.h), which
 * goes on to ask a replica for the shape of the relations.
 *
 *   stream ──► decoded ─┐
 *                       ├──► A = the lesser of both ──► stripes
 *   reader ──► proven  ─┘
 *
 * Why all that was committed up to A is in the stripes:
 * - A slot is sent every transaction whose COMMIT lies behind the place at which the slot begins,
 *   whole, in the order in which their COMMITs lie in the log (no transaction is streamed before it
 *   has ended, protocol version 1). What was committed before is covered by the base of the
 *   stripes, which is that place.
 * - The stripes of a transaction rise to the end of its COMMIT before decoded does. decoded rises
 *   to the end of a COMMIT that was sent, or to the position of a keepalive between transactions:
 *   the walsender puts in there the end of the last record that it has decoded, and hands over what
 *   a COMMIT makes it send before it goes on to the next record. The position in the head of a
 *   message of data proves nothing: it is that of a change, whose transaction may have committed
 *   behind others.
 * - What commands make stale beyond tables they say by rows (pg/wire/feed_row.h) of a table that
 *   is published, too: these come with what else their transactions have changed.
 * - What the log does not say to a decoder is a change of the schema: rewritten tables, views,
 *   partitions that are attached, and of the publication. So A does not rise beyond what a replica
 *   has replayed for sure when it answered that the shape is the one that is known (proven), or
 *   else all tags have been touched there.
 * - What is sent of a transaction is what the publication had when it wrote, not when it committed,
 *   and a table is added to it beside open transactions that have written to that table. So a slot
 *   counts only while the publication is the one that was there before the slot was made: making
 *   it waits until all transactions have ended that were open then. After a change of the
 *   publication another slot is made.
 * - decoded is of the primary's timeline: the stream is of a server that is no standby, which never
 *   changes its timeline while it runs, and is given up as soon as another one is the primary.
 *
 * What is confirmed to the server is A: a position that a replica has replayed, so that no commit
 * is acknowledged by us that no standby has. Behind it the server may remove its log.
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"
#include "base/position.h"
#include "pg/decoding.h"
#include "pg/node.h"
#include "router/feed/feed_env.h"

#include <stdbool.h>
#include <stdint.h>

#define FEED_BEHIND_MAX (1ull << 30)   /* of the log, in bytes: the slot is given up then */
#define FEED_TRANSACTION_TAGS_MAX 1024 /* a transaction with more of them has touched all */

struct feed_logical {
	const struct feed_env *env;
	struct decoding decoding;
	struct loop_timer timer;
	unsigned node, life; /* that sends it */
	uint32_t timeline;   /* of the stream, once it has begun; else 0 */
	uint64_t begun;      /* where the primary was when it was asked for, then where it begins */
	uint64_t decoded;    /* all that was committed up to there is in the stripes */
	uint64_t proven;     /* up to there the shape of the relations was judged */
	int64_t publication; /* before the slot was made */
	int64_t again_us;    /* not opened before */
	int64_t pause_us;
	bool runs, complained, owes_reply;
	/* Of this stream: by which number cqrsd.invalidation comes, and which of its columns has
	 * the tags; 0: it has not come yet. */
	uint32_t rows_relation;
	uint16_t rows_column;
	/* The transaction that is being sent. */
	bool transaction;
	unsigned tags_count; /* beyond the maximum: all */
	uint64_t tags[FEED_TRANSACTION_TAGS_MAX];
};

void feed_logical_init(struct feed_logical *logical, const struct feed_env *env);
void feed_logical_fini(struct feed_logical *logical);
void feed_logical_run(struct feed_logical *logical);
/* Nothing is known any more. */
void feed_logical_stop(struct feed_logical *logical);
/* The topology may have changed: gives up what is not to be followed any more. */
void feed_logical_check(struct feed_logical *logical);
/* Is it of that timeline, and has begun? */
bool feed_logical_follows(const struct feed_logical *logical, uint32_t timeline) must_check;
/* The shape of the relations was judged up to that lsn of the timeline that it follows; the
 * publication was that one there. */
void feed_logical_prove(struct feed_logical *logical, uint64_t lsn, int64_t publication);
