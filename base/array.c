/* SPDX-License-Identifier: Apache-2.0 */
/* Each text is quoted, so that none is taken for NULL or for a delimiter. */
#include "base/array.h"

void array_quote(struct buf *out, struct text element)
{
	buf_byte(out, '"');
	for (size_t i = 0; i < element.len; i++) {
		if (element.ptr[i] == '"' || element.ptr[i] == '\\')
			buf_byte(out, '\\');
		buf_byte(out, element.ptr[i]);
	}
	buf_byte(out, '"');
}

void array_begin(struct buf *out)
{
	buf_clear(out);
	buf_byte(out, '{');
}

static void array_separate(struct buf *out)
{
	if (out->len > 1)
		buf_byte(out, ',');
}

void array_add_text(struct buf *out, struct text element)
{
	array_separate(out);
	if (element.ptr)
		array_quote(out, element);
	else
		buf_literal(out, "NULL");
}

void array_add_int(struct buf *out, int64_t element)
{
	array_separate(out);
	buf_int(out, element);
}

const char *array_end(struct buf *out)
{
	buf_byte(out, '}');
	buf_byte(out, '\0');
	return out->ptr;
}

const char *array_move(struct buf *out, struct arena *arena)
{
	const char *copy;

	buf_byte(out, '}');
	copy = arena_copy(arena, out->ptr, out->len);
	buf_fini(out);
	return copy;
}
