/* SPDX-License-Identifier: Apache-2.0 */
/* One small table under one lock: it is asked when something is wrong, never for a request. */
#include "base/repeats.h"

#include "base/clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define REPEATS_MAX 64

static const struct {
	unsigned lines;
	int64_t us;
} rates[REPEATS_KINDS] = {
	[REPEATS_CONNS] = { 1, 60 * US_PER_S },
	[REPEATS_NODES] = { 5, 60 * US_PER_S },
	[REPEATS_FAILURES] = { 10, US_PER_S },
	[REPEATS_LIMITED] = { 1, 10 * US_PER_S },
};

struct repeat {
	enum repeats_kind kind;
	uint64_t key;
	int64_t since_us;
	unsigned lines;  /* written since; 0: the slot is free */
	unsigned silent; /* and not written */
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
	*oldest = (struct repeat){ .kind = kind, .key = key };
	return oldest;
}

bool repeats_allow(enum repeats_kind kind, uint64_t key, int64_t now_us,
		   char text[REPEATS_TEXT_BYTES])
{
	struct repeat *repeat;
	bool allowed;

	*text = '\0';
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
	memset(repeats, 0, sizeof(repeats));
	pthread_mutex_unlock(&repeats_mutex);
}
