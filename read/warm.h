/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that were kept before are asked again, so that clients find them kept: after a start, and
 * after all that was kept has become too old at once. On one loop of the process, at a pace that
 * leaves the nodes no more to do than clients gave them (read/warm_pace.h).
 *
 * Where few clients miss, keys travel in groups, one group at a time, of which each travels as a
 * batch does. It leaves only where no query of a client waits for a node, and its queries could
 * leave at once. Where many do, keys are asked in their stead, one by one, and are the first that
 * are refused where clients' queries wait for too long. Keys that brought no answer which could be
 * kept are put off to the end, and asked once more.
 *
 *   rests ──give──► waits until answers can be kept ──► asks ◄──► pauses ──last key──► rests
 */
#pragma once

#include "base/list.h"
#include "base/loop.h"
#include "read/state.h"
#include "read/warm_list.h"
#include "read/warm_pace.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct warm_counts {
	uint64_t asked, kept, there; /* there: it was kept already */
	uint64_t dropped;            /* the catalog has no such operation, or it has changed */
	uint64_t failed, full;       /* no answer that could be kept; the cache was full */
};

struct warm_events {
	/* All that was kept has become too old at once: keys are wanted. On the loop's thread. */
	void (*on_emptied)(void *arg);
	void *arg;
};

struct warm {
	struct reads *reads;
	struct cache_store *store;
	struct warm_events events;
	struct warm_list *list, *after; /* asked now, and behind it; NULL: none */
	size_t keys;                    /* of list, those that are passed over counted */
	size_t next;                    /* of list */
	size_t put_off;                 /* its first keys, that are to be asked once more */
	struct list asks;               /* struct warm_ask: that are out */
	struct list ended;              /* struct request: to be freed */
	struct warm_pace pace;
	int64_t group_us, ready_us; /* since when: its group is out, the list could be asked */
	int64_t room_us;            /* when a node may have room again */
	uint32_t era;               /* of the stripes; 0: never seen */
	struct loop_timer timer;
	struct warm_counts counts; /* of the list */
	bool stopped, again;       /* again: the keys of list were put off */
	_Atomic bool busy;
};

/* Waits for keys. The reads have a cache. */
void warm_start(struct warm *warm, struct reads *reads, struct cache_store *store,
		const struct warm_events *events);
/* Lets go of all that is out, and asks nothing more. Nothing to do for one that was not started. */
void warm_stop(struct warm *warm);
/* The loop has ended. */
void warm_fini(struct warm *warm);
/* Takes the list, which is asked behind the one under way. */
void warm_give(struct warm *warm, struct warm_list *list);
/* Any thread: a list was announced (warm_announce), and is not asked to its end. */
bool warm_is_busy(const struct warm *warm) must_check;
/* Any thread: a list is on its way. */
void warm_announce(struct warm *warm);
