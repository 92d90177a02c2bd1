/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the actions of the keys verb share. An action works on one of two places, the database or a
 * file, and gives the lines of the keys that it made, changed or found.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/options.h"
#include "http/auth/api_key.h"
#include "http/auth/key_text.h"
#include "http/auth/keys_file.h"

#include <stdbool.h>
#include <stdint.h>

struct keys_work {
	const struct options *options;
	const char *id; /* rotate, revoke: which key; NULL */
	int64_t now_s;
	int64_t expires_s, overlap_s; /* durations; expires_s -1: not given */
	struct arena arena;
	/* create, rotate: the new key, and its text, shown once */
	struct api_key made;
	char text[KEY_TEXT_BYTES_MAX + 1];
	/* What came of it: keys as they are now, the new one last. */
	struct buf lines;
};

/* Each complains by itself on stderr. False: nothing was changed. */
struct keys_place {
	bool (*create)(struct keys_work *work);
	bool (*list)(struct keys_work *work);
	bool (*rotate)(struct keys_work *work);
	bool (*revoke)(struct keys_work *work);
};

/* A key of that id cannot be changed: says why. key: NULL: there is none; known: for "did you
 * mean". */
void keys_refuse(const struct keys_work *work, const char *action, const struct api_key *key,
		 const struct api_keys *known);
/* May it be rotated or revoked at this time? */
bool keys_is_good(const struct keys_work *work, const struct api_key *key) must_check;
