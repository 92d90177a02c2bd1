/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all that a query reads is known by in the feed (router/feed/). One thread writes it, in
 * place; any may read: what a reader is given was there as a whole. One of the few files that share
 * state between threads.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* All zeros at the beginning: it counts for nothing. */
struct tag_set {
	_Atomic uint32_t version; /* 0: it counts for nothing, or is being written */
	_Atomic uint32_t count;
	_Atomic uint64_t tags[FEED_RELATIONS_OF_QUERY_MAX];
};

/* version: of all sets of the process together, another one each time that tags are others; 0: none
 * of the tags counts. */
void tag_set_write(struct tag_set *set, uint32_t version, const uint64_t *tags, size_t count);
/* Copies the tags. Returns their version; 0: there are none that count. */
uint32_t tag_set_read(const struct tag_set *set, uint64_t tags[FEED_RELATIONS_OF_QUERY_MAX],
		      size_t *count) must_check;
