/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buckets of a few users each. An odd sequence is the lock of a bucket's writer; a reader that saw
 * it change reads again. Fields are stored with release and loaded with acquire, so a reader that
 * met a writer's field also meets the writer's sequence, and the floor it raised before.
 *
 * The order that keeps the promise: a writer raises the floor before an entry leaves; a reader
 * looks for the entry first and at the floor afterwards. Locks are taken bucket first, then floor.
 * Under the floor's lock every position that leaves is either covered by a floor of its own
 * timeline, which is judged when the next timeline comes, or judged itself: none falls in between.
 */
#include "router/consistency/sessions.h"

#include "base/control.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"
#include "router/consistency/loss_notices.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* Tests turn the order round, to see that they would notice. */
#ifndef SESSIONS_LEAVE
#define SESSIONS_LEAVE(raise_floor, drop_entry)                                                    \
	do {                                                                                       \
		raise_floor;                                                                       \
		drop_entry;                                                                        \
	} while (0)
#endif

enum {
	FLOOR_REQUIRED = 0, /* slots of the floor's bucket, and their hashes */
	FLOOR_COVERED = 1,
	BUCKET_USERS = 6,
	BUCKET_BYTES = 128,
	SESSIONS_BYTES = 32 * BUCKET_BYTES,
	SPINS_BEFORE_YIELD = 64,
};

/* Two cache lines; lsn 0: the slot is free. */
struct bucket {
	_Atomic uint64_t sequence;
	_Atomic uint64_t hashes[BUCKET_USERS];
	_Atomic uint64_t lsns[BUCKET_USERS];
	_Atomic uint32_t timelines[BUCKET_USERS];
};

static_assert(sizeof(struct bucket) == BUCKET_BYTES, "a bucket is two cache lines");

struct sessions {
	struct bucket *buckets;
	size_t mask; /* buckets - 1 */
	uint64_t seed;
	_Atomic size_t count;
	/* Its first slot: the floor. Its second: the greatest position that ever left, or was there
	 * before this process, without what the floor was raised to by promotions: what a loss is
	 * judged by. */
	struct bucket floor;
	atomic_bool floor_known; /* it also covers what was written before this process */
	/* The timeline since which users who are not in the table may have lost a write; 0: none
	 * has. Those who need not be told that any more are in told. */
	_Atomic uint32_t lost_since;
	struct loss_notices *notices;
	/* With the floor's lock. Of the floor's timeline; timeline 0: there was no promotion. */
	struct history history;
	struct branches branches;
};

struct sessions *sessions_new(size_t slots)
{
	struct sessions *sessions = aligned_alloc(BUCKET_BYTES, SESSIONS_BYTES);
	size_t buckets = 1;

	static_assert(sizeof(*sessions) <= SESSIONS_BYTES, "what is allocated");
	while (buckets * BUCKET_USERS < slots)
		buckets *= 2;
	if (sessions) {
		*sessions = (struct sessions){ .mask = buckets - 1 };
		sessions->buckets = aligned_alloc(BUCKET_BYTES, buckets * BUCKET_BYTES);
	}
	if (!sessions || !sessions->buckets)
		log_fatal("sessions", "no memory for %zu session slots", slots);
	for (size_t i = 0; i < buckets; i++)
		sessions->buckets[i] = (struct bucket){ 0 };
	random_bytes(&sessions->seed, sizeof(sessions->seed));
	sessions->notices = loss_notices_new(slots * LOSS_NOTICES_PER_SESSION_SLOT);
	return sessions;
}

void sessions_free(struct sessions *sessions)
{
	loss_notices_free(sessions->notices);
	free(sessions->buckets);
	free(sessions);
}

static void bucket_pause(unsigned *spins)
{
	if (++*spins % SPINS_BEFORE_YIELD == 0)
		sched_yield();
}

