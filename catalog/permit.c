/* SPDX-License-Identifier: Apache-2.0 */
/* An open service has principals without roles: what wants roles or a peer stays closed there. */
#include "catalog/permit.h"

#include <assert.h>

static enum permit permit_by_access(const struct operation *operation,
				    const struct principal *principal)
{
	switch (operation->access) {
	case ACCESS_PUBLIC:
		return PERMIT_GRANTED;
	case ACCESS_PRINCIPALS:
		return principal->kind == PRINCIPAL_ANONYMOUS ? PERMIT_ANONYMOUS : PERMIT_GRANTED;
	case ACCESS_INTERNAL:
		if (principal->kind == PRINCIPAL_ANONYMOUS)
			return PERMIT_ANONYMOUS;
		return principal->kind == PRINCIPAL_PEER ? PERMIT_GRANTED : PERMIT_INTERNAL;
	}
	assert(!"an access");
	return PERMIT_INTERNAL;
}

enum permit operation_permit(const struct operation *operation, const struct principal *principal)
{
	enum permit permit = permit_by_access(operation, principal);

	if (permit != PERMIT_GRANTED || operation->roles_count == 0)
		return permit;
	for (unsigned i = 0; i < operation->roles_count; i++)
		if (principal_has_role(principal, operation->roles[i]))
			return PERMIT_GRANTED;
	return PERMIT_ROLES;
}

const char *permit_name(enum permit permit)
{
	switch (permit) {
	case PERMIT_GRANTED:
		return "granted";
	case PERMIT_ANONYMOUS:
		return "anonymous";
	case PERMIT_ROLES:
		return "roles";
	case PERMIT_INTERNAL:
		return "internal";
	}
	assert(!"a permit");
	return NULL;
}
