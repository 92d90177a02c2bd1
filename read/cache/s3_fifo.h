/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which entry makes room: S3-FIFO (Yang, Zhang, Qiu, Yue, Vigfusson: FIFO queues are all you need
 * for cache eviction, SOSP 2023). Newcomers go to a small queue, of a tenth of the memory, from
 * which those that are used more than once move to the main one; most are asked for once and leave
 * early. In the main queue what was used since comes round once more. Sizes are blocks. With the
 * store's lock.
 */
#pragma once

#include "base/check.h"
#include "read/cache/entry.h"

#include <stdint.h>

enum s3_queue_id { S3_SMALL, S3_MAIN, S3_QUEUES };

/* In the order of arrival. */
struct s3_queue {
	uint32_t head, tail; /* who came last, who is next to go; BLOCK_NONE: it is empty */
	uint32_t entries, blocks;
};

struct s3_fifo {
	const char *memory; /* that the entries lie in */
	uint32_t small_max; /* blocks of the small queue, when room is needed */
	struct s3_queue queues[S3_QUEUES];
};

void s3_fifo_init(struct s3_fifo *fifo, const char *memory, uint32_t blocks);
/* At the head. */
void s3_fifo_add(struct s3_fifo *fifo, struct cache_entry *entry, enum s3_queue_id queue);
void s3_fifo_remove(struct s3_fifo *fifo, struct cache_entry *entry);
/* The other one takes its place, its queue and its uses. */
void s3_fifo_replace(struct s3_fifo *fifo, struct cache_entry *entry, struct cache_entry *by);
/*
 * The entry that is to go, which is still in its queue; NULL: there is none. Entries on its way are
 * moved, at most *moves of them; beyond that the one at the tail goes, used or not. Who is of a
 * generation that is over goes as soon as it is met.
 */
struct cache_entry *s3_fifo_victim(struct s3_fifo *fifo, uint32_t generation,
				   unsigned *moves) must_check;
