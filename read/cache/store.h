/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers by their keys, in one mapping of a fixed size that all loops share; which of them stay is
 * decided by S3-FIFO (s3_fifo.h). It knows neither requests nor what makes an answer too old: who
 * finds one judges its facts.
 *
 * One of the few files that share state between threads. Readers take no lock and allocate nothing:
 * what they have found stays where it is until they leave it (ck_epoch). Writers take a lock, for a
 * short time each: long work is done in steps.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/text.h"
#include "read/cache/facts.h"
#include "read/cache/operations.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache_store;
struct cache_reader;
struct cache_entry;

/*
 * bytes, at least CACHE_BYTES_MIN: of the mapping, with all that is kept of entries; no memory is
 * touched before it is needed. seed: a secret, so that no client can choose keys that meet.
 */
struct cache_store *cache_store_new(size_t bytes, uint64_t seed) must_check;
/* No reader may be in use. */
void cache_store_free(struct cache_store *store);

/* Each thread that reads or writes has a reader of its own. */
struct cache_reader *cache_reader_new(struct cache_store *store) must_check;
void cache_reader_free(struct cache_reader *reader);

/*
 * The entry with that key, as it is until cache_leave, which follows soon: what others put in its
 * place or evict takes memory until then. NULL: there is none, and nothing is to be left. Not
 * nested. No lock, no allocation. Counts no use.
 */
const struct cache_entry *cache_find(struct cache_reader *reader, struct text key) must_check;
void cache_leave(struct cache_reader *reader);

/* Of an entry that was found and not left yet. */
const struct cache_facts *cache_entry_facts(const struct cache_entry *entry);
size_t cache_entry_len(const struct cache_entry *entry);
/* Puts the body at the end of the buffer. */
void cache_entry_copy(const struct cache_entry *entry, struct buf *out);
/* 0 to 3: how often it was used lately, as S3-FIFO counts. */
unsigned cache_entry_uses(const struct cache_entry *entry);
/* It was served. */
void cache_use(const struct cache_entry *entry);

/* Of the key that this reader has searched for, put or dropped last: the hash of the table. */
uint64_t cache_key_hash(const struct cache_reader *reader);

/*
 * Puts an answer in place of what is there with that key, whose uses and whose place in the queue
 * it gets; where that has a higher lower bound on the same timeline and of the same version,
 * nothing happens. False, and nothing is stored: it is too large (more than a sixteenth of the
 * mapping, or CACHE_ENTRY_BYTES_MAX); no room could be made now, since readers have not left what
 * was evicted; or the store was emptied meanwhile. Nothing may be entered.
 */
bool cache_put(struct cache_reader *reader, struct text key, const struct cache_facts *facts,
	       struct text body);
/* False: there is none with that key. */
bool cache_drop(struct cache_reader *reader, struct text key);
/*
 * All entries, those of puts under way as well. From the beginning of this call on no entry from
 * before is found. Their memory goes to others by and by: some now, the rest as puts come.
 */
void cache_empty(struct cache_reader *reader);

struct cache_counts {
	uint64_t entries;
	uint64_t bytes_used;    /* of entries, in whole blocks */
	uint64_t bytes_waiting; /* of those that are gone, until readers have left them */
	uint64_t bytes_max;     /* for entries */
	uint64_t inserted, replaced;
	uint64_t evicted_small, evicted_main;
	uint64_t ghosts_hit; /* inserted ones that were evicted too early before */
	uint64_t no_room;    /* not stored, since no room could be made */
};

/* Any thread. */
void cache_store_counts(struct cache_store *store, struct cache_counts *counts);

/* Of the answers of one operation (facts.operation). Any thread. */
void cache_store_operation(struct cache_store *store, uint32_t operation,
			   struct cache_operation_counts *counts);

/*
 * Calls, in no section and with no lock, for at most max keys: those of the main queue before those
 * of the small one, and in each those with most uses first. Entries that come and go meanwhile may
 * be met or not, or twice. Takes its time, and no lock: for a thread that has time.
 */
void cache_store_hottest(struct cache_store *store, size_t max,
			 void (*each)(void *arg, struct text key, const struct cache_facts *facts),
			 void *arg);
