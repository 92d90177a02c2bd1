/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that a statement takes: each ends with a NUL. */
#include "router/claims.h"

#include "base/buf.h"
#include "base/principal.h"
#include "pg/call.h"

static const char *claims_roles(const struct principal *principal, struct arena *arena)
{
	struct buf roles;
	const char *copy;

	if (!principal->roles_count)
		return "[]";
	buf_init(&roles);
	roles_put(principal->roles, principal->roles_count, &roles);
	copy = arena_copy(arena, roles.ptr, roles.len);
	buf_fini(&roles);
	return copy;
}

const char *const *claims_of(struct request *request)
{
	const struct principal *principal = request->principal;
	struct arena *arena = &request->arena;
	const char **values = arena_alloc(arena, CLAIMS_VALUES * sizeof(*values));

	values[CLAIMS_OBJECT] = arena_copy(arena, principal->claims.ptr, principal->claims.len);
	values[CLAIMS_USER] = request->user.ptr ? request->user.ptr : "";
	values[CLAIMS_ROLES] = claims_roles(principal, arena);
	return values;
}
