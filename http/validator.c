/* SPDX-License-Identifier: Apache-2.0 */
/* Of a request that has no tag, nothing here takes more than a comparison. */
#include "http/validator.h"

#include "http/head/if_none_match.h"
#include "http/header_lines.h"

#include <assert.h>
#include <string.h>

#define VALIDATOR_HASH_CHARS (2 * SIPHASH_BYTES)
#define VALIDATOR_GZIP "-gzip"

static_assert(VALIDATOR_HASH_CHARS + sizeof(VALIDATOR_GZIP) <= VALIDATOR_TEXT_BYTES + 1,
	      "the longest tag fits");

void validator_take(struct validator *validator, const struct head *head, struct arena *arena)
{
	validator->may_be = text_is(head->method, "GET") || text_is(head->method, "HEAD");
	if (validator->may_be)
		validator->if_none_match = if_none_match_find(head, arena);
}

/* Eight hexadecimal digits of 32 bits, all at once: a digit a byte, then what makes it a letter. */
static uint64_t validator_digits(uint32_t bits)
{
	uint64_t x = bits, letters;

	x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
	x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x | x << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	letters = (x + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
	return x + UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
}

void validator_make(struct validator *validator, struct siphash *siphash,
		    const uint8_t key[SIPHASH_KEY_BYTES], struct text content)
{
	uint32_t hash[SIPHASH_BYTES / sizeof(uint32_t)];

	if (!validator->may_be)
		return;
	siphash_hash(siphash, key, content.ptr, content.len, (uint8_t *)hash);
	for (unsigned i = 0; i < sizeof(hash) / sizeof(hash[0]); i++) {
		uint64_t digits = validator_digits(hash[i]);

		memcpy(validator->text + i * sizeof(digits), &digits, sizeof(digits));
	}
	validator->len = VALIDATOR_HASH_CHARS;
}

void validator_take_tag(struct validator *validator, struct text digits)
{
	if (!validator->may_be)
		return;
	assert(digits.len == VALIDATOR_HASH_CHARS);
	memcpy(validator->text, digits.ptr, digits.len);
	validator->len = digits.len;
}

void validator_gzip(struct validator *validator, bool in_pieces)
{
	if (!validator->len)
		return;
	assert(validator->len == VALIDATOR_HASH_CHARS);
	memcpy(validator->text + validator->len, VALIDATOR_GZIP, sizeof(VALIDATOR_GZIP) - 1);
	validator->len += sizeof(VALIDATOR_GZIP) - 1;
	validator->is_weak = in_pieces;
}

bool validator_holds(const struct validator *validator)
{
	return validator->len && validator->if_none_match.ptr &&
	       if_none_match_has(validator->if_none_match,
				 (struct text){ validator->text, validator->len });
}

void validator_header(const struct validator *validator, struct header_lines *lines)
{
	struct buf *line;

	if (!validator->len)
		return;
	line = header_lines_begin(lines, "ETag");
	if (validator->is_weak)
		buf_literal(line, "W/");
	buf_byte(line, '"');
	buf_add(line, validator->text, validator->len);
	buf_byte(line, '"');
	header_lines_end(lines);
}
