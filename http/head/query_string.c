/* SPDX-License-Identifier: Apache-2.0 */
/* Splits before it decodes, so that an encoded & or = is data. */
#include "http/head/query_string.h"

#include "base/limits.h"
#include "base/utf8.h"

#include <string.h>

static int percent_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Of the two digits behind the sign; no NUL. */
static bool percent_pair(struct text text, size_t at, char *c)
{
	int high = at + 2 < text.len ? percent_digit(text.ptr[at + 1]) : -1;
	int low = high >= 0 ? percent_digit(text.ptr[at + 2]) : -1;

	*c = (char)(high * 16 + low);
	return low >= 0 && *c;
}

/* What a character below '0' stands for; at goes on to its last one. False: it may not be there. */
static bool percent_special(struct text text, size_t *at, bool plus_is_space, char *c)
{
	switch (text.ptr[*at]) {
	case '%':
		if (!percent_pair(text, *at, c))
			return false;
		*at += 2;
		return true;
	case '+':
		if (plus_is_space)
			*c = ' ';
		return true;
	default:
		return *c != '\0';
	}
}

bool percent_decode(struct text text, bool plus_is_space, struct arena *arena, struct text *out)
{
	char *to = arena_alloc(arena, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		/* Nearly all are what they stand for: letters, digits, and what sorts behind. */
		if ((unsigned char)c < '0' && !percent_special(text, &i, plus_is_space, &c))
			return false;
		to[len++] = c;
	}
	to[len] = '\0';
	*out = (struct text){ to, len };
	return utf8_valid(*out);
}

static const char *query_string_pair(struct text text, struct arena *arena, struct pair *pair)
{
	const char *equals = memchr(text.ptr, '=', text.len);
	struct text name = { text.ptr, equals ? (size_t)(equals - text.ptr) : text.len };
	struct text value = { "", 0 };

	if (equals)
		value = (struct text){ equals + 1, text.len - name.len - 1 };
	if (!percent_decode(name, true, arena, &pair->name) ||
	    !percent_decode(value, true, arena, &pair->value))
		return "The query string is not percent-encoded UTF-8, or has a NUL character";
	if (pair->name.len == 0)
		return "The query string has a value without a name";
	if (text_is(pair->name, "token"))
		return "Tokens do not belong in URLs: send a Consistency-Token header";
	return NULL;
}

static size_t query_string_count(struct text query)
{
	size_t count = 1;

	for (size_t i = 0; i < query.len; i++)
		count += query.ptr[i] == '&';
	return count;
}

const char *query_string_read(struct text query, struct arena *arena, struct pair **pairs,
			      size_t *count)
{
	size_t most = query_string_count(query);

	*count = 0;
	*pairs = NULL;
	if (query.len == 0)
		return NULL;
	if (most > PAIRS_MAX)
		return "The query string has too many values";
	*pairs = arena_alloc(arena, most * sizeof **pairs);
	while (query.len) {
		const char *end = memchr(query.ptr, '&', query.len);
		size_t len = end ? (size_t)(end - query.ptr) : query.len;
		size_t taken = end ? len + 1 : len;

		if (len) {
			struct text text = { query.ptr, len };
			const char *refusal = query_string_pair(text, arena, &(*pairs)[*count]);

			if (refusal)
				return refusal;
			++*count;
		}
		query.ptr += taken;
		query.len -= taken;
	}
	return NULL;
}
