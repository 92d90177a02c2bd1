/* SPDX-License-Identifier: Apache-2.0 */
/* The backends that conns of ours hold, in no order: they are few, and come and go with conns. */
#include "pg/wire/pooler.h"

#include "base/limits.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct pooler {
	pthread_mutex_t mutex;
	uint64_t *backends;
	unsigned count, room;
	_Atomic bool no_options;
	_Atomic int64_t shared_until_us; /* 0: it was never found to share */
};

struct pooler *pooler_new(void)
{
	struct pooler *pooler = calloc(1, sizeof(*pooler));

	assert(pooler);
	pthread_mutex_init(&pooler->mutex, NULL);
	return pooler;
}

void pooler_free(struct pooler *pooler)
{
	assert(pooler->count == 0);
	pthread_mutex_destroy(&pooler->mutex);
	free(pooler->backends);
	free(pooler);
}

bool pooler_takes_options(const struct pooler *pooler)
{
	return !atomic_load(&pooler->no_options);
}

void pooler_refused_options(struct pooler *pooler)
{
	atomic_store(&pooler->no_options, true);
}

/* With the mutex held. count: it is not there. */
static unsigned pooler_find(const struct pooler *pooler, uint64_t backend)
{
	unsigned at = 0;

	while (at < pooler->count && pooler->backends[at] != backend)
		at++;
	return at;
}

static void pooler_add(struct pooler *pooler, uint64_t backend)
{
	if (pooler->count == pooler->room) {
		pooler->room = pooler->room ? 2 * pooler->room : 16;
		pooler->backends =
			reallocarray(pooler->backends, pooler->room, sizeof(*pooler->backends));
		assert(pooler->backends);
	}
	pooler->backends[pooler->count++] = backend;
}

bool pooler_enter(struct pooler *pooler, uint64_t backend, int64_t now_us)
{
	bool alone;

	assert(backend);
	pthread_mutex_lock(&pooler->mutex);
	alone = pooler_find(pooler, backend) == pooler->count;
	if (alone)
		pooler_add(pooler, backend);
	pthread_mutex_unlock(&pooler->mutex);
	if (!alone)
		pooler_caught(pooler, now_us);
	return alone;
}

void pooler_leave(struct pooler *pooler, uint64_t backend)
{
	unsigned at;

	pthread_mutex_lock(&pooler->mutex);
	at = pooler_find(pooler, backend);
	assert(at < pooler->count);
	pooler->backends[at] = pooler->backends[--pooler->count];
	pthread_mutex_unlock(&pooler->mutex);
}

void pooler_caught(struct pooler *pooler, int64_t now_us)
{
	atomic_store(&pooler->shared_until_us, now_us + POOLER_SHARED_US);
}

bool pooler_is_shared(const struct pooler *pooler, int64_t now_us)
{
	return now_us < atomic_load(&pooler->shared_until_us);
}
