/* SPDX-License-Identifier: Apache-2.0 */
/* A stripe is raised before A is: who reads A first misses nothing that lies below it. */
#include "router/feed/stripes.h"

#include "router/cluster/branches.h"

#include <assert.h>

#define STRIPES_BITS 16
_Static_assert(STRIPES == 1 << STRIPES_BITS, "a stripe is chosen by the upper bits of a product");

/* Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4). */
static size_t stripes_of(uint64_t tag)
{
	return (size_t)((tag * 0x9e3779b97f4a7c15ull) >> (64 - STRIPES_BITS));
}

static uint64_t stripes_load(const _Atomic uint64_t *value)
{
	return atomic_load_explicit(value, memory_order_acquire);
}

/* Commands that settle raise stripes, too. */
static void stripes_raise(_Atomic uint64_t *value, uint64_t lsn)
{
	uint64_t before = stripes_load(value);

	while (before < lsn &&
	       !atomic_compare_exchange_weak_explicit(value, &before, lsn, memory_order_seq_cst,
						      memory_order_acquire)) {}
}

static bool stripes_grow(uint32_t era)
{
	return era & 1;
}

void stripes_forget(struct stripes *stripes)
{
	uint32_t era = atomic_load_explicit(&stripes->era, memory_order_relaxed);

	if (stripes_grow(era))
		atomic_store_explicit(&stripes->era, era + 1, memory_order_seq_cst);
}

bool stripes_enter(struct stripes *stripes, uint32_t life)
{
	if (stripes_life(stripes) == life)
		return false;
	stripes_forget(stripes);
	atomic_store_explicit(&stripes->life, life, memory_order_release);
	return true;
}

uint32_t stripes_life(const struct stripes *stripes)
{
	return atomic_load_explicit(&stripes->life, memory_order_acquire);
}

void stripes_begin(struct stripes *stripes, struct position base)
{
	uint32_t era;

	assert(base.timeline);
	assert(base.lsn);
	pthread_mutex_lock(&stripes->lock);
	if (branch_number(stripes->missed.timeline) == branch_number(base.timeline) &&
	    stripes->missed.lsn > base.lsn)
		base.lsn = stripes->missed.lsn;
	stripes_forget(stripes);
	if (branch_number(atomic_load_explicit(&stripes->timeline, memory_order_relaxed)) !=
	    branch_number(base.timeline))
		atomic_store_explicit(&stripes->settled, 0, memory_order_seq_cst);
	for (size_t i = 0; i < STRIPES; i++)
		atomic_store_explicit(&stripes->items[i].lsn, 0, memory_order_seq_cst);
	atomic_store_explicit(&stripes->timeline, base.timeline, memory_order_release);
	atomic_store_explicit(&stripes->base, base.lsn, memory_order_seq_cst);
	/* Who settles meanwhile has raised this before a stripe, which may be cleared since. */
	stripes_raise(&stripes->base,
		      atomic_load_explicit(&stripes->settled, memory_order_seq_cst));
	atomic_store_explicit(&stripes->known, 0, memory_order_release);
	era = atomic_load_explicit(&stripes->era, memory_order_relaxed);
	atomic_store_explicit(&stripes->era, era + 1, memory_order_release);
	pthread_mutex_unlock(&stripes->lock);
}

void stripes_miss(struct stripes *stripes, struct position position)
{
	struct position *missed = &stripes->missed;
	uint32_t timeline;

	pthread_mutex_lock(&stripes->lock);
	timeline = stripes_timeline(stripes);
	if (timeline && branch_number(timeline) == branch_number(position.timeline))
		stripes_touch(stripes, STRIPES_TAG_ALL, position.lsn);
	else if (branch_number(missed->timeline) != branch_number(position.timeline) ||
		 missed->lsn < position.lsn)
		*missed = position;
	pthread_mutex_unlock(&stripes->lock);
}

void stripes_touch(struct stripes *stripes, uint64_t tag, uint64_t lsn)
{
	stripes_raise(tag == STRIPES_TAG_ALL ? &stripes->base
					     : &stripes->items[stripes_of(tag)].lsn,
		      lsn);
}

void stripes_know(struct stripes *stripes, uint64_t lsn)
{
	stripes_raise(&stripes->known, lsn);
}

