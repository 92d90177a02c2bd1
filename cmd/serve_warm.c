/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was read is not written over before it was asked to its end: a service that is stopped while
 * it is cold leaves what the one before it has written.
 */
#include "cmd/serve_warm.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "cmd/warm_file.h"
#include "read/cache_key.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* Sooner in the beginning: 1 s, 2 s, 4 s, … */
#define WARM_EVERY_S 60
#define WARM_WALKED 4 /* times as many keys: some name who asks */

struct serve_warm {
	const char *path;
	struct cache *cache;
	struct warm_events events;
	struct worker *worker; /* NULL: not begun */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t turn;
	/* With the lock. */
	struct catalog *catalog;
	bool emptied, drains, ends;
	/* The thread's. */
	bool complained;
};

static void warm_on_emptied(void *arg)
{
	struct serve_warm *warm = arg;

	pthread_mutex_lock(&warm->lock);
	warm->emptied = true;
	pthread_cond_signal(&warm->turn);
	pthread_mutex_unlock(&warm->lock);
}

struct serve_warm *serve_warm_new(const struct options *options, struct cache *cache,
				  struct catalog *catalog)
{
	pthread_condattr_t monotonic;
	struct serve_warm *warm;

	if (!options->cache_warm || !cache)
		return NULL;
	warm = calloc(1, sizeof(*warm));
	if (!warm)
		log_fatal("cache", "out of memory");
	warm->path = options->cache_warm;
	warm->cache = cache;
	warm->catalog = catalog_hold(catalog);
	warm->events = (struct warm_events){ .on_emptied = warm_on_emptied, .arg = warm };
	pthread_mutex_init(&warm->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&warm->turn, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return warm;
}

const struct warm_events *serve_warm_events(const struct serve_warm *warm)
{
	return warm ? &warm->events : NULL;
}

/* --- which keys ------------------------------------------------------------------------------- */

struct warm_walk {
	const struct catalog *catalog;
	struct warm_list *list;
	struct arena arena;
};

static const struct operation *warm_operation(const struct catalog *catalog, uint32_t statement)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (catalog->operations[i].statement->id == statement)
			return &catalog->operations[i];
	return NULL;
}

/* Keys of operations that are no more, or that name who asks, are passed over. */
static void warm_on_key(void *arg, struct text key, const struct cache_facts *facts)
{
	struct warm_walk *walk = arg;
	const struct operation *operation = warm_operation(walk->catalog, cache_key_statement(key));
	struct warm_key line;

	(void)facts;
	if (!operation)
		return;
	line = (struct warm_key){
		.operation = operation->name,
		.version = operation->version,
		.count = operation->statement->params,
		.values = cache_key_values(key, operation->statement->params, &walk->arena),
	};
	/* One that is too long is passed over, too. */
	if (line.values && !warm_list_add(walk->list, &line))
		log_debug("cache", "a key is not written down: %s", operation->name);
	arena_reset(&walk->arena);
}

static struct warm_list *warm_gather(struct serve_warm *warm)
{
	struct warm_walk walk = { .list = warm_list_new() };
	struct catalog *catalog;

