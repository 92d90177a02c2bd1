/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the keys of JWTs come from: a file with a secret, a file with a key set, or a URL with one.
 * Files are read at the start and at a reload; a URL has a thread of its own. What is read is
 * published as a struct jwk_set.
 */
#pragma once

#include "base/check.h"
#include "base/snapshot.h"

#include <stdbool.h>
#include <stddef.h>

struct jwks;

/* One of both; the other is NULL. Borrowed until jwks_stop. */
struct jwks_settings {
	const char *keys; /* --jwt-keys: a file, or a URL */
	const char *secret_file;
};

/*
 * Main thread. A file is read now, and NULL with error where it is wrong; of a URL nothing is
 * published until its server has answered, which may be never.
 */
struct jwks *jwks_start(const struct jwks_settings *settings, char *error,
			size_t error_room) must_check;
/* Of struct jwk_set. */
struct snapshot *jwks_snapshot(const struct jwks *jwks);
/* Any thread, without waiting: a token names a key that is not published. */
void jwks_want(struct jwks *jwks);
/* Main thread, at a reload: reads a file again, without publishing it. False: error says why. */
bool jwks_prepare(struct jwks *jwks, char *error, size_t error_room) must_check;
/* After jwks_prepare: publishes what was read; a URL is fetched again at once, by its thread. */
void jwks_take(struct jwks *jwks);
/* No reader of the snapshot may be left. Ends and joins the thread, within a second or two. */
void jwks_stop(struct jwks *jwks);
