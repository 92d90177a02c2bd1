/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache in the path of a query: is its answer kept, and may it be given? (read/cache/judge.h)
 * Else one of those that ask for it goes to a node, and what it brings is kept.
 *
 *   CACHE ──hit──────────────────────────────────────────► ANSWER
 *     │ ▲
 *     │ └── another one has brought it ── CACHE (waits)
 *     └──miss─► PLACE ─► … ─► ANSWER, which keeps it
 *                         └─► 503, 504: what is kept, if it may be given
 */
#pragma once

#include "base/check.h"
#include "base/request.h"
#include "read/state.h"

/* CACHE. */
enum step cached_step(struct request *request) must_check;
/* Its query leaves for the chosen node: before that is counted as a placement. */
void cached_sent(struct read *read);
/* Of a hit, for ANSWER: what its reply says. */
void cached_report(struct read *read);
/*
 * The query has failed since no node could answer in time: what is kept is given instead, where it
 * may be given now, within swr. True: it is an answer of the cache.
 */
bool cached_instead(struct read *read) must_check;
/* A second query leaves for that node beside it. */
void cached_hedged(struct read *read, unsigned node);
/* What a node has answered is kept, if it may be. */
void cached_keep(struct read *read);
/* The query has ended, whatever came of it: others go on. */
void cached_end(struct read *read);