static void bucket_lock(struct bucket *bucket)
{
	unsigned spins = 0;

	for (;;) {
		uint64_t sequence = atomic_load_explicit(&bucket->sequence, memory_order_relaxed);

		if (sequence % 2 == 0 && atomic_compare_exchange_weak_explicit(
						 &bucket->sequence, &sequence, sequence + 1,
						 memory_order_acquire, memory_order_relaxed))
			return;
		bucket_pause(&spins);
	}
}

static void bucket_unlock(struct bucket *bucket)
{
	uint64_t sequence = atomic_load_explicit(&bucket->sequence, memory_order_relaxed);

	assert(sequence % 2 == 1);
	atomic_store_explicit(&bucket->sequence, sequence + 1, memory_order_release);
}

static void bucket_set(struct bucket *bucket, unsigned slot, uint64_t hash,
		       struct position position)
{
	atomic_store_explicit(&bucket->hashes[slot], hash, memory_order_release);
	atomic_store_explicit(&bucket->lsns[slot], position.lsn, memory_order_release);
	atomic_store_explicit(&bucket->timelines[slot], position.timeline, memory_order_release);
}

static struct position bucket_get(const struct bucket *bucket, unsigned slot)
{
	return (struct position){
		.timeline = atomic_load_explicit(&bucket->timelines[slot], memory_order_acquire),
		.lsn = atomic_load_explicit(&bucket->lsns[slot], memory_order_acquire),
	};
}

/* POSITION_NONE: not there. */
static struct position bucket_find(const struct bucket *bucket, uint64_t hash)
{
	unsigned spins = 0;

	for (;; bucket_pause(&spins)) {
		uint64_t before = atomic_load_explicit(&bucket->sequence, memory_order_acquire);
		struct position found = POSITION_NONE;

		if (before % 2)
			continue;
		for (unsigned i = 0; i < BUCKET_USERS; i++)
			if (atomic_load_explicit(&bucket->hashes[i], memory_order_acquire) ==
				    hash &&
			    atomic_load_explicit(&bucket->lsns[i], memory_order_acquire))
				found = bucket_get(bucket, i);
		if (atomic_load_explicit(&bucket->sequence, memory_order_relaxed) == before)
			return found;
	}
}

/* Whether or not it covers the time before this process. */
static struct position sessions_floor_read(const struct sessions *sessions)
{
	struct position floor = bucket_find(&sessions->floor, FLOOR_REQUIRED);

	if (!CONTROL_FLOOR && position_known(floor))
		floor.lsn = 1;
	return floor;
}

/* With the floor locked: this position of an older timeline is not there any more for sure. */
static bool sessions_judge(struct sessions *sessions, struct position position, uint32_t timeline)
{
	enum fate fate = branches_fate(&sessions->branches, &sessions->history, position);

	if (fate != FATE_LOST && fate != FATE_UNKNOWN)
		return false;
	atomic_store_explicit(&sessions->lost_since, timeline, memory_order_release);
	return true;
}

/* A position that leaves the table is covered from here on. True: it may be lost. */
static bool sessions_floor_lift(struct sessions *sessions, struct position position)
{
	struct position covered = bucket_find(&sessions->floor, FLOOR_COVERED), floor;
	bool lost = false;

	if (position.timeline == covered.timeline && position.lsn <= covered.lsn)
		return false;
	bucket_lock(&sessions->floor);
	floor = bucket_get(&sessions->floor, FLOOR_REQUIRED);
	covered = bucket_get(&sessions->floor, FLOOR_COVERED);
	if (position.timeline < floor.timeline)
		lost = sessions_judge(sessions, position, floor.timeline);
	/* Survived: the same place on the floor's timeline, which is past all that survived. */
	if (position.timeline < floor.timeline && !lost)
		position.timeline = floor.timeline;
	if (!lost)
		bucket_set(&sessions->floor, FLOOR_COVERED, FLOOR_COVERED,
			   position_max(position, covered));
	bucket_set(&sessions->floor, FLOOR_REQUIRED, FLOOR_REQUIRED, position_max(position, floor));
	bucket_unlock(&sessions->floor);
	return lost;
}

