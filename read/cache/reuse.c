/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key is in the sample when a number that follows from its hash is below a threshold. When a
 * miniature has more keys than it can hold, the threshold sinks, its keys beyond go, and its room
 * sinks with it. Each noted answer counts as many times as keys stand behind one of the sample.
 *
 * SHARDS-adj: how often was really asked is counted, too. The sample differs from that by the few
 * keys that are asked for most, which it has or has not; they are hits at any size, and so the
 * difference is.
 */
#include "read/cache/reuse.h"

#include "base/log.h"
#include "read/cache/entry.h"
#include "read/cache/miniature.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define KEYS_OF_ALL (1 << 24) /* the threshold at which all are in the sample */
#define ENTRIES_MAX 8192      /* of the largest miniature */
#define ENTRIES_MIN 1024
#define ENTRY_BYTES_GUESS 1024 /* until it is seen how large answers are */
#define SHARE_MAX 4            /* one of so many keys is in the sample, or fewer */
#define RING 256               /* notes of one loop that wait; a power of two */
#define RING_STEP 64           /* of these that one turn is about */
#define FADE_AFTER 32768       /* notes, after which the older ones count half */
#define KNOWN_MIN 500          /* of the sample: too little below that */

static const double sizes[REUSE_SIZES] = { 0.25, 0.5, 1, 2, 4 };

struct reuse_item {
	uint64_t hash;
	uint32_t blocks;
	uint32_t operation;
};

struct reuse_notes {
	struct reuse *reuse;
	struct reuse_notes *next;
	_Atomic uint32_t put, taken; /* into the ring and out of it, ever */
	struct reuse_item ring[RING];
	/* Per operation: how often it was asked for, and how often a note was lost. By the loop. */
	_Atomic uint64_t *asked, *lost;
	uint64_t *asked_seen, *lost_seen; /* of these, by who has the lock */
};

/* Of one operation, faded. */
struct reuse_counts {
	double asked, sampled; /* the sampled ones with their weight */
	double hits[REUSE_SIZES];
	double items, lost; /* of the sample: noted, and not */
};

struct reuse {
	_Atomic uint32_t threshold;
	uint32_t operations;
	double blocks; /* of the store */
	pthread_mutex_t lock;
	struct miniature miniatures[REUSE_SIZES];
	struct reuse_counts *counts; /* per operation */
	uint64_t fading;             /* items since the last time */
	struct reuse_notes *notes;
};

static void *reuse_alloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		log_fatal("cache", "out of memory");
	return memory;
}

static double reuse_share_of_keys(const struct reuse *reuse)
{
	return (double)atomic_load_explicit(&reuse->threshold, memory_order_relaxed) / KEYS_OF_ALL;
}

static void reuse_set_rooms(struct reuse *reuse)
{
	for (unsigned i = 0; i < REUSE_SIZES; i++)
		miniature_set_room(&reuse->miniatures[i],
				   reuse->blocks * sizes[i] * reuse_share_of_keys(reuse));
}

struct reuse *reuse_new(uint64_t bytes, uint32_t operations)
{
	struct reuse *reuse = reuse_alloc(1, sizeof(*reuse));
	double entries = (double)bytes * sizes[REUSE_SIZES - 1] / ENTRY_BYTES_GUESS;
	uint32_t count = entries > ENTRIES_MAX ? ENTRIES_MAX : ENTRIES_MIN + (uint32_t)entries;
	double share = count / entries;

	if (share > 1.0 / SHARE_MAX)
		share = 1.0 / SHARE_MAX;
	reuse->operations = operations;
	reuse->blocks = (double)bytes / BLOCK_BYTES;
	reuse->counts = reuse_alloc(operations, sizeof(*reuse->counts));
	atomic_init(&reuse->threshold, (uint32_t)(share * KEYS_OF_ALL));
	pthread_mutex_init(&reuse->lock, NULL);
	for (unsigned i = 0; i < REUSE_SIZES; i++)
		miniature_init(&reuse->miniatures[i],
			       64 + (uint32_t)(count * sizes[i] / sizes[REUSE_SIZES - 1]));
	reuse_set_rooms(reuse);
	return reuse;
}

