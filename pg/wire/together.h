/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of a group that follow one another with the same statement, of which there is a form for
 * several (struct statement_together): they are one execution, whose parameters are arrays of
 * theirs, and each row goes to the command whose value it shows. So a group of 32 acceptances of
 * jobs is one INSERT.
 *
 *   slots  7 8 9 ──together_send──► one entry, of slot 7 ──┬─ rows ──► 7, 8, 9: SLOT_DONE
 *                                                          └─ an error is that of slot 7, which has
 *                                                             no savepoint: all go again, each with
 *                                                             one, and alone (pg/wire/plan_group.h)
 */
#pragma once

#include "base/check.h"
#include "pg/wire/batch.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct conn;

/* How many from that slot on are one execution; 1: it is sent by itself. */
unsigned together_count(const struct batch *batch, unsigned first) must_check;
/* Sends them, with their limits in force. timeout_us_max: as pipeline_make_ready. False: libpq
 * refused. */
bool together_send(struct conn *conn, unsigned first, unsigned count,
		   int64_t timeout_us_max) must_check;
/* As rows_take, of the slot that stands for several. */
void together_take(struct conn *conn, struct slot *first, const PGresult *result);
