/* SPDX-License-Identifier: Apache-2.0 */
/* What comes back on a conn, entry by entry (pg/wire/entries.def); what follows is the plan's. */
#pragma once

#include "pg/wire/batch.h"

#include <libpq-fe.h>

struct conn;

/* Handles all results that are there. The conn is BUSY; it may be idle or closed afterwards. */
void answer_take(struct conn *conn);
/* PostgreSQL refused that entry: for plans whose entries have their on_error in entries.def. */
void answer_error(struct conn *conn, const struct entry *entry, const PGresult *result);
