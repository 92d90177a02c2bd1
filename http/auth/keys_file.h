/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A --keys-file: a line per key (http/auth/api_key.h); lines that begin with # and empty ones are
 * comments. It holds hashes, so that who reads it can use no key; who writes it can make some.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/text.h"
#include "http/auth/api_key.h"

#include <stdbool.h>
#include <stddef.h>

struct api_keys {
	struct api_key *keys; /* in the order of the lines */
	size_t count;
};

/*
 * Reads the keys of lines; all of it lives in the arena. Lines that are wrong go to complaints, as
 * "place:3: error: …", a line each. False: there is one.
 */
bool keys_lines_read(struct text lines, const char *place, struct arena *arena,
		     struct api_keys *keys, struct buf *complaints) must_check;
/*
 * The text of a file whose lines are all right, in the arena; ptr NULL: complaints say why not.
 * That others may write to it is a complaint, too, "FILE: warning: …", and no error.
 */
struct text keys_file_read(const char *path, struct arena *arena, struct api_keys *keys,
			   struct buf *complaints) must_check;