uint32_t stripes_era(const struct stripes *stripes)
{
	uint32_t era = atomic_load_explicit(&stripes->era, memory_order_acquire);

	return stripes_grow(era) ? era : 0;
}

uint32_t stripes_timeline(const struct stripes *stripes)
{
	uint32_t timeline = atomic_load_explicit(&stripes->timeline, memory_order_acquire);

	return stripes_grow(atomic_load_explicit(&stripes->era, memory_order_acquire)) ? timeline
										       : 0;
}

struct position stripes_known(const struct stripes *stripes)
{
	uint32_t era = atomic_load_explicit(&stripes->era, memory_order_acquire);
	struct position known = {
		atomic_load_explicit(&stripes->timeline, memory_order_acquire),
		stripes_load(&stripes->known),
	};

	if (!stripes_grow(era) || !known.lsn ||
	    atomic_load_explicit(&stripes->era, memory_order_acquire) != era)
		return POSITION_NONE;
	return known;
}

static uint64_t stripes_touched(const struct stripes *stripes, const uint64_t *tags, size_t count)
{
	uint64_t touched = stripes_load(&stripes->base);

	for (size_t i = 0; i < count; i++) {
		uint64_t lsn = stripes_load(&stripes->items[stripes_of(tags[i])].lsn);

		if (lsn > touched)
			touched = lsn;
	}
	return touched;
}

uint64_t stripes_required(const struct stripes *stripes, struct position index,
			  const uint64_t *tags, size_t count)
{
	uint32_t era = atomic_load_explicit(&stripes->era, memory_order_acquire);
	struct position known = stripes_known(stripes);
	uint64_t required;

	if (!position_known(known) || known.timeline != index.timeline || known.lsn < index.lsn)
		return 0;
	required = stripes_touched(stripes, tags, count);
	if (atomic_load_explicit(&stripes->era, memory_order_acquire) != era)
		return 0;
	return required < index.lsn ? required : index.lsn;
}

static _Atomic uint32_t *stripes_doubt_of(struct stripes *stripes, uint64_t tag)
{
	return tag == STRIPES_TAG_ALL ? &stripes->doubt : &stripes->items[stripes_of(tag)].doubt;
}

void stripes_doubt(struct stripes *stripes, uint64_t tag)
{
	_Atomic uint32_t *doubt = stripes_doubt_of(stripes, tag);

	atomic_fetch_add_explicit(doubt, 1, memory_order_seq_cst);
}

void stripes_settle(struct stripes *stripes, uint64_t tag, uint64_t lsn)
{
	_Atomic uint32_t *doubt = stripes_doubt_of(stripes, tag);
	uint32_t before;

	if (lsn) {
		stripes_raise(&stripes->settled, lsn);
		stripes_touch(stripes, tag, lsn);
	}
	before = atomic_fetch_sub_explicit(doubt, 1, memory_order_seq_cst);
	assert(before > 0);
}

uint64_t stripes_lsn(struct stripes *stripes, struct position position)
{
	uint32_t timeline = stripes_timeline(stripes);

	if (!position_known(position))
		return 0;
	if (timeline && branch_number(timeline) == branch_number(position.timeline))
		return position.lsn;
	stripes_miss(stripes, position);
	return 0;
}

bool stripes_in_doubt(const struct stripes *stripes, uint64_t tag)
{
	return atomic_load_explicit(&stripes->doubt, memory_order_seq_cst) ||
	       atomic_load_explicit(&stripes->items[stripes_of(tag)].doubt, memory_order_seq_cst);
}

static bool stripes_any_in_doubt(const struct stripes *stripes, const uint64_t *tags, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (stripes_in_doubt(stripes, tags[i]))
			return true;
	return atomic_load_explicit(&stripes->doubt, memory_order_seq_cst);
}

/* Doubts first: a command that has settled since then has raised its stripes. */
struct stripes_state stripes_state(const struct stripes *stripes, const uint64_t *tags,
				   size_t count)
{
	uint32_t era = atomic_load_explicit(&stripes->era, memory_order_acquire);
	struct stripes_state state = { .timeline = stripes_timeline(stripes) };

	state.in_doubt = stripes_any_in_doubt(stripes, tags, count);
	state.touched = stripes_touched(stripes, tags, count);
	if (atomic_load_explicit(&stripes->era, memory_order_acquire) != era)
		state.timeline = 0;
	return state;
}
