/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a batch learns of the WAL from its own statements (pg/wire/fixed.c): between which positions
 * its queries have read, whether its commands wrote, and where their commit ends. An answer that is
 * not as expected leaves what it would have said unknown.
 */
#pragma once

#include "pg/wire/batch.h"

#include <libpq-fe.h>

/* A lower bound of what each query saw, and the server's clock before them. */
void bounds_take_lower(struct batch *batch, const PGresult *result);
/* An upper bound, the timeline there, and the server's clock behind them. Where the bound may never
 * be reached it stays unknown, until FIXED_STANDBY_BOUND has been asked. */
void bounds_take_upper(struct batch *batch, const struct entry *entry, const PGresult *result);
/* At the end of commands: did they write, and how long did they run? */
void bounds_take_xid(struct batch *batch, const PGresult *result);
/* Before jobs, then behind them: the server's clock. */
void bounds_take_clock(struct batch *batch, const PGresult *result);
/* Behind their commit: a position at or after it. */
void bounds_take_position(struct batch *batch, const PGresult *result);
