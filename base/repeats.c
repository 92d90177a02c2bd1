/* SPDX-License-Identifier: Apache-2.0 */
/* One small table under one lock: it is asked when something is wrong, never for a request. */
#include "base/repeats.h"

#include "base/clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define REPEATS_MAX 64

struct repeat {
	uint64_t key;
	int64_t written_us; /* 0: the slot is free */
	unsigned silent;    /* since then */
};

static struct repeat repeats[REPEATS_MAX];
static pthread_mutex_t repeats_mutex = PTHREAD_MUTEX_INITIALIZER;

/* That of the key, or the one to be given to it. */
static struct repeat *repeats_slot(uint64_t key)
{
	struct repeat *oldest = &repeats[0];

	for (unsigned i = 0; i < REPEATS_MAX; i++) {
		if (repeats[i].written_us && repeats[i].key == key)
			return &repeats[i];
		if (repeats[i].written_us < oldest->written_us)
			oldest = &repeats[i];
	}
	*oldest = (struct repeat){ .key = key };
	return oldest;
}

bool repeats_allow(uint64_t key, int64_t now_us, char text[REPEATS_TEXT_BYTES])
{
	struct repeat *repeat;
	bool allowed;

	*text = '\0';
	pthread_mutex_lock(&repeats_mutex);
	repeat = repeats_slot(key);
	allowed = !repeat->written_us || now_us - repeat->written_us >= REPEATS_US;
	if (!allowed) {
		repeat->silent++;
	} else {
		if (repeat->silent)
			snprintf(text, REPEATS_TEXT_BYTES,
				 " (again, %u times in the last %" PRId64 " s)", repeat->silent + 1,
				 (now_us - repeat->written_us) / US_PER_S);
		repeat->written_us = now_us;
		repeat->silent = 0;
	}
	pthread_mutex_unlock(&repeats_mutex);
	return allowed;
}

void repeats_forget(void)
{
	pthread_mutex_lock(&repeats_mutex);
	memset(repeats, 0, sizeof(repeats));
	pthread_mutex_unlock(&repeats_mutex);
}
