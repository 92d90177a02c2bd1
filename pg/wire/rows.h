/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a call, from libpq's results into its out, within its limits. */
#pragma once

#include "base/check.h"
#include "pg/call.h"
#include "pg/wire/batch.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct conn;

/* The rows of a result, which are the slot's call's. What is not wanted counts as discarded; the
 * slot's state says when there were too many, or one was not as described. */
void rows_take(struct conn *conn, struct slot *slot, const PGresult *result);
/* The same, of one row. */
void rows_take_one(struct conn *conn, struct slot *slot, const PGresult *result, int row);

/* One more row of out, which the conn's encoder has begun: the call's counts rise. False: its
 * composites are not as they were described, or a column is NULL that must not be; it is there
 * nevertheless. */
bool rows_add(struct conn *conn, struct call *call, const PGresult *result, int row) must_check;
/* More rows than its limit, or more bytes? */
bool rows_are_too_many(const struct call *call) must_check;
/* Of one row, as PostgreSQL sent it. */
size_t rows_bytes(const PGresult *result, int row) must_check;
