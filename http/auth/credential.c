/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be read in one way only is refused: two readers shall not see two credentials. */
#include "http/auth/credential.h"

#include "http/auth/key_text.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

/* Of header and payload of a JWT: no shorter one has a header in it. */
#define CREDENTIAL_JWT_BYTES_MIN 20

/* token68 of RFC 9110. */
static const bool credential_letters[256] = {
	['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['0' ... '9'] = true, ['-'] = true,
	['.'] = true,         ['_'] = true,         ['~'] = true,         ['+'] = true,
	['/'] = true,         ['='] = true,
};

bool credential_is_word(struct text text)
{
	const unsigned char *at = (const unsigned char *)text.ptr, *end = at + text.len;
	bool good = text.len > 0;

	for (; at < end; at++)
		good &= credential_letters[*at];
	return good;
}

static bool credential_has_three_parts(struct text text)
{
	const char *end = text.ptr + text.len;
	const char *dot = memchr(text.ptr, '.', text.len);

	dot = dot ? memchr(dot + 1, '.', (size_t)(end - dot - 1)) : NULL;
	return dot && !memchr(dot + 1, '.', (size_t)(end - dot - 1));
}

static enum credential_kind credential_kind(struct text word)
{
	if (!word.len)
		return CREDENTIAL_BROKEN;
	if (key_text_is_meant(word))
		return CREDENTIAL_KEY;
	return credential_has_three_parts(word) ? CREDENTIAL_JWT : CREDENTIAL_UNKNOWN;
}

struct credential credential_find(const struct head *head)
{
	static const char scheme[] = "bearer";
	const size_t len = sizeof(scheme) - 1;
	const struct header *header = head_find(head, "authorization");
	struct text word;

	if (!header)
		return (struct credential){ .kind = CREDENTIAL_NONE };
	for (const struct header *it = header + 1; it < head->headers + head->count; it++)
		if (text_is_caseless(it->name, "authorization"))
			return (struct credential){ .kind = CREDENTIAL_SEVERAL };
	word = header->value;
	if (word.len < len || strncasecmp(word.ptr, scheme, len) != 0 ||
	    (word.len > len && word.ptr[len] != ' ' && word.ptr[len] != '\t'))
		return (struct credential){ .kind = CREDENTIAL_UNKNOWN };
	word = (struct text){ word.ptr + len, word.len - len };
	while (word.len && *word.ptr == ' ')
		word = (struct text){ word.ptr + 1, word.len - 1 };
	return (struct credential){ .kind = credential_kind(word), .text = word };
}

/* A whole one: a search for words that begin like a key is no credential. */
static bool credential_is_shown(struct text value)
{
	struct key_text key;

	if (key_text_read(value, &key))
		return true;
	return value.len >= CREDENTIAL_JWT_BYTES_MIN && memcmp(value.ptr, "eyJ", 3) == 0 &&
	       credential_is_word(value) && credential_has_three_parts(value);
}

bool credential_in_query(const struct pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_is(pairs[i].name, "access_token") || credential_is_shown(pairs[i].value))
			return true;
	return false;
}

const char *credential_kind_name(enum credential_kind kind)
{
	switch (kind) {
	case CREDENTIAL_NONE:
		return "anonymous";
	case CREDENTIAL_KEY:
		return "key";
	case CREDENTIAL_JWT:
		return "jwt";
	case CREDENTIAL_UNKNOWN:
	case CREDENTIAL_BROKEN:
	case CREDENTIAL_SEVERAL:
		return "unknown";
	}
	assert(!"a kind of credential");
	return NULL;
}
