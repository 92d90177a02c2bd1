/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed run of bytes with its length; not NUL-terminated unless its owner says so. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct text {
	const char *ptr; /* NULL: absent, which is not the same as empty */
	size_t len;
};

#define TEXT(literal) ((struct text){ (literal), sizeof(literal) - 1 })

static inline struct text text_of(const char *string)
{
	return (struct text){ string, string ? strlen(string) : 0 };
}

/* Is the byte 0 to 9 of ASCII? */
static inline bool byte_is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static inline bool text_is(struct text text, const char *string)
{
	return text.ptr && text.len == strlen(string) && memcmp(text.ptr, string, text.len) == 0;
}

static inline bool text_equal(struct text a, struct text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