void reuse_free(struct reuse *reuse)
{
	while (reuse->notes) {
		struct reuse_notes *notes = reuse->notes;

		reuse->notes = notes->next;
		free(notes->asked);
		free(notes->lost);
		free(notes->asked_seen);
		free(notes->lost_seen);
		free(notes);
	}
	for (unsigned i = 0; i < REUSE_SIZES; i++)
		miniature_fini(&reuse->miniatures[i]);
	pthread_mutex_destroy(&reuse->lock);
	free(reuse->counts);
	free(reuse);
}

struct reuse_notes *reuse_notes_new(struct reuse *reuse)
{
	struct reuse_notes *notes = reuse_alloc(1, sizeof(*notes));

	notes->reuse = reuse;
	notes->asked = reuse_alloc(reuse->operations, sizeof(*notes->asked));
	notes->lost = reuse_alloc(reuse->operations, sizeof(*notes->lost));
	notes->asked_seen = reuse_alloc(reuse->operations, sizeof(*notes->asked_seen));
	notes->lost_seen = reuse_alloc(reuse->operations, sizeof(*notes->lost_seen));
	pthread_mutex_lock(&reuse->lock);
	notes->next = reuse->notes;
	reuse->notes = notes;
	pthread_mutex_unlock(&reuse->lock);
	return notes;
}

/* Other bits than those by which tables choose a bucket. */
static uint32_t reuse_number(uint64_t hash)
{
	return hash * UINT64_C(0x9e3779b97f4a7c15) >> 40;
}

/* --- with the lock --------------------------------------------------------------------------- */

static bool reuse_keeps(void *arg, uint64_t hash)
{
	const struct reuse *reuse = arg;

	return reuse_number(hash) < atomic_load_explicit(&reuse->threshold, memory_order_relaxed);
}

/* Three of four keys of the sample stay in it. */
static void reuse_thin(struct reuse *reuse)
{
	uint32_t threshold = atomic_load_explicit(&reuse->threshold, memory_order_relaxed);

	atomic_store_explicit(&reuse->threshold, threshold - threshold / 4, memory_order_relaxed);
	for (unsigned i = 0; i < REUSE_SIZES; i++)
		miniature_thin(&reuse->miniatures[i], reuse_keeps, reuse);
	reuse_set_rooms(reuse);
}

static void reuse_count_asked_of(struct reuse *reuse, struct reuse_notes *notes)
{
	for (uint32_t i = 0; i < reuse->operations; i++) {
		uint64_t asked = atomic_load_explicit(&notes->asked[i], memory_order_relaxed);
		uint64_t lost = atomic_load_explicit(&notes->lost[i], memory_order_relaxed);

		reuse->counts[i].asked += (double)(asked - notes->asked_seen[i]);
		reuse->counts[i].lost += (double)(lost - notes->lost_seen[i]);
		notes->asked_seen[i] = asked;
		notes->lost_seen[i] = lost;
	}
}

static void reuse_count_asked(struct reuse *reuse)
{
	for (struct reuse_notes *notes = reuse->notes; notes; notes = notes->next)
		reuse_count_asked_of(reuse, notes);
}

static void reuse_fade(struct reuse *reuse)
{
	reuse_count_asked(reuse);
	for (uint32_t i = 0; i < reuse->operations; i++) {
		struct reuse_counts *counts = &reuse->counts[i];

		counts->asked /= 2;
		counts->sampled /= 2;
		counts->items /= 2;
		counts->lost /= 2;
		for (unsigned size = 0; size < REUSE_SIZES; size++)
			counts->hits[size] /= 2;
	}
	reuse->fading = 0;
}

