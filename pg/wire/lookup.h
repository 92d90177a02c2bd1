/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of a @lookup that differ in their key alone travel as one execution, whose statement takes
 * an array of keys; each row goes to the calls whose key its column shows. A call that is sent
 * alone sends an array of one, and its rows are those that come.
 *
 *   leader and followers (pg/coalesce.h) ──lookup_values──► OUT with an array of their keys
 *                                                            │    │
 *             SLOT_DONE: each has its own rows and end ◄─────┘    ▼ out of the ordinary
 *                                            SLOT_BROKEN: each is placed again, and travels alone
 *
 * Out of the ordinary is whatever might not have come to each of them alone, or not so: an error, a
 * row without a key or with one that was not asked for, columns other than were described, more
 * bytes than a conn is worth. No call was answered by then: calls end with their batch. A statement
 * that breaks travels for single keys for a while (pg/admission/quarantine.h).
 */
#pragma once

#include "base/check.h"
#include "pg/call.h"
#include "pg/wire/batch.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct conn;

/* May its key travel with others? It is known then by which text PostgreSQL will show it. */
bool lookup_is_exact(const struct call *call) must_check;

/* Which column of a description is that of the keys, from 1; 0: none, or no @lookup. */
uint16_t lookup_column(const struct statement *statement, const PGresult *result) must_check;
/*
 * The values of the slot's call, which is a @lookup, as they are sent: with an array of its key, or
 * of those of its followers as well. Fills values, [PARAMS_MAX]; good until the next call.
 */
void lookup_values(struct conn *conn, unsigned slot, const char **values);

/* As rows_take, of a slot that was sent for several keys. */
void lookup_take(struct conn *conn, struct slot *slot, const PGresult *result);
/* Its calls are to be placed again, alone. reason: a label of a metric. */
void lookup_break(struct conn *conn, struct slot *slot, const char *reason);

/* A COMPANY_KEYED call is forgotten: it is OUT, or has ended (conn NULL then). */
void lookup_forget(struct conn *conn, const struct call *call);
/* It was sent together with others, which come along when it is placed again: without rows. */
void lookup_again(struct call *call);