void sessions_raise_floor(struct sessions *sessions, struct position position)
{
	assert(position_known(position));
	(void)sessions_floor_lift(sessions, position);
	atomic_store_explicit(&sessions->floor_known, true, memory_order_release);
}

struct position sessions_floor(const struct sessions *sessions)
{
	if (!atomic_load_explicit(&sessions->floor_known, memory_order_acquire))
		return POSITION_NONE;
	return sessions_floor_read(sessions);
}

void sessions_promoted(struct sessions *sessions, const struct history *history,
		       const struct branches *branches, struct position position)
{
	struct position floor, covered;

	assert(position_known(position));
	/* At once: what is evicted meanwhile comes before, under the old floor that is judged here,
	 * or behind, and is judged by itself. */
	bucket_lock(&sessions->floor);
	floor = bucket_get(&sessions->floor, FLOOR_REQUIRED);
	covered = bucket_get(&sessions->floor, FLOOR_COVERED);
	sessions->history = *history;
	if (branches)
		sessions->branches = *branches;
	if (position_known(covered) && covered.timeline < position.timeline &&
	    !sessions_judge(sessions, covered, position.timeline))
		covered.timeline = position.timeline;
	else
		covered = position_max(position, covered);
	bucket_set(&sessions->floor, FLOOR_COVERED, FLOOR_COVERED, covered);
	bucket_set(&sessions->floor, FLOOR_REQUIRED, FLOOR_REQUIRED, position_max(position, floor));
	bucket_unlock(&sessions->floor);
	atomic_store_explicit(&sessions->floor_known, true, memory_order_release);
}

static uint64_t sessions_hash(const struct sessions *sessions, struct text user)
{
	return hash_bytes(user.ptr, user.len, sessions->seed);
}

static struct bucket *sessions_bucket(const struct sessions *sessions, uint64_t hash)
{
	return &sessions->buckets[hash & sessions->mask];
}

/* The user's own slot, else a free one, else the one with the lowest position. */
static unsigned bucket_slot_for(const struct bucket *bucket, uint64_t hash)
{
	unsigned best = 0;

	for (unsigned i = 0; i < BUCKET_USERS; i++) {
		struct position position = bucket_get(bucket, i);

		if (position_known(position) &&
		    atomic_load_explicit(&bucket->hashes[i], memory_order_relaxed) == hash)
			return i;
		/* A free slot is POSITION_NONE, lower than all. */
		if (position_compare(position, bucket_get(bucket, best)) < 0)
			best = i;
	}
	return best;
}

static void bucket_set_and_unlock(struct bucket *bucket, unsigned slot, uint64_t hash,
				  struct position position)
{
	bucket_set(bucket, slot, hash, position);
	bucket_unlock(bucket);
}

/* This user's position leaves the table: the floor covers it, and no user hears of a loss that
 * did not happen. */
static void sessions_cover(struct sessions *sessions, uint64_t hash, struct position position)
{
	/* Before the lift: what a promotion behind it finds lost is not settled by this. */
	uint32_t since = atomic_load_explicit(&sessions->lost_since, memory_order_acquire);
	bool lost = sessions_floor_lift(sessions, position);

	if (since && !lost)
		(void)loss_notices_put(sessions->notices, hash, since);
}

/* The entry in this slot makes room. */
static void sessions_replace(struct sessions *sessions, struct bucket *bucket, unsigned slot,
			     uint64_t hash, struct position position)
{
	uint64_t leaves = atomic_load_explicit(&bucket->hashes[slot], memory_order_relaxed);

	SESSIONS_LEAVE(sessions_cover(sessions, leaves, bucket_get(bucket, slot)),
		       bucket_set_and_unlock(bucket, slot, hash, position));
}

