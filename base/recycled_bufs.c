/* SPDX-License-Identifier: Apache-2.0 */
/* The last one given back is the first one taken: it is in the processor's cache. */
#include "base/recycled_bufs.h"

void recycled_bufs_init(struct recycled_bufs *recycled)
{
	recycled->count = 0;
}

void recycled_bufs_fini(struct recycled_bufs *recycled)
{
	while (recycled->count)
		buf_fini(&recycled->bufs[--recycled->count]);
}

void recycled_bufs_take(struct recycled_bufs *recycled, struct buf *buf)
{
	buf_clear(buf);
	if (!buf->ptr && recycled->count)
		*buf = recycled->bufs[--recycled->count];
}

void recycled_bufs_give_back(struct recycled_bufs *recycled, struct buf *buf)
{
	if (!buf->room || buf->room > RECYCLED_BUF_BYTES_MAX ||
	    recycled->count == RECYCLED_BUFS_MAX) {
		buf_fini(buf);
		return;
	}
	buf_clear(buf);
	recycled->bufs[recycled->count++] = *buf;
	buf_init(buf);
}
