/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buckets of a few users each. An odd sequence is the lock of a bucket's writer; a reader that saw
 * it change reads again. Fields are stored with release and loaded with acquire, so a reader that
 * met a writer's field also meets the writer's sequence, and the floor it raised before.
 *
 * The order that keeps the promise: a writer raises the floor before an entry leaves; a reader
 * looks for the entry first and at the floor afterwards. Locks are taken bucket first, then floor.
 */
#include "router/sessions.h"

#include "base/control.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"

#include <assert.h>
#include <pthread.h>
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
	BUCKET_USERS = 6,
	BUCKET_BYTES = 128,
	SESSIONS_BYTES = 8 * BUCKET_BYTES,
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
	struct bucket floor;     /* its first slot: the greatest position that ever left */
	atomic_bool floor_known; /* it also covers what was written before this process */
	atomic_bool forgotten_lost;
	pthread_mutex_t mutex;  /* of the history; locked within a bucket */
	struct history history; /* of the floor's timeline; timeline 0: there was no promotion */
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
	pthread_mutex_init(&sessions->mutex, NULL);
	return sessions;
}

void sessions_free(struct sessions *sessions)
{
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
	struct position floor = bucket_find(&sessions->floor, 0);

	if (!CONTROL_FLOOR && position_known(floor))
		floor.lsn = 1;
	return floor;
}

static void sessions_floor_lift(struct sessions *sessions, struct position position)
{
	if (position_compare(position, sessions_floor_read(sessions)) <= 0)
		return;
	bucket_lock(&sessions->floor);
	bucket_set(&sessions->floor, 0, 0, position_max(position, bucket_get(&sessions->floor, 0)));
	bucket_unlock(&sessions->floor);
}

void sessions_raise_floor(struct sessions *sessions, struct position position)
{
	assert(position_known(position));
	sessions_floor_lift(sessions, position);
	atomic_store_explicit(&sessions->floor_known, true, memory_order_release);
}

struct position sessions_floor(const struct sessions *sessions)
{
	if (!atomic_load_explicit(&sessions->floor_known, memory_order_acquire))
		return POSITION_NONE;
	return sessions_floor_read(sessions);
}

/* An old position that leaves for good: does it leave a loss behind that nobody is told of? */
static void sessions_leave_behind(struct sessions *sessions, struct position position)
{
	enum fate fate;

	pthread_mutex_lock(&sessions->mutex);
	fate = history_fate(&sessions->history, position);
	pthread_mutex_unlock(&sessions->mutex);
	if (fate == FATE_LOST || fate == FATE_UNKNOWN)
		atomic_store_explicit(&sessions->forgotten_lost, true, memory_order_release);
}

void sessions_promoted(struct sessions *sessions, const struct history *history,
		       struct position position)
{
	struct position floor = sessions_floor_read(sessions);

	assert(position_known(position));
	pthread_mutex_lock(&sessions->mutex);
	sessions->history = *history;
	pthread_mutex_unlock(&sessions->mutex);
	if (position_known(floor) && floor.timeline < position.timeline)
		sessions_leave_behind(sessions, floor);
	sessions_raise_floor(sessions, position);
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

/* The entry in this slot makes room: the floor covers it first, and its loss is not forgotten. */
static void sessions_replace(struct sessions *sessions, struct bucket *bucket, unsigned slot,
			     uint64_t hash, struct position position)
{
	struct position there = bucket_get(bucket, slot);

	if (there.timeline < position.timeline)
		sessions_leave_behind(sessions, there);
	SESSIONS_LEAVE(sessions_floor_lift(sessions, there),
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
		SESSIONS_LEAVE(sessions_floor_lift(sessions, position), bucket_unlock(bucket));
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
	/* Whoever stored an entry of a newer timeline here had seen the floor raised before. */
	if (position.timeline < sessions_floor_read(sessions).timeline) {
		bucket_unlock(bucket);
		return false;
	}
	sessions_put(sessions, bucket, hash, position);
	return true;
}

struct session sessions_look(const struct sessions *sessions, struct text user)
{
	uint64_t hash = sessions_hash(sessions, user);
	struct position entry = bucket_find(sessions_bucket(sessions, hash), hash);

	assert(user.ptr);
	return (struct session){
		.position = position_known(entry) ? entry : sessions_floor_read(sessions),
		.remembered = position_known(entry),
		.forgotten_lost =
			atomic_load_explicit(&sessions->forgotten_lost, memory_order_acquire),
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
	struct position entry;
	unsigned slot;

	bucket_lock(bucket);
	entry = bucket_entry(bucket, hash, &slot);
	if (lost.remembered ? position_compare(entry, lost.position) != 0 : position_known(entry)) {
		bucket_unlock(bucket);
		return false;
	}
	sessions_put(sessions, bucket, hash, now);
	return true;
}

size_t sessions_count(const struct sessions *sessions)
{
	return atomic_load_explicit(&sessions->count, memory_order_relaxed);
}
