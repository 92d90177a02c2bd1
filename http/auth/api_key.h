/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of an API key: everything but its secret. A line of text, the same in a --keys-file
 * and as the database tells it:
 *
 *   ID sha256:HEX name=web roles=app,support acts-for=any created=TIME expires=TIME revoked=TIME
 *
 * ID and hash come first; name is required; acts-for is none where it is not told. TIME is
 * 2026-11-29T12:00:00Z. also: replaced-by=ID, last-used=2026-11-29.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/principal.h"
#include "base/sign.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Why a line was not read, for a person; no more of the line than a name in it. */
#define API_KEY_WRONG_BYTES 160

struct api_key {
	struct text id, name;
	struct text replaced_by; /* the id of the key that rotation made; ptr NULL: none */
	uint8_t hash[SHA256_BYTES];
	enum acts_for acts_for;
	struct text *roles;
	size_t roles_count;
	/* Unix time; 0: never, or not told */
	int64_t created_s, expires_s, revoked_s;
	int64_t last_used_day; /* days since 1970; 0: never */
	bool of_file;
	unsigned line;  /* in the file, from 1 */
	uint32_t index; /* in its keyring */
	/* What a request with this key gets, packed (http/auth/principal_copy.h). */
	const struct principal *principal;
	size_t principal_bytes;
};

/* A line without its end. Texts are copied to the arena. False: wrong says why. */
bool api_key_read(struct text line, struct arena *arena, struct api_key *key,
		  char wrong[API_KEY_WRONG_BYTES]) must_check;
/* The line, without an end. */
void api_key_write(const struct api_key *key, struct buf *line);

/* Names of keys and roles: letters, digits and . _ - @ : / +, at most KEY_NAME_BYTES_MAX. */
bool api_key_name_is_good(struct text name) must_check;
/* "app,support" into key->roles; empty: none. False: wrong says why. */
bool api_key_read_roles(struct text text, struct arena *arena, struct api_key *key,
			char wrong[API_KEY_WRONG_BYTES]) must_check;
bool acts_for_read(struct text word, enum acts_for *acts_for) must_check;
const char *acts_for_name(enum acts_for acts_for);

#define UTC_TEXT_BYTES 21 /* 2026-11-29T12:00:00Z and a NUL */

void utc_write(int64_t time_s, char out[UTC_TEXT_BYTES]);
bool utc_read(struct text text, int64_t *time_s) must_check;
