/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ETag and If-None-Match (RFC 9110, 8.8.3 and 13.1.2): has the client this content already? The tag
 * is a hash of the content as it is before it is compressed; compressed, it is another one.
 *
 * The hash is keyed (base/siphash.h) by what all instances of a cluster have in its database, so
 * they agree on tags, and after a restart, too. 128 bits, and no client has the key: who can write
 * what others read cannot make another content of the same tag, by which these would be told
 * that what they have is still right.
 *
 * A tag is strong but for a content that is compressed while it leaves: its bytes depend on how
 * the pieces were cut.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/siphash.h"
#include "base/text.h"

#include <stdbool.h>

struct head;
struct header_lines;

#define VALIDATOR_TEXT_BYTES 40 /* 32 digits of the hash, and the name of a coding */

/* All zero: the reply has no tag. */
struct validator {
	struct text if_none_match; /* of a GET or HEAD; ptr NULL: it has none */
	bool may_be;               /* it is a GET or HEAD */
	bool is_weak;
	char text[VALIDATOR_TEXT_BYTES]; /* of the tag, without its quotes */
	size_t len;                      /* 0: the reply has none */
};

/* From the head of a request for a query; if_none_match is copied into the arena. */
void validator_take(struct validator *validator, const struct head *head, struct arena *arena);
/* The content as it is before it is compressed. Nothing, but for a GET or HEAD. */
void validator_make(struct validator *validator, struct siphash *siphash,
		    const uint8_t key[SIPHASH_KEY_BYTES], struct text content);
/* The same where the hash is known, in its 32 digits. */
void validator_take_tag(struct validator *validator, struct text digits);
/* It leaves as gzip, in pieces or as a whole. */
void validator_gzip(struct validator *validator, bool in_pieces);
/* Has the client what the reply would bring? Then the answer is 304. */
bool validator_holds(const struct validator *validator) must_check;
/* Adds ETag. */
void validator_header(const struct validator *validator, struct header_lines *lines);
