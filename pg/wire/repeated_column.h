/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two columns of one name: both would be members of one JSON object, of which a client keeps one
 * (RFC 8259, section 4). Such a result is refused.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "pg/call.h"

#include <libpq-fe.h>

/* A name that two columns of the result have, borrowed from it; NULL: each has its own. */
const char *repeated_column(const PGresult *result) must_check;
/* The error of the call whose columns are so; strings are of the arena. */
struct pg_error repeated_column_error(const char *name, struct arena *arena);