	pthread_mutex_lock(&warm->lock);
	catalog = catalog_hold(warm->catalog);
	pthread_mutex_unlock(&warm->lock);
	walk.catalog = catalog;
	arena_init(&walk.arena);
	cache_store_hottest(warm->cache->store, (size_t)WARM_KEYS_MAX * WARM_WALKED, warm_on_key,
			    &walk);
	arena_fini(&walk.arena);
	catalog_let_go(catalog);
	return walk.list;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Once, until it can be written again. */
static void warm_complain(struct serve_warm *warm, const char *error)
{
	if (!warm->complained)
		log_warn("cache", "--cache-warm %s cannot be written: %s", warm->path, error);
	warm->complained = true;
}

static void warm_save(struct serve_warm *warm)
{
	struct warm_list *list;
	char error[256];

	if (worker_asks_again(warm->worker))
		return;
	list = warm_gather(warm);
	if (list->count && !warm_file_write(warm->path, list, error, sizeof(error)))
		warm_complain(warm, error);
	else if (list->count)
		warm->complained = false;
	warm_list_free(list);
}

static void warm_hand_over(struct serve_warm *warm, struct warm_list *list)
{
	bool drains;

	/* With the lock, so that the worker is not drained meanwhile. */
	pthread_mutex_lock(&warm->lock);
	drains = warm->drains;
	if (!drains)
		worker_ask_again(warm->worker, list);
	pthread_mutex_unlock(&warm->lock);
	if (drains)
		warm_list_free(list);
}

enum warm_turn { WARM_DUE, WARM_EMPTIED, WARM_ENDS };

static enum warm_turn warm_wait(struct serve_warm *warm, long seconds)
{
	enum warm_turn turn = WARM_DUE;
	int64_t until_us = clock_monotonic_us() + seconds * US_PER_S;
	const struct timespec until = { .tv_sec = (time_t)(until_us / US_PER_S),
					.tv_nsec = (long)(until_us % US_PER_S * 1000) };
	int waited = 0;

	pthread_mutex_lock(&warm->lock);
	while (!warm->emptied && !warm->ends && waited != ETIMEDOUT)
		waited = pthread_cond_timedwait(&warm->turn, &warm->lock, &until);
	if (warm->ends)
		turn = WARM_ENDS;
	else if (warm->emptied)
		turn = WARM_EMPTIED;
	warm->emptied = false;
	pthread_mutex_unlock(&warm->lock);
	return turn;
}

static void *warm_run(void *arg)
{
	struct serve_warm *warm = arg;
	enum warm_turn turn;
	long seconds = 1;

	do {
		turn = warm_wait(warm, seconds);
		if (turn == WARM_EMPTIED)
			warm_hand_over(warm, warm_gather(warm));
		else
			warm_save(warm);
		seconds = 2 * seconds < WARM_EVERY_S ? 2 * seconds : WARM_EVERY_S;
	} while (turn != WARM_ENDS);
	return NULL;
}

/* --- its life --------------------------------------------------------------------------------- */

void serve_warm_start(struct serve_warm *warm, struct worker *worker)
{
	struct warm_list *list;
	char error[256];

	if (!warm)
		return;
	warm->worker = worker;
	list = warm_file_read(warm->path, error, sizeof(error));
	if (list)
		warm_hand_over(warm, list);
	else if (*error)
		log_warn("cache", "--cache-warm %s is not read, the cache starts cold: %s",
			 warm->path, error);
	else
		log_info("cache", "--cache-warm %s is not there yet", warm->path);
	if (pthread_create(&warm->thread, NULL, warm_run, warm) != 0)
		log_fatal("serve", "no thread can be had");
}

void serve_warm_reload(struct serve_warm *warm, struct catalog *catalog)
{
	struct catalog *before;

	if (!warm)
		return;
	pthread_mutex_lock(&warm->lock);
	before = warm->catalog;
	warm->catalog = catalog_hold(catalog);
	pthread_mutex_unlock(&warm->lock);
	catalog_let_go(before);
}

void serve_warm_drain(struct serve_warm *warm)
{
	if (!warm)
		return;
	pthread_mutex_lock(&warm->lock);
	warm->drains = true;
	pthread_mutex_unlock(&warm->lock);
}

void serve_warm_stop(struct serve_warm *warm)
{
	if (!warm)
		return;
	pthread_mutex_lock(&warm->lock);
	warm->ends = true;
	pthread_cond_signal(&warm->turn);
	pthread_mutex_unlock(&warm->lock);
	pthread_join(warm->thread, NULL);
	pthread_cond_destroy(&warm->turn);
	pthread_mutex_destroy(&warm->lock);
	catalog_let_go(warm->catalog);
	free(warm);
}
