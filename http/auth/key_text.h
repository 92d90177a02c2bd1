/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of an API key: cq_ID_SECRET_CRC. ID names it, in logs too. SECRET is 256 random bits in
 * base 62. CRC is the CRC-32 of what stands before it, in base 62: it tells a mistyped key from an
 * unknown one without a search, and a scanner for leaked secrets a key from a word.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define KEY_PREFIX "cq_"
#define KEY_ID_BYTES 10     /* of those that are made */
#define KEY_ID_BYTES_MAX 32 /* of those that are read: letters and digits */
#define KEY_SECRET_BYTES 43
#define KEY_CRC_BYTES 6
#define KEY_TEXT_BYTES_MAX (3 + KEY_ID_BYTES_MAX + 1 + KEY_SECRET_BYTES + 1 + KEY_CRC_BYTES)

struct key_text {
	struct text id, secret; /* borrowed of the text */
};

/* Is it meant to be an API key? */
static inline bool key_text_is_meant(struct text text)
{
	return text.len >= 3 && memcmp(text.ptr, KEY_PREFIX, 3) == 0;
}

/* False: not of this form, or its CRC is another one. */
bool key_text_read(struct text text, struct key_text *key) must_check;
/* Letters and digits, 1 to KEY_ID_BYTES_MAX. */
bool key_id_is_good(struct text id) must_check;

/* An id of lower case letters and digits, from random bits. NUL-terminated. */
void key_id_make(uint64_t random, char out[KEY_ID_BYTES + 1]);
/* The key, from random bytes; id is good. NUL-terminated. */
void key_text_make(struct text id, const uint8_t random[32], char out[KEY_TEXT_BYTES_MAX + 1]);
