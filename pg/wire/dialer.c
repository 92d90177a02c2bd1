/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue, a helper thread, and letters. The thread is detached and holds a share of the dialer, so
 * that a name server that does not answer delays no loop's end.
 *
 *   QUEUED ──helper──► RUNNING ──letter──► POSTED ──loop──► freed
 *
 * Forgotten: QUEUED is freed at once, RUNNING by the helper, POSTED when the letter arrives.
 */
#include "pg/wire/dialer.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DIALER_POST_AGAIN_US US_PER_MS /* the loop's mailbox was full */

enum dial_state { DIAL_QUEUED, DIAL_RUNNING, DIAL_POSTED };

struct dial {
	struct list_link link; /* in queued, running or posted of the dialer */
	struct letter letter;
	struct dialer *dialer;
	struct loop *loop;
	enum dial_state state;
	bool forgotten;
	char **keywords, **values;
	PGconn *pgconn;
	void (*on_dialed)(void *owner, PGconn *pgconn);
	void *owner;
};

struct dialer {
	pthread_mutex_t mutex; /* guards all of this and the state of its dials */
	pthread_cond_t changed;
	struct list queued, posted;
	unsigned shares; /* the owner's, the thread's */
	bool threaded, ended;
};

static void dial_free(struct dial *dial);
static void dial_on_delivery(struct letter *letter, struct loop *loop);
static bool dialer_start_thread(struct dialer *dialer);
static void *dialer_run(void *arg);
static void dialer_let_go(struct dialer *dialer);

struct dialer *dialer_new(void)
{
	struct dialer *dialer = calloc(1, sizeof(*dialer));
	pthread_condattr_t attributes;

	assert(dialer);
	pthread_mutex_init(&dialer->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&dialer->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	list_init(&dialer->queued);
	list_init(&dialer->posted);
	dialer->shares = 1;
	return dialer;
}

void dialer_free(struct dialer *dialer)
{
	struct list_link *link;

	pthread_mutex_lock(&dialer->mutex);
	dialer->ended = true;
	while ((link = list_take_first(&dialer->queued)))
		dial_free(container_of(link, struct dial, link));
	while ((link = list_take_first(&dialer->posted)))
		dial_free(container_of(link, struct dial, link));
	pthread_cond_signal(&dialer->changed);
	dialer_let_go(dialer);
}

static char **dial_copy_strings(const char *const *strings)
{
	size_t count = 0;
	char **copy;

	while (strings[count])
		count++;
	copy = calloc(count + 1, sizeof(*copy));
	assert(copy);
	for (size_t i = 0; i < count; i++) {
		copy[i] = strdup(strings[i]);
		assert(copy[i]);
	}
	return copy;
}

struct dial *dialer_dial(struct dialer *dialer, struct loop *loop, const char *const *keywords,
			 const char *const *values, void (*on_dialed)(void *owner, PGconn *pgconn),
			 void *owner)
{
	struct dial *dial = calloc(1, sizeof(*dial));

	assert(dial);
	dial->letter.on_delivery = dial_on_delivery;
	dial->dialer = dialer;
	dial->loop = loop;
	dial->keywords = dial_copy_strings(keywords);
	dial->values = dial_copy_strings(values);
	dial->on_dialed = on_dialed;
	dial->owner = owner;
	pthread_mutex_lock(&dialer->mutex);
	if (!dialer_start_thread(dialer))
		log_fatal("pg", "no thread can be had for looking up names");
	list_append(&dialer->queued, &dial->link);
	pthread_cond_signal(&dialer->changed);
	pthread_mutex_unlock(&dialer->mutex);
	return dial;
}

void dial_forget(struct dial *dial)
{
	struct dialer *dialer = dial->dialer;

	pthread_mutex_lock(&dialer->mutex);
	assert(!dial->forgotten);
	dial->forgotten = true;
	if (dial->state == DIAL_QUEUED) {
		list_remove(&dialer->queued, &dial->link);
		dial_free(dial);
	}
	pthread_mutex_unlock(&dialer->mutex);
}

static void dial_on_delivery(struct letter *letter, struct loop *loop)
{
	struct dial *dial = container_of(letter, struct dial, letter);
	struct dialer *dialer = dial->dialer;
	PGconn *pgconn = dial->pgconn;

	assert(dial->loop == loop);
	assert(dial->state == DIAL_POSTED);
	pthread_mutex_lock(&dialer->mutex);
	list_remove(&dialer->posted, &dial->link);
	pthread_mutex_unlock(&dialer->mutex);
	if (!dial->forgotten) {
		dial->pgconn = NULL;
		dial->on_dialed(dial->owner, pgconn);
	}
	dial_free(dial);
}

static void dial_free_strings(char **strings)
{
	for (size_t i = 0; strings[i]; i++) {
		explicit_bzero(strings[i], strlen(strings[i]));
		free(strings[i]);
	}
	free(strings);
}

static void dial_free(struct dial *dial)
{
	PQfinish(dial->pgconn);
	dial_free_strings(dial->keywords);
	dial_free_strings(dial->values);
	free(dial);
}

/* --- the helper ------------------------------------------------------------------------------ */

/* Signals are for the main thread. With the mutex held. */
static bool dialer_start_thread(struct dialer *dialer)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	bool started;

	if (dialer->threaded)
		return true;
	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = pthread_create(&thread, &attributes, dialer_run, dialer) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	dialer->threaded = started;
	dialer->shares += started;
	return started;
}

static void dialer_pause(struct dialer *dialer)
{
	int64_t until_us = clock_monotonic_us() + DIALER_POST_AGAIN_US;
	struct timespec until = { .tv_sec = until_us / US_PER_S,
				  .tv_nsec = until_us % US_PER_S * 1000 };

	pthread_cond_timedwait(&dialer->changed, &dialer->mutex, &until);
}

/* With the mutex held: the loop may not go away between reading forgotten and the post. */
static void dialer_deliver(struct dialer *dialer, struct dial *dial)
{
	while (!dial->forgotten && !dialer->ended) {
		dial->state = DIAL_POSTED;
		if (loop_post(dial->loop, &dial->letter)) {
			list_append(&dialer->posted, &dial->link);
			return;
		}
		dial->state = DIAL_RUNNING;
		dialer_pause(dialer);
	}
	dial_free(dial);
}

static void *dialer_run(void *arg)
{
	struct dialer *dialer = arg;
	struct list_link *link;

	pthread_mutex_lock(&dialer->mutex);
	while (!dialer->ended) {
		struct dial *dial;

		link = list_take_first(&dialer->queued);
		if (!link) {
			pthread_cond_wait(&dialer->changed, &dialer->mutex);
			continue;
		}
		dial = container_of(link, struct dial, link);
		dial->state = DIAL_RUNNING;
		pthread_mutex_unlock(&dialer->mutex);
		dial->pgconn = PQconnectStartParams((const char *const *)dial->keywords,
						    (const char *const *)dial->values, 0);
		pthread_mutex_lock(&dialer->mutex);
		dialer_deliver(dialer, dial);
	}
	dialer_let_go(dialer);
	return NULL;
}

/* With the mutex held, which ends here. */
static void dialer_let_go(struct dialer *dialer)
{
	bool last = --dialer->shares == 0;

	pthread_mutex_unlock(&dialer->mutex);
	if (!last)
		return;
	pthread_cond_destroy(&dialer->changed);
	pthread_mutex_destroy(&dialer->mutex);
	free(dialer);
}
