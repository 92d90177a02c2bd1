/* SPDX-License-Identifier: Apache-2.0 */
/* May this principal call that operation? Pure; any thread. */
#pragma once

#include "base/check.h"
#include "base/principal.h"
#include "catalog/catalog.h"

enum permit {
	PERMIT_GRANTED,
	PERMIT_ANONYMOUS, /* refused: there is no credential, and it is not @public */
	PERMIT_ROLES,     /* refused: none of its @roles */
	PERMIT_INTERNAL,  /* refused: it is @internal, and the principal is no peer */
};

enum permit operation_permit(const struct operation *operation,
			     const struct principal *principal) must_check;
/* For logs and metrics: "roles"; for PERMIT_GRANTED "granted". */
const char *permit_name(enum permit permit);
