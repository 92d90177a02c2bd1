/* SPDX-License-Identifier: Apache-2.0 */
/* Elements are not parted by their commas alone: a tag may have commas within its quotes. */
#include "http/head/if_none_match.h"

#include <string.h>

static const char if_none_match_name[] = "if-none-match";

/* The next line of it from there on; NULL: there is none. */
static const struct header *if_none_match_line(const struct head *head, const struct header *from)
{
	for (; from < head->headers + head->count; from++)
		if (text_is_caseless(from->name, if_none_match_name))
			return from;
	return NULL;
}

struct text if_none_match_find(const struct head *head, struct arena *arena)
{
	const struct header *first = head_find(head, if_none_match_name), *it;
	struct text list = { NULL, 0 };
	size_t bytes = 0;
	char *out;

	if (!first)
		return list;
	for (it = first; it; it = if_none_match_line(head, it + 1))
		bytes += it->value.len + 1;
	list.ptr = out = arena_alloc(arena, bytes);
	for (it = first; it; it = if_none_match_line(head, it + 1)) {
		memcpy(out + list.len, it->value.ptr, it->value.len);
		list.len += it->value.len;
		out[list.len++] = ',';
	}
	list.len--; /* the last comma */
	return list;
}

/* etagc: visible, or beyond ASCII; neither a blank nor a quote. */
static bool if_none_match_is_etagc(char c)
{
	unsigned char byte = (unsigned char)c;

	return byte == 0x21 || (byte >= 0x23 && byte != 0x7f);
}

/* Takes an entity tag off the front. False: there is none at the front. */
static bool if_none_match_take_tag(struct text *list, struct text *opaque)
{
	const char *at = list->ptr, *end = list->ptr + list->len;

	if (end - at > 2 && at[0] == 'W' && at[1] == '/')
		at += 2;
	if (at == end || *at++ != '"')
		return false;
	opaque->ptr = at;
	while (at < end && if_none_match_is_etagc(*at))
		at++;
	if (at == end || *at != '"')
		return false;
	opaque->len = (size_t)(at - opaque->ptr);
	*list = text_trim((struct text){ at + 1, (size_t)(end - at - 1) });
	return list->len == 0 || *list->ptr == ',';
}

bool if_none_match_has(struct text list, struct text opaque)
{
	struct text tag;

	if (text_is(list, "*"))
		return true;
	while (list.len) {
		if (if_none_match_take_tag(&list, &tag) && text_equal(tag, opaque))
			return true;
		/* The rest of the element, where it is no tag, and its comma. */
		while (list.len && *list.ptr != ',') {
			list.ptr++;
			list.len--;
		}
		if (list.len)
			list = text_trim((struct text){ list.ptr + 1, list.len - 1 });
	}
	return false;
}
