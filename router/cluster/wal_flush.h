/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a primary has flushed half a record. Its walwriter flushes whole pages only (PostgreSQL
 * src/backend/access/transam/xlog.c, XLogBackgroundFlush): once a transaction that is still open
 * has written a record across the end of a page, the flush position is that end, amid the record,
 * until a transaction commits; on a quiet server that may take a bgwriter's next snapshot, 15 s. A
 * standby replays whole records: everything that was committed is there, but it reaches none of
 * the positions that are read meanwhile, and would seem to fall behind.
 *
 *   the log  ══════════╪═══ a record ═══╪═══ its rest ═══►
 *                      └ replayed       └ flushed, the end of a page
 *
 * A commit of nothing makes the primary flush the rest. It is asked for once the flush position
 * has stood there for two status queries in a row, and once for each place.
 */
#pragma once

#include "router/cluster/node_status.h"

#include <stdint.h>

enum wal_flush_advice {
	WAL_FLUSH_NOT_DUE,
	WAL_FLUSH_ASK_SOON, /* the next status will tell whether it stays there */
	WAL_FLUSH_NOW,
};

/* Cleared memory is a fresh one; one per node. */
struct wal_flush {
	uint64_t stood_lsn;   /* amid a record, at the last status; 0: it was not */
	uint64_t flushed_lsn; /* where it stood when it was asked for a WAL flush last */
};

enum wal_flush_advice wal_flush_advise(struct wal_flush *wal_flush,
				       const struct node_status *status);
