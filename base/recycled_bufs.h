/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of buffers that are needed briefly and often: what one gives back the next one takes,
 * without a call of malloc. At most RECYCLED_BUFS_MAX are kept, none above RECYCLED_BUF_BYTES_MAX.
 * For one thread.
 */
#pragma once

#include "base/buf.h"
#include "base/limits.h"

struct recycled_bufs {
	struct buf bufs[RECYCLED_BUFS_MAX]; /* the first count of them, empty */
	unsigned count;
};

void recycled_bufs_init(struct recycled_bufs *recycled);
void recycled_bufs_fini(struct recycled_bufs *recycled);
/* Empties buf. One that has no memory yet gets some, if one has given it back. */
void recycled_bufs_take(struct recycled_bufs *recycled, struct buf *buf);
/* As buf_fini. */
void recycled_bufs_give_back(struct recycled_bufs *recycled, struct buf *buf);
