/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever a server sends as a message of its decoder is refused, or is read to its end: no part of
 * it is one by itself, nor is it one with a byte more; and its relations and values lie within it.
 *
 *     make fuzz TARGETS=pgoutput SECONDS=60
 */
#include "router/feed/pgoutput.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of its own, so that each byte that is read beyond is seen. */
static bool takes(const uint8_t *data, size_t size, size_t len, struct pgoutput_event *event)
{
	char *copy = calloc(len + 1, 1);
	char *exact = malloc(len ? len : 1);
	uint32_t sum = 0;
	bool good;

	assert(copy && exact);
	if (size)
		memcpy(copy, data, size < len ? size : len);
	memcpy(exact, copy, len);
	free(copy);
	good = pgoutput_read((struct text){ exact, len }, event);
	for (uint32_t i = 0; good && i < event->relations_count; i++)
		sum += pgoutput_relation(event, i);
	if (good && event->kind == PGOUTPUT_RELATION)
		sum += pgoutput_column(event, "tags");
	for (uint16_t i = 0; good && event->row.ptr && i < 8; i++) {
		struct text value = pgoutput_value(event, i);

		for (size_t at = 0; at < value.len; at++)
			sum += (unsigned char)value.ptr[at];
	}
	(void)sum;
	free(exact);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pgoutput_event event, other;

	if (!takes(data, size, size, &event))
		return 0;
	assert((event.kind == PGOUTPUT_CHANGE || event.kind == PGOUTPUT_RELATION) ==
	       (event.relations.ptr != NULL));
	assert(event.relations.len == event.relations_count * (size_t)4);
	assert(!takes(data, size, size + 1, &other));
	for (size_t len = size > 64 ? size - 64 : 0; len < size; len++)
		assert(!takes(data, size, len, &other));
	return 0;
}
