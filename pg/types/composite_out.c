/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Composites as PostgreSQL writes them, (1,,"a ""b"" \\\\ c"), to JSON objects. A field without
 * anything is NULL, "" is the empty string; in quotes, quotes and backslashes come twice.
 */
#include "pg/types/composite_out.h"

#include <string.h>

struct composite_text {
	const char *at, *end;
	value_writer *write;
	struct buf plain; /* a field without its quotes, where it has some */
};

struct composite_value {
	const char *ptr; /* NULL: there is none */
	size_t len;
};

static bool composite_ends(char c)
{
	return c == ',' || c == ')';
}

/* With quotes and backslashes anywhere, as PostgreSQL reads it. False: it does not end. */
static bool composite_unquote(struct composite_text *text)
{
	bool quoted = false;

	buf_clear(&text->plain);
	while (text->at < text->end && (quoted || !composite_ends(*text->at))) {
		char c = *text->at++;

		if (c == '"' && quoted && text->at < text->end && *text->at == '"')
			buf_byte(&text->plain, *text->at++);
		else if (c == '"')
			quoted = !quoted;
		else if (c != '\\')
			buf_byte(&text->plain, c);
		else if (text->at < text->end)
			buf_byte(&text->plain, *text->at++);
		else
			return false;
	}
	return text->at < text->end;
}

/* Up to the comma or the parenthesis behind it. */
static bool composite_take(struct composite_text *text, struct composite_value *value)
{
	const char *start = text->at;

	while (text->at < text->end && !composite_ends(*text->at) && *text->at != '"' &&
	       *text->at != '\\')
		text->at++;
	if (text->at == text->end)
		return false;
	if (composite_ends(*text->at)) {
		value->ptr = text->at > start ? start : NULL;
		value->len = (size_t)(text->at - start);
		return true;
	}
	text->at = start;
	if (!composite_unquote(text))
		return false;
	buf_byte(&text->plain, '\0');
	value->ptr = text->plain.ptr;
	value->len = text->plain.len - 1;
	return true;
}

static void composite_key(struct buf *out, const struct type_form *form, unsigned at)
{
	buf_byte(out, at ? ',' : '{');
	if (form)
		buf_text(out, form->fields[at].key);
	else
		buf_printf(out, "\"f%u\":", at + 1);
}

static bool composite_fields(struct composite_text *text, struct buf *out,
			     const struct type_form *form, bool *fits)
{
	static const struct pg_type unknown;
	struct composite_value value;
	unsigned at = 0;

	do {
		if (!composite_take(text, &value))
			return false;
		if (form && at == form->fields_count) {
			*fits = false;
			return false;
		}
		composite_key(out, form, at);
		if (!value.ptr)
			buf_literal(out, "null");
		else
			*fits &= text->write(out, form ? form->fields[at].type : unknown, value.ptr,
					     value.len);
		at++;
	} while (*text->at++ == ',');
	buf_byte(out, '}');
	*fits &= !form || at == form->fields_count;
	return *fits && text->at == text->end;
}

bool composite_to_json(struct buf *out, const struct type_form *form, struct text from,
		       value_writer *write, bool *fits)
{
	struct composite_text text = { from.ptr + 1, from.ptr + from.len, .write = write };
	bool read;

	if (from.len < 2 || from.ptr[0] != '(')
		return false;
	if (form && form->fields_count == 0 && from.len == 2 && from.ptr[1] == ')') {
		buf_literal(out, "{}");
		return true;
	}
	buf_init(&text.plain);
	read = composite_fields(&text, out, form, fits);
	buf_fini(&text.plain);
	return read;
}
