/* SPDX-License-Identifier: Apache-2.0 */
/* The three words of acts-for, and the name that tenants do not share. */
#include "http/auth/acts_for.h"

#include <assert.h>
#include <string.h>

/* No header has this byte (http/head/guard.c), so no name of an empty scope looks like another. */
#define ACTS_FOR_SEPARATOR '\x1f'

bool acts_for_user(const struct principal *principal, struct text named, struct text *user)
{
	*user = named;
	switch (principal->acts_for) {
	case ACTS_FOR_ANY:
		return true;
	case ACTS_FOR_SELF:
		if (named.ptr &&
		    (!principal->subject.ptr || !text_equal(named, principal->subject)))
			return false;
		*user = principal->subject;
		return true;
	case ACTS_FOR_NONE:
		return !named.ptr;
	}
	assert(!"whom it acts for");
	return false;
}

struct text acts_for_key(const struct principal *principal, struct text user, struct arena *arena)
{
	size_t len = principal->scope.len + 1 + user.len;
	char *key;

	if (!principal->scope.len || !user.ptr)
		return user;
	key = arena_alloc(arena, len + 1);
	memcpy(key, principal->scope.ptr, principal->scope.len);
	key[principal->scope.len] = ACTS_FOR_SEPARATOR;
	memcpy(key + principal->scope.len + 1, user.ptr, user.len);
	key[len] = '\0';
	return (struct text){ key, len };
}