/* With the bucket locked, which ends here. */
static void sessions_put(struct sessions *sessions, struct bucket *bucket, uint64_t hash,
			 struct position position)
{
	unsigned slot = bucket_slot_for(bucket, hash);
	struct position there = bucket_get(bucket, slot);

	if (!position_known(there)) {
		atomic_fetch_add_explicit(&sessions->count, 1, memory_order_relaxed);
		bucket_set_and_unlock(bucket, slot, hash, position);
	} else if (atomic_load_explicit(&bucket->hashes[slot], memory_order_relaxed) == hash) {
		bucket_set_and_unlock(bucket, slot, hash, position_max(there, position));
	} else if (position_compare(position, there) <= 0) {
		/* The newcomer is the lowest: it leaves before it was there. */
		SESSIONS_LEAVE(sessions_cover(sessions, hash, position), bucket_unlock(bucket));
	} else {
		sessions_replace(sessions, bucket, slot, hash, position);
	}
}

bool sessions_wrote(struct sessions *sessions, struct text user, struct position position)
{
	uint64_t hash = sessions_hash(sessions, user);
	struct bucket *bucket = sessions_bucket(sessions, hash);

	assert(user.ptr);
	assert(position_known(position));
	bucket_lock(bucket);
	/* A thread that stored an entry of a newer timeline here had seen the floor raised. */
	if (position.timeline < sessions_floor_read(sessions).timeline) {
		bucket_unlock(bucket);
		return false;
	}
	sessions_put(sessions, bucket, hash, position);
	return true;
}

/* Of a user who has no entry; after the entry was searched for. */
static bool sessions_untold(const struct sessions *sessions, uint64_t hash)
{
	uint32_t since = atomic_load_explicit(&sessions->lost_since, memory_order_acquire);

	return since && !loss_notices_has(sessions->notices, hash, since);
}

struct session sessions_find(const struct sessions *sessions, struct text user)
{
	uint64_t hash = sessions_hash(sessions, user);
	struct position entry = bucket_find(sessions_bucket(sessions, hash), hash);

	assert(user.ptr);
	if (position_known(entry))
		return (struct session){ .position = entry, .remembered = true };
	return (struct session){
		.position = sessions_floor_read(sessions),
		.forgotten_lost = sessions_untold(sessions, hash),
	};
}

/* With the bucket locked. POSITION_NONE: the user has no entry. */
static struct position bucket_entry(const struct bucket *bucket, uint64_t hash, unsigned *slot)
{
	for (*slot = 0; *slot < BUCKET_USERS; ++*slot)
		if (atomic_load_explicit(&bucket->hashes[*slot], memory_order_relaxed) == hash &&
		    position_known(bucket_get(bucket, *slot)))
			return bucket_get(bucket, *slot);
	return POSITION_NONE;
}

bool sessions_settle(struct sessions *sessions, struct text user, struct session lost,
		     struct position now)
{
	uint64_t hash = sessions_hash(sessions, user);
	struct bucket *bucket = sessions_bucket(sessions, hash);
	uint32_t since = atomic_load_explicit(&sessions->lost_since, memory_order_acquire);
	struct position entry;
	unsigned slot;
	bool settles, noted;

	bucket_lock(bucket);
	entry = bucket_entry(bucket, hash, &slot);
	settles = lost.remembered ? position_compare(entry, lost.position) == 0
				  : !position_known(entry) && sessions_untold(sessions, hash);
	noted = settles && since && loss_notices_put(sessions->notices, hash, since);
	/* Without an entry the floor, of the newest timeline, is all there is to require. */
	if (settles && (lost.remembered || !noted))
		sessions_put(sessions, bucket, hash, now);
	else
		bucket_unlock(bucket);
	return settles;
}

size_t sessions_count(const struct sessions *sessions)
{
	return atomic_load_explicit(&sessions->count, memory_order_relaxed);
}
