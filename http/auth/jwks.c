/* SPDX-License-Identifier: Apache-2.0 */
/* A loop on a thread of its own, which a fetch may block; letters bring it what is wanted. */
#include "http/auth/jwks.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "http/auth/jwk.h"
#include "http/auth/jwks_fetch.h"
#include "http/auth/jwks_refresh.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct jwks {
	struct jwks_settings settings;
	struct snapshot *snapshot;
	struct jwk_set *read, *taken; /* of a file: what the next jwks_take publishes; the last */

	/* Of a URL; loop NULL: it is a file. */
	struct loop *loop;
	struct metrics *metrics;
	struct jwks_refresh refresh;
	pthread_t thread;
	atomic_bool stopping;
	struct letter want;
	atomic_bool wanted;   /* the letter is on its way */
	atomic_bool reloaded; /* and does not wait for 30 s to be over */
};

/* --- files ----------------------------------------------------------------------------------- */

/* At most so many bytes, and whatever they are. False: error names the file. */
static bool jwks_slurp(const char *path, size_t most, struct buf *bytes, char *error, size_t room)
{
	FILE *file = fopen(path, "rbe");
	size_t got;
	bool good;

	if (!file) {
		snprintf(error, room, "%s: %s", path, strerror(errno));
		return false;
	}
	got = fread(buf_reserve(bytes, most + 1), 1, most + 1, file);
	bytes->len += got;
	good = !ferror(file) && got <= most;
	if (!good)
		snprintf(error, room, "%s: %s", path,
			 got > most ? "is too large" : "cannot be read");
	(void)fclose(file);
	return good;
}

/* False: why is filled. */
static bool jwks_read_bytes(struct jwks *jwks, const struct buf *bytes, char *why, size_t room)
{
	struct text text = { bytes->ptr, bytes->len };
	struct buf left_out;
	bool good;

	if (jwks->settings.secret_file) {
		if (text.len && text.ptr[text.len - 1] == '\n')
			log_warn("jwt", "--jwt-secret-file ends with a newline, which is part of "
					"the secret");
		return jwk_set_secret(text, jwks->read, why, room);
	}
	buf_init(&left_out);
	good = jwk_set_read(text, jwks->read, &left_out, why, room);
	if (left_out.len)
		log_warn("jwt", "keys of --jwt-keys that are not used: %.*s", (int)left_out.len,
			 left_out.ptr);
	buf_fini(&left_out);
	return good;
}

static bool jwks_read_file(struct jwks *jwks, char *error, size_t error_room)
{
	const char *secret = jwks->settings.secret_file;
	const char *path = secret ? secret : jwks->settings.keys;
	struct buf bytes;
	char why[256];
	bool good;

	buf_init(&bytes);
	good = jwks_slurp(path, secret ? JWS_KEY_BYTES_MAX : JWKS_BYTES_MAX, &bytes, error,
			  error_room);
	if (good && !jwks_read_bytes(jwks, &bytes, why, sizeof(why))) {
		snprintf(error, error_room, "%s: %s", path, why);
		good = false;
	}
	if (bytes.ptr)
		explicit_bzero(bytes.ptr, bytes.len);
	buf_fini(&bytes);
	return good;
}

/* --- a URL ----------------------------------------------------------------------------------- */

static bool jwks_on_fetch(void *arg, struct jwks_answer *answer)
{
	struct jwks *jwks = arg;

	return jwks_fetch(jwks->settings.keys, &jwks->stopping, answer);
}

static void jwks_on_want(struct letter *letter, struct loop *loop)
{
	struct jwks *jwks = container_of(letter, struct jwks, want);

	(void)loop;
	/* In this order: what is set from here on comes with another letter. */
	atomic_exchange(&jwks->wanted, false);
	if (atomic_exchange(&jwks->reloaded, false))
		jwks_refresh_now(&jwks->refresh);
	else
		jwks_refresh_want(&jwks->refresh);
}

static void *jwks_run(void *arg)
{
	struct jwks *jwks = arg;

	loop_run(jwks->loop);
	return NULL;
}

static void jwks_start_thread(struct jwks *jwks)
{
	const struct jwks_refresh_settings settings = { .keys = jwks->snapshot,
							.metrics = metrics_new(),
							.fetch = jwks_on_fetch,
							.wall_us = clock_wall_us,
							.arg = jwks };

	sigset_t all, before;

	/* Signals are for the main thread. */
	sigfillset(&all);
	jwks_fetch_setup();
	jwks->metrics = settings.metrics;
	jwks->loop = loop_new("jwt-keys");
	jwks->want.on_delivery = jwks_on_want;
	jwks_refresh_init(&jwks->refresh, jwks->loop, &settings);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&jwks->thread, NULL, jwks_run, jwks) != 0)
		log_fatal("jwt", "no thread can be had");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* --- both ------------------------------------------------------------------------------------ */

struct jwks *jwks_start(const struct jwks_settings *settings, char *error, size_t error_room)
{
	struct jwks *jwks = calloc(1, sizeof(*jwks));
	const char *wrong = NULL;

	if (!jwks)
		log_fatal("jwt", "out of memory");
	jwks->settings = *settings;
	jwks->snapshot = snapshot_new(sizeof(struct jwk_set));
	if (settings->keys && jwks_is_url(settings->keys)) {
		wrong = jwks_url_wrong(settings->keys);
		if (!wrong) {
			jwks_start_thread(jwks);
			return jwks;
		}
		snprintf(error, error_room, "the URL %s", wrong);
	} else {
		jwks->read = calloc(1, sizeof(*jwks->read));
		jwks->taken = calloc(1, sizeof(*jwks->taken));
		if (!jwks->read || !jwks->taken)
			log_fatal("jwt", "out of memory");
		if (jwks_read_file(jwks, error, error_room)) {
			jwks_take(jwks);
			return jwks;
		}
	}
	jwks_stop(jwks);
	return NULL;
}

struct snapshot *jwks_snapshot(const struct jwks *jwks)
{
	return jwks->snapshot;
}

void jwks_want(struct jwks *jwks)
{
	if (!jwks->loop || atomic_exchange_explicit(&jwks->wanted, true, memory_order_acq_rel))
		return;
	if (!loop_post(jwks->loop, &jwks->want))
		atomic_store_explicit(&jwks->wanted, false, memory_order_release);
}

bool jwks_prepare(struct jwks *jwks, char *error, size_t error_room)
{
	return jwks->loop || jwks_read_file(jwks, error, error_room);
}

void jwks_take(struct jwks *jwks)
{
	if (jwks->loop) {
		atomic_store(&jwks->reloaded, true);
		jwks_want(jwks);
		return;
	}
	if (memcmp(jwks->read, jwks->taken, sizeof(*jwks->read)) == 0)
		return;
	memcpy(jwks->taken, jwks->read, sizeof(*jwks->read));
	snapshot_publish(jwks->snapshot, jwks->taken);
}

void jwks_stop(struct jwks *jwks)
{
	if (jwks->loop) {
		atomic_store(&jwks->stopping, true);
		loop_stop(jwks->loop);
		pthread_join(jwks->thread, NULL);
		jwks_refresh_fini(&jwks->refresh);
		loop_free(jwks->loop);
		metrics_free(jwks->metrics);
	}
	snapshot_free(jwks->snapshot);
	free(jwks->read);
	free(jwks->taken);
	free(jwks);
}
