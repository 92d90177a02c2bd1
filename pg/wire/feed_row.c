/* SPDX-License-Identifier: Apache-2.0 */
/* Each tag once: commands of a group often have the same. */
#include "pg/wire/feed_row.h"

#include "base/array.h"
#include "pg/wire/conn.h"
#include "pg/wire/pipeline.h"

/* Is it among those before it? What has failed has none. */
static bool feed_row_has(const struct batch *batch, unsigned slot, unsigned place)
{
	uint64_t tag = batch->tags[batch->slots[slot].tags_first + place];

	for (unsigned i = 0; i <= slot; i++) {
		const struct slot *before = &batch->slots[i];
		unsigned count = i < slot ? before->tags_count : place;

		for (unsigned j = 0; before->state != SLOT_FAILED && j < count; j++)
			if (batch->tags[before->tags_first + j] == tag)
				return true;
	}
	return false;
}

/* How many they are. all: one of them is 0, all that there is. */
static unsigned feed_row_gather(const struct batch *batch, struct buf *out, bool *all)
{
	unsigned gathered = 0;

	array_begin(out);
	for (unsigned i = 0; i < batch->slots_count; i++) {
		const struct slot *slot = &batch->slots[i];

		for (unsigned j = 0; slot->state != SLOT_FAILED && j < slot->tags_count; j++) {
			uint64_t tag = batch->tags[slot->tags_first + j];

			*all = *all || !tag;
			if (feed_row_has(batch, i, j))
				continue;
			array_add_int(out, (int64_t)tag);
			gathered++;
		}
	}
	return gathered;
}

bool feed_row_send(struct conn *conn)
{
	struct buf *out = &conn->arrays;
	bool all = false;

	if (!conn->batch.tags_count || !feed_row_gather(&conn->batch, out, &all))
		return true;
	return pipeline_fixed_value(conn, ENTRY_FEED, FIXED_FEED, 0, all ? NULL : array_end(out));
}
