/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": which operation may have been meant by a name that is not there. Pure. */
#pragma once

#include "base/principal.h"
#include "base/text.h"
#include "catalog/catalog.h"

/*
 * The name nearest to one that is not there, of what the principal may call; before all, the same
 * name spelt as elsewhere (GetUser, get-user, users/get). ptr NULL: none is near.
 */
struct text suggestion(const struct catalog *catalog, enum request_kind kind, struct text name,
		       const struct principal *principal);
