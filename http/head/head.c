/* SPDX-License-Identifier: Apache-2.0 */
/* Collects the headers of a request in one pass, and looks for bytes between them. */
#include "http/head/head.h"

#include <microhttpd.h>
#include <string.h>

const char head_no_cookie[] = "Cookie";

struct collector {
	struct head *head;
	const char *
		expected; /* where the next line begins if nothing is hidden; NULL: not looked at */
};

/* A line ends with CR LF, both replaced by NUL: the next one begins two bytes after its text. */
static void head_expect(struct collector *collector, const char *at, const char *end)
{
	if (!collector->expected)
		return;
	if ((uintptr_t)at != (uintptr_t)collector->expected)
		collector->head->line_noise = true;
	collector->expected = end + 2;
}

static enum MHD_Result head_on_header(void *arg, enum MHD_ValueKind kind, const char *name,
				      size_t name_len, const char *value, size_t value_len)
{
	struct collector *collector = arg;
	struct head *head = collector->head;

	(void)kind;
	if (name == head_no_cookie)
		return MHD_YES;
	if (head->count == HEADERS_MAX) {
		head->too_many = true;
		return MHD_NO;
	}
	if (!value) {
		value = "";
		value_len = 0;
	}
	head_expect(collector, name, value + value_len);
	head_add(head, (struct text){ name, name_len },
		 text_trim((struct text){ value, value_len }));
	return MHD_YES;
}

/* For every header: told by length and first letter, before a comparison is called. */
static bool head_is(struct text name, const char *lower, size_t len)
{
	return name.len == len && (name.ptr[0] | 0x20) == lower[0] &&
	       strncasecmp(name.ptr, lower, len) == 0;
}

static void head_note(struct text *place, bool *several, struct text value)
{
	*several |= place->ptr != NULL;
	*place = value;
}

void head_add(struct head *head, struct text name, struct text value)
{
	head->headers[head->count++] = (struct header){ name, value };
	head->lengths |= head_length_bit(name.len);
	if (head_is(name, "host", 4))
		head_note(&head->host, &head->several_hosts, value);
	else if (head_is(name, "origin", 6))
		head_note(&head->origin, &head->several_origins, value);
	else if (head_is(name, "sec-fetch-site", 14))
		head_note(&head->fetch_site, &head->several_origins, value);
}

void head_collect(struct head *head, struct MHD_Connection *connection, struct text raw,
		  const struct head_lines *lines)
{
	struct collector collector = { .head = head };

	head->method = text_of(lines->method);
	head->target = raw;
	head->version = text_of(lines->version);
	head->count = 0;
	head->lengths = 0;
	head->too_many = head->line_noise = false;
	head->several_hosts = head->several_origins = false;
	head->host = head->origin = head->fetch_site = (struct text){ NULL, 0 };
	if (lines->target) {
		const char *version_end = lines->version + head->version.len;

		if ((uintptr_t)lines->target != (uintptr_t)(lines->method + head->method.len + 1) ||
		    (uintptr_t)lines->version != (uintptr_t)(lines->target + raw.len + 1))
			head->line_noise = true;
		collector.expected = version_end + 2;
	}
	MHD_get_connection_values_n(connection, MHD_HEADER_KIND, head_on_header, &collector);
	if (lines->target && !head->too_many)
		head_expect(&collector, lines->method + lines->bytes - 2, "");
}

const struct header *head_find_text(const struct head *head, struct text name)
{
	for (size_t i = 0; i < head->count; i++)
		if (head_is(head->headers[i].name, name.ptr, name.len))
			return &head->headers[i];
	return NULL;
}

size_t head_count_text(const struct head *head, struct text name)
{
	size_t count = 0;

	for (size_t i = 0; i < head->count; i++)
		count += head_is(head->headers[i].name, name.ptr, name.len);
	return count;
}

static bool head_is_space(char c)
{
	return c == ' ' || c == '\t';
}

struct text text_trim(struct text text)
{
	while (text.len && head_is_space(text.ptr[0])) {
		text.ptr++;
		text.len--;
	}
	while (text.len && head_is_space(text.ptr[text.len - 1]))
		text.len--;
	return text;
}

bool text_next(struct text *list, char separator, struct text *element)
{
	while (list->len) {
		const char *end = memchr(list->ptr, separator, list->len);
		size_t len = end ? (size_t)(end - list->ptr) : list->len;
		size_t taken = end ? len + 1 : len;

		*element = text_trim((struct text){ list->ptr, len });
		list->ptr += taken;
		list->len -= taken;
		if (element->len)
			return true;
	}
	return false;
}
