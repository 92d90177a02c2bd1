/* SPDX-License-Identifier: Apache-2.0 */
/* Twice the same position, one WAL flush. */
#include "router/cluster/wal_flush.h"

enum wal_flush_advice wal_flush_advise(struct wal_flush *wal_flush,
				       const struct node_status *status)
{
	uint64_t stood_lsn = wal_flush->stood_lsn;

	wal_flush->stood_lsn = status->amid ? status->lsn : 0;
	if (!status->amid || status->lsn == wal_flush->flushed_lsn)
		return WAL_FLUSH_NOT_DUE;
	if (stood_lsn == status->lsn) {
		wal_flush->flushed_lsn = status->lsn;
		return WAL_FLUSH_NOW;
	}
	/* One that moves on from page to page needs no help. */
	return stood_lsn ? WAL_FLUSH_NOT_DUE : WAL_FLUSH_ASK_SOON;
}
