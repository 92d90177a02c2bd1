/* SPDX-License-Identifier: Apache-2.0 */
/* The two principals that are the same for every request. */
#include "base/principal.h"

#include "base/arena.h"
#include "base/buf.h"

#include <assert.h>

const struct principal principal_open = {
	.kind = PRINCIPAL_OPEN,
	.acts_for = ACTS_FOR_ANY,
	.scope = { "", 0 },
	.claims = { "{}", 2 },
};

const struct principal principal_anonymous = {
	.kind = PRINCIPAL_ANONYMOUS,
	.acts_for = ACTS_FOR_NONE,
	.scope = { "", 0 },
	.claims = { "{}", 2 },
};

const struct principal *principal_copy(const struct principal *principal, struct arena *arena)
{
	struct principal *copy = arena_alloc(arena, sizeof(*copy));
	struct text *roles = arena_zero(arena, principal->roles_count + 1, sizeof(*roles));

	*copy = *principal;
	copy->id = arena_text(arena, principal->id);
	copy->scope = arena_text(arena, principal->scope);
	copy->subject = arena_text(arena, principal->subject);
	copy->claims = arena_text(arena, principal->claims);
	for (size_t i = 0; i < principal->roles_count; i++)
		roles[i] = arena_text(arena, principal->roles[i]);
	copy->roles = roles;
	return copy;
}

void roles_put(const struct text *roles, size_t count, struct buf *out)
{
	buf_byte(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_byte(out, ',');
		buf_json_string(out, roles[i].ptr, roles[i].len);
	}
	buf_byte(out, ']');
}

struct text principal_claims(const struct principal *principal, struct arena *arena)
{
	struct buf claims;
	struct text text;

	buf_init(&claims);
	buf_literal(&claims, "{\"sub\":");
	buf_json_string(&claims, principal->subject.ptr, principal->subject.len);
	buf_literal(&claims, ",\"roles\":");
	roles_put(principal->roles, principal->roles_count, &claims);
	buf_byte(&claims, '}');
	text = arena_text(arena, (struct text){ claims.ptr, claims.len });
	buf_fini(&claims);
	return text;
}

const char *principal_kind_text(enum principal_kind kind)
{
	switch (kind) {
	case PRINCIPAL_OPEN:
		return "open";
	case PRINCIPAL_ANONYMOUS:
		return "anonymous";
	case PRINCIPAL_KEY:
		return "key";
	case PRINCIPAL_JWT:
		return "jwt";
	case PRINCIPAL_PEER:
		return "peer";
	}
	assert(!"a kind without a name");
	return NULL;
}

bool principal_has_role(const struct principal *principal, struct text role)
{
	for (size_t i = 0; i < principal->roles_count; i++)
		if (text_equal(principal->roles[i], role))
			return true;
	return false;
}

bool principal_has_role_of(const struct principal *principal, const char *list)
{
	while (*list) {
		struct text role;

		list += strspn(list, ", \t");
		role = (struct text){ list, strcspn(list, ", \t") };
		if (role.len && principal_has_role(principal, role))
			return true;
		list += role.len;
	}
	return false;
}
