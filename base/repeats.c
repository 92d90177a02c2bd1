/* SPDX-License-Identifier: Apache-2.0 */
/* One small table under one lock, which is not taken for a line that is not written: under overload
 * that is one for each answer. */
#include "base/repeats.h"

#include "base/clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define REPEATS_MAX 64

static const struct {
	unsigned lines;
	int64_t us;
} rates[REPEATS_KINDS] = {
	[REPEATS_CONNS] = { 1, 60 * US_PER_S },   [REPEATS_NODES] = { 5, 60 * US_PER_S },
	[REPEATS_FAILURES] = { 10, US_PER_S },    [REPEATS_LIMITED] = { 1, 10 * US_PER_S },
	[REPEATS_REFUSED] = { 5, 10 * US_PER_S }, [REPEATS_ANSWERS] = { 10, US_PER_S },
	[REPEATS_FULL] = { 1, US_PER_S },
};

struct repeat {
	_Atomic enum repeats_kind kind;
	_Atomic uint64_t key;
	_Atomic int64_t since_us;
	_Atomic unsigned lines;  /* written since; 0: the slot is free */
	_Atomic unsigned silent; /* and not written */
};

static struct repeat repeats[REPEATS_MAX];
static pthread_mutex_t repeats_mutex = PTHREAD_MUTEX_INITIALIZER;

/* That of the key, or the one to be given to it. */
static struct repeat *repeats_slot(enum repeats_kind kind, uint64_t key)
{
	struct repeat *oldest = &repeats[0];

	for (unsigned i = 0; i < REPEATS_MAX; i++) {
		struct repeat *repeat = &repeats[i];

		if (repeat->lines && repeat->kind == kind && repeat->key == key)
			return repeat;
		if (oldest->lines && (!repeat->lines || repeat->since_us < oldest->since_us))
			oldest = repeat;
	}
	oldest->lines = oldest->silent = 0;
	oldest->kind = kind;
	oldest->key = key;
	return oldest;
}

/* Is it one of those that are only counted? Without the lock: the key is read first, since
 * a thread that takes the slot for another key clears the lines first. */
static bool repeats_count(enum repeats_kind kind, uint64_t key, int64_t now_us)
{
	for (unsigned i = 0; i < REPEATS_MAX; i++) {
		struct repeat *repeat = &repeats[i];

		if (repeat->key != key || repeat->kind != kind)
			continue;
		if (repeat->lines < rates[kind].lines ||
		    now_us - repeat->since_us >= rates[kind].us)
			return false;
		repeat->silent++;
		return true;
	}
	return false;
}

bool repeats_allow(enum repeats_kind kind, uint64_t key, int64_t now_us,
		   char text[REPEATS_TEXT_BYTES])
{
	struct repeat *repeat;
	bool allowed;

	*text = '\0';
	if (repeats_count(kind, key, now_us))
		return false;
	pthread_mutex_lock(&repeats_mutex);
	repeat = repeats_slot(kind, key);
	if (!repeat->lines || now_us - repeat->since_us >= rates[kind].us) {
		if (repeat->silent)
			snprintf(text, REPEATS_TEXT_BYTES,
				 " (again, %u times in the last %" PRId64 " s)", repeat->silent + 1,
				 (now_us - repeat->since_us) / US_PER_S);
		repeat->since_us = now_us;
		repeat->lines = repeat->silent = 0;
	}
	allowed = repeat->lines < rates[kind].lines;
	if (allowed)
		repeat->lines++;
	else
		repeat->silent++;
	pthread_mutex_unlock(&repeats_mutex);
	return allowed;
}

void repeats_forget(void)
{
	pthread_mutex_lock(&repeats_mutex);
	for (unsigned i = 0; i < REPEATS_MAX; i++)
		repeats[i].lines = repeats[i].silent = 0;
	pthread_mutex_unlock(&repeats_mutex);
}
