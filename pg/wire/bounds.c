/* SPDX-License-Identifier: Apache-2.0 */
/* Binary answers of the probes, text answers of what ends a command. One row each, or nothing. */
#include "pg/wire/bounds.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* An lsn or microseconds, eight bytes; a timeline, four. */
static uint64_t bounds_binary(const PGresult *result, int column, bool *null)
{
	uint64_t bytes;
	uint32_t half;

	*null = PQgetisnull(result, 0, column);
	if (*null)
		return 0;
	switch (PQgetlength(result, 0, column)) {
	case sizeof(bytes):
		memcpy(&bytes, PQgetvalue(result, 0, column), sizeof(bytes));
		return be64toh(bytes);
	case sizeof(half):
		memcpy(&half, PQgetvalue(result, 0, column), sizeof(half));
		return be32toh(half);
	}
	return 0;
}

/* What both probes of a batch begin with. */
struct seen {
	bool in_recovery;
	uint64_t lsn;
	int64_t clock_us;
};

static bool bounds_seen(const PGresult *result, int columns, struct seen *seen)
{
	bool null;

	if (PQntuples(result) != 1 || PQnfields(result) != columns)
		return false;
	seen->in_recovery = *PQgetvalue(result, 0, 0) != 0;
	seen->clock_us = (int64_t)bounds_binary(result, 2, &null);
	seen->lsn = bounds_binary(result, 1, &null);
	return !null;
}

void bounds_take_lower(struct batch *batch, const PGresult *result)
{
	struct seen seen;

	if (!bounds_seen(result, 3, &seen))
		return;
	batch->began_us = seen.clock_us;
	batch->in_recovery = seen.in_recovery;
	batch->lower = seen.lsn;
	for (unsigned i = 0; i < batch->slots_count; i++)
		if (batch->slots[i].call && batch->slots[i].call->kind == CALL_PROBE)
			batch->slots[i].state = SLOT_DONE;
}

/*
 * On a standby the one record after the position may be visible before the position says so, unless
 * nothing more has been received. Where no server sends it any, the byte behind may never come: it
 * is asked for what proves that it stands (pg/wire/standby_bound.h), once.
 */
void bounds_take_upper(struct batch *batch, const struct entry *entry, const PGresult *result)
{
	struct seen seen;
	uint64_t last;
	int32_t timeline;
	bool null, hidden, exact;

	if (!bounds_seen(result, 5, &seen))
		return;
	last = bounds_binary(result, 3, &null);
	batch->wal_end = seen.in_recovery ? 0 : last;
	exact = !seen.in_recovery || (!null && last == seen.lsn);
	timeline = (int32_t)bounds_binary(result, 4, &hidden);
	batch->timeline = (uint32_t)(timeline < 0 ? -(int64_t)timeline : timeline);
	batch->streamed = timeline > 0 ? batch->timeline : 0;
	if (exact || hidden || batch->timeline || entry->fixed == FIXED_STANDBY_BOUND)
		batch->upper = seen.lsn + !exact;
	if (!batch->ended_us)
		batch->ended_us = seen.clock_us;
}

static uint64_t bounds_number(const PGresult *result, int column)
{
	return strtoull(PQgetvalue(result, 0, column), NULL, 10);
}

void bounds_take_xid(struct batch *batch, const PGresult *result)
{
	if (PQntuples(result) != 1 || PQnfields(result) < 4)
		return;
	batch->wrote = *PQgetvalue(result, 0, 0) == 't';
	batch->segment_bytes = bounds_number(result, 1);
	batch->block_bytes = bounds_number(result, 2);
	batch->ran_us = (int64_t)bounds_number(result, 3);
}

void bounds_take_clock(struct batch *batch, const PGresult *result)
{
	if (PQntuples(result) != 1 || PQnfields(result) < 1)
		return;
	if (!batch->began_us)
		batch->began_us = (int64_t)bounds_number(result, 0);
	else
		batch->ended_us = (int64_t)bounds_number(result, 0);
}

/*
 * Without synchronous commit only the insert position is at or after the commit record. It may
 * stand behind a page header that no standby reaches before the next record: taken back.
 */
static uint64_t bounds_insert_position(const struct batch *batch, uint64_t lsn)
{
	const unsigned segment_header = 40, block_header = 24;

	if (lsn % batch->segment_bytes == segment_header)
		return lsn - segment_header;
	if (batch->block_bytes && lsn % batch->block_bytes == block_header)
		return lsn - block_header;
	return lsn;
}

void bounds_take_position(struct batch *batch, const PGresult *result)
{
	uint64_t flush, insert;

	if (PQntuples(result) != 1 || PQnfields(result) != 4)
		return;
	batch->temporary = *PQgetvalue(result, 0, 3) != '0';
	if (!lsn_parse(text_of(PQgetvalue(result, 0, 0)), &flush) ||
	    !lsn_parse(text_of(PQgetvalue(result, 0, 1)), &insert))
		return;
	batch->position.timeline = (uint32_t)strtoul(PQgetvalue(result, 0, 2), NULL, 16);
	batch->wal_end = insert;
	batch->position.lsn = batch->segment_bytes ? bounds_insert_position(batch, insert) : flush;
}
