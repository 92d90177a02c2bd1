/* SPDX-License-Identifier: Apache-2.0 */
/* What comes back on a conn, entry by entry; what becomes of the calls at the end of a batch. */
#pragma once

#include "base/check.h"
#include "pg/call.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct batch;
struct conn;

/* Handles all results that are there. The conn may be idle or closed afterwards. */
void answer_take(struct conn *conn);
/* What the batch of a query is known to have seen, for its call. */
void answer_bounds(const struct batch *batch, struct call *call);
/* The batch is over: its calls end or are placed again, and the conn rests. */
void answer_over(struct conn *conn);
/*
 * The conn is gone: ends its calls. again: they are placed again, all but the one that is to
 * blame (a query only; a command that left may have committed).
 */
void answer_lost(struct conn *conn, const char *reason, bool again);
