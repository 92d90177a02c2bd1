/* SPDX-License-Identifier: Apache-2.0 */
/* The struct, its roles, then all texts, each NUL-terminated: a copy moves them by one distance. */
#include "http/auth/principal_copy.h"

#include <stdint.h>
#include <string.h>

static size_t text_bytes(struct text text)
{
	return text.ptr ? text.len + 1 : 0;
}

size_t principal_bytes(const struct principal *principal)
{
	size_t bytes = sizeof(*principal) + principal->roles_count * sizeof(struct text);

	bytes += text_bytes(principal->id) + text_bytes(principal->scope) +
		 text_bytes(principal->subject) + text_bytes(principal->claims);
	for (size_t i = 0; i < principal->roles_count; i++)
		bytes += text_bytes(principal->roles[i]);
	return bytes;
}

static struct text text_pack(char **at, struct text text)
{
	struct text copy = { *at, text.len };

	if (!text.ptr)
		return text;
	memcpy(*at, text.ptr, text.len);
	(*at)[text.len] = '\0';
	*at += text.len + 1;
	return copy;
}

struct principal *principal_pack(void *memory, const struct principal *principal)
{
	struct principal *copy = memory;
	struct text *roles = (struct text *)(copy + 1);
	char *at = (char *)(roles + principal->roles_count);

	*copy = *principal;
	copy->id = text_pack(&at, principal->id);
	copy->scope = text_pack(&at, principal->scope);
	copy->subject = text_pack(&at, principal->subject);
	copy->claims = text_pack(&at, principal->claims);
	for (size_t i = 0; i < principal->roles_count; i++)
		roles[i] = text_pack(&at, principal->roles[i]);
	copy->roles = roles;
	return copy;
}

static void text_move(struct text *text, ptrdiff_t distance)
{
	if (text->ptr)
		text->ptr = (const char *)((intptr_t)text->ptr + distance);
}

const struct principal *principal_unpack(const struct principal *packed, size_t bytes,
					 struct arena *arena)
{
	struct principal *copy = arena_alloc(arena, bytes);
	struct text *roles = (struct text *)(copy + 1);
	ptrdiff_t distance = (intptr_t)copy - (intptr_t)packed;

	memcpy(copy, packed, bytes);
	text_move(&copy->id, distance);
	text_move(&copy->scope, distance);
	text_move(&copy->subject, distance);
	text_move(&copy->claims, distance);
	for (size_t i = 0; i < copy->roles_count; i++)
		text_move(&roles[i], distance);
	copy->roles = roles;
	return copy;
}
