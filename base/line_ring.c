/* SPDX-License-Identifier: Apache-2.0 */
/* Each side moves one of two counts that only grow; a place is a count modulo the room. */
#include "base/line_ring.h"

#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void line_ring_init(struct line_ring *ring, size_t room)
{
	assert(room && (room & (room - 1)) == 0);
	ring->bytes = malloc(room);
	if (!ring->bytes)
		log_fatal("ring", "out of memory");
	ring->room = room;
	atomic_init(&ring->head, 0);
	atomic_init(&ring->tail, 0);
}

void line_ring_fini(struct line_ring *ring)
{
	free(ring->bytes);
	ring->bytes = NULL;
}

/* How much of it lies before the end of the memory; the rest lies at its beginning. */
static size_t line_ring_first(const struct line_ring *ring, size_t at, size_t len)
{
	size_t before_end = ring->room - (at & (ring->room - 1));

	return len < before_end ? len : before_end;
}

bool line_ring_put(struct line_ring *ring, const char *ptr, size_t len)
{
	size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	size_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	size_t first = line_ring_first(ring, head, len);

	if (ring->room - (head - tail) < len)
		return false;
	memcpy(ring->bytes + (head & (ring->room - 1)), ptr, first);
	memcpy(ring->bytes, ptr + first, len - first);
	atomic_store_explicit(&ring->head, head + len, memory_order_release);
	return true;
}

size_t line_ring_take(struct line_ring *ring, char *out, size_t room)
{
	size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	size_t len = atomic_load_explicit(&ring->head, memory_order_acquire) - tail;
	size_t first;

	if (len > room)
		len = room;
	first = line_ring_first(ring, tail, len);
	memcpy(out, ring->bytes + (tail & (ring->room - 1)), first);
	memcpy(out + first, ring->bytes, len - first);
	while (len && out[len - 1] != '\n')
		len--;
	atomic_store_explicit(&ring->tail, tail + len, memory_order_release);
	return len;
}

bool line_ring_is_empty(const struct line_ring *ring)
{
	return atomic_load(&ring->head) == atomic_load(&ring->tail);
}
