/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes that are all the same number. */
#include "key_story.h"

#include "base/sign.h"

#include <assert.h>
#include <string.h>

const char *key_story_text(const char *id, uint8_t secret)
{
	static char out[KEY_TEXT_BYTES_MAX + 1];
	uint8_t random[32];

	memset(random, secret, sizeof(random));
	key_text_make(text_of(id), random, out);
	return out;
}

void key_story_add_line(struct buf *lines, const char *key, const char *name, const char *more)
{
	struct key_text read = { { NULL, 0 }, { NULL, 0 } };
	uint8_t hash[SHA256_BYTES];
	bool good = key_text_read(text_of(key), &read);

	assert(good);
	sha256(read.secret.ptr, read.secret.len, hash);
	if (lines->len)
		buf_byte(lines, '\n');
	buf_text(lines, read.id);
	buf_literal(lines, " sha256:");
	for (size_t i = 0; i < sizeof(hash); i++)
		buf_printf(lines, "%02x", hash[i]);
	buf_printf(lines, " name=%s %s", name, more);
}
