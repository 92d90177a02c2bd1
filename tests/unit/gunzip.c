/* SPDX-License-Identifier: Apache-2.0 */
/* By zlib's own inflate. */
#include "gunzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

bool gunzip(const char *bytes, size_t len, struct buf *out)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (unsigned)len };
	int done = Z_OK;

	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	while (done == Z_OK) {
		char *room = buf_reserve(out, 65536);

		stream.next_out = (Bytef *)room;
		stream.avail_out = 65536;
		done = inflate(&stream, Z_SYNC_FLUSH);
		assert_true(done == Z_OK || done == Z_STREAM_END || done == Z_BUF_ERROR);
		out->len += 65536 - stream.avail_out;
	}
	assert_int_equal(stream.avail_in, 0);
	inflateEnd(&stream);
	return done == Z_STREAM_END;
}

bool unchunk(const char *bytes, size_t len, struct buf *out)
{
	const char *end = bytes + len;

	while (bytes < end) {
		char *behind;
		size_t size = strtoul(bytes, &behind, 16);

		assert_memory_equal(behind, "\r\n", 2);
		behind += 2;
		if (!size)
			return true;
		assert_true(behind + size + 2 <= end);
		buf_add(out, behind, size);
		bytes = behind + size + 2;
	}
	return false;
}