static void reuse_ask(struct reuse *reuse, const struct reuse_item *item)
{
	struct reuse_counts *counts = &reuse->counts[item->operation];
	double weight = 1 / reuse_share_of_keys(reuse);
	bool full = false;

	counts->sampled += weight;
	counts->items++;
	for (unsigned i = 0; i < REUSE_SIZES; i++) {
		if (miniature_ask(&reuse->miniatures[i], item->hash, item->blocks))
			counts->hits[i] += weight;
		full |= miniature_is_full(&reuse->miniatures[i]);
	}
	if (full)
		reuse_thin(reuse);
	if (++reuse->fading == FADE_AFTER)
		reuse_fade(reuse);
}

static void reuse_take(struct reuse *reuse, struct reuse_notes *notes, uint32_t most)
{
	uint32_t taken = atomic_load_explicit(&notes->taken, memory_order_relaxed);
	uint32_t put = atomic_load_explicit(&notes->put, memory_order_acquire);

	for (; most && taken != put; most--, taken++) {
		struct reuse_item item = notes->ring[taken % RING];

		if (reuse_keeps(reuse, item.hash))
			reuse_ask(reuse, &item);
	}
	atomic_store_explicit(&notes->taken, taken, memory_order_release);
}

/* --- without it ------------------------------------------------------------------------------ */

static inline void reuse_one_more(_Atomic uint64_t *count)
{
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

static void reuse_note_sampled(struct reuse_notes *notes, const struct reuse_item *item)
{
	struct reuse *reuse = notes->reuse;
	uint32_t put = atomic_load_explicit(&notes->put, memory_order_relaxed);
	uint32_t waiting = put - atomic_load_explicit(&notes->taken, memory_order_acquire);

	if (waiting == RING) {
		reuse_one_more(&notes->lost[item->operation]);
	} else {
		notes->ring[put % RING] = *item;
		atomic_store_explicit(&notes->put, put + 1, memory_order_release);
	}
	/* At once, so that the order is that of all loops together; else with the next one. */
	if (pthread_mutex_trylock(&reuse->lock) != 0)
		return;
	reuse_take(reuse, notes, RING_STEP);
	pthread_mutex_unlock(&reuse->lock);
}

void reuse_note(struct reuse_notes *notes, uint64_t key_hash, uint32_t bytes, uint32_t operation)
{
	const struct reuse *reuse = notes->reuse;

	assert(operation < reuse->operations);
	reuse_one_more(&notes->asked[operation]);
	if (reuse_number(key_hash) < atomic_load_explicit(&reuse->threshold, memory_order_relaxed))
		reuse_note_sampled(notes, &(struct reuse_item){ .hash = key_hash,
								.blocks = entry_blocks(0, bytes),
								.operation = operation });
}

static void reuse_add(struct reuse_counts *sum, const struct reuse_counts *counts)
{
	/* What lost notes stand for is as if it had not been asked for. */
	if (counts->items > 0)
		sum->asked += counts->asked * counts->items / (counts->items + counts->lost);
	sum->sampled += counts->sampled;
	sum->items += counts->items;
	for (unsigned i = 0; i < REUSE_SIZES; i++)
		sum->hits[i] += counts->hits[i];
}

static double clamped(double share)
{
	return share < 0 ? 0 : share > 1 ? 1 : share;
}

bool reuse_shares(struct reuse *reuse, uint32_t operation, double shares[REUSE_SIZES])
{
	struct reuse_counts sum = { 0 };

	assert(operation == REUSE_ALL || operation < reuse->operations);
	pthread_mutex_lock(&reuse->lock);
	for (struct reuse_notes *notes = reuse->notes; notes; notes = notes->next)
		reuse_take(reuse, notes, RING);
	reuse_count_asked(reuse);
	for (uint32_t i = 0; i < reuse->operations; i++)
		if (operation == REUSE_ALL || operation == i)
			reuse_add(&sum, &reuse->counts[i]);
	pthread_mutex_unlock(&reuse->lock);
	if (sum.items < KNOWN_MIN || sum.asked <= 0)
		return false;
	for (unsigned i = 0; i < REUSE_SIZES; i++)
		shares[i] = clamped((sum.hits[i] + sum.asked - sum.sampled) / sum.asked);
	return true;
}
