/* SPDX-License-Identifier: Apache-2.0 */
/* Of ASCII letters only: a name with others is none of ours, however it is spelt. */
#include "catalog/spelling.h"

static bool spelling_is_small(char byte)
{
	return byte >= 'a' && byte <= 'z';
}

static bool spelling_is_capital(char byte)
{
	return byte >= 'A' && byte <= 'Z';
}

static char spelling_small(char byte)
{
	return spelling_is_capital(byte) ? (char)(byte | 0x20) : byte;
}

static bool spelling_is_between(char byte)
{
	return byte == '_' || byte == '-' || byte == '.' || byte == '/' || byte == ' ';
}

bool spelling_is_good(struct text name)
{
	bool begins = true;

	for (size_t i = 0; i < name.len; i++) {
		char byte = name.ptr[i];

		if (begins && !spelling_is_small(byte))
			return false;
		if (!spelling_is_small(byte) && !byte_is_digit(byte) && byte != '_' && byte != '.')
			return false;
		begins = byte == '.';
	}
	return name.len > 0 && !begins;
}

static size_t spelling_skip(struct text name, size_t at)
{
	while (at < name.len && spelling_is_between(name.ptr[at]))
		at++;
	return at;
}

bool spelling_is_same(struct text a, struct text b)
{
	size_t i = spelling_skip(a, 0), j = spelling_skip(b, 0);

	while (i < a.len && j < b.len) {
		if (spelling_small(a.ptr[i]) != spelling_small(b.ptr[j]))
			return false;
		i = spelling_skip(a, i + 1);
		j = spelling_skip(b, j + 1);
	}
	return i >= a.len && j >= b.len;
}

/* In userId, and before the last capital of HTTPServer. */
static bool spelling_begins_word(struct text name, size_t at)
{
	char before = at > 0 ? name.ptr[at - 1] : '_';
	char after = at + 1 < name.len ? name.ptr[at + 1] : '_';

	return spelling_is_capital(name.ptr[at]) &&
	       (spelling_is_small(before) || byte_is_digit(before) ||
		(spelling_is_capital(before) && spelling_is_small(after)));
}

size_t spelling_of_ours(struct text name, char *out, size_t room)
{
	size_t len = 0;

	for (size_t i = 0; i < name.len; i++) {
		bool begins = spelling_begins_word(name, i);
		char byte = spelling_small(name.ptr[i]);

		if (byte == '-' || byte == '/' || byte == ' ')
			byte = '_';
		if (len + begins + 1 > room)
			return 0;
		if (begins)
			out[len++] = '_';
		out[len++] = byte;
	}
	return spelling_is_good((struct text){ out, len }) ? len : 0;
}
