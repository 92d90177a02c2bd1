/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from one thread to another, a line at a time, in bounded memory and without a lock. */
#pragma once

#include "base/check.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct line_ring {
	char *bytes;
	size_t room;         /* a power of two */
	_Atomic size_t head; /* bytes put in, ever */
	_Atomic size_t tail; /* bytes taken out, ever */
};

/* room: a power of two. */
void line_ring_init(struct line_ring *ring, size_t room);
void line_ring_fini(struct line_ring *ring);

/* The one thread that puts in, a line with its end. False: there is no room for all of it, and none
 * was taken. */
bool line_ring_put(struct line_ring *ring, const char *ptr, size_t len) must_check;
/* The one thread that takes out: whole lines, at most so many bytes. 0: none is there, or fits. */
size_t line_ring_take(struct line_ring *ring, char *out, size_t room);
/* Either. */
bool line_ring_is_empty(const struct line_ring *ring) must_check;
