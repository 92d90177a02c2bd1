/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Result cells to JSON. What does not look the way PostgreSQL writes its type becomes a string, so
 * that a reply is always JSON; only json and jsonb are taken at their word.
 */
#include "pg/types/types.h"

#include "pg/types/array_out.h"
#include "pg/types/composite_out.h"
#include "pg/types/form.h"
#include "pg/types/hstore.h"
#include "pg/types/types_table.h"

#include <string.h>

static bool cell_to_json(struct buf *out, struct pg_type type, const char *ptr, size_t len);
static bool formed_to_json(struct buf *out, struct pg_type type, const char *ptr, size_t len);
static bool is_number(const char *ptr, size_t len);
static bool timestamp_to_json(struct buf *out, const char *ptr, size_t len);
static bool timestamptz_to_json(struct buf *out, const char *ptr, size_t len);
static bool timetz_to_json(struct buf *out, const char *ptr, size_t len);
static bool bytea_to_json(struct buf *out, const char *ptr, size_t len);

bool type_to_json(struct buf *out, struct pg_type type, const char *ptr, size_t len)
{
	if (type.element_oid == 0)
		return cell_to_json(out, type, ptr, len);
	return formed_to_json(out, type, ptr, len);
}

/* What is made of parts. */
static bool formed_to_json(struct buf *out, struct pg_type type, const char *ptr, size_t len)
{
	struct text text = { ptr, len };
	size_t start = out->len;
	bool fits = true, read;

	if (type.element_oid)
		read = array_to_json(out, type, text, type_to_json, &fits);
	else if (!type.form || type.form->kind == FORM_COMPOSITE) /* or a record */
		read = composite_to_json(out, type.form, text, type_to_json, &fits);
	else
		read = hstore_to_json(out, ptr, len);
	if (!read) {
		out->len = start;
		buf_json_string(out, ptr, len);
	}
	return fits;
}

static bool cell_to_json(struct buf *out, struct pg_type type, const char *ptr, size_t len)
{
	switch (type_kind(type.oid)) {
	case KIND_INT2:
	case KIND_INT4:
	case KIND_INT8:
	case KIND_OID:
	case KIND_FLOAT4:
	case KIND_FLOAT8:
		if (!is_number(ptr, len))
			break; /* NaN, Infinity, -Infinity */
		buf_add(out, ptr, len);
		return true;
	case KIND_BOOL:
		if (len != 1 || (*ptr != 't' && *ptr != 'f'))
			break;
		if (*ptr == 't')
			buf_literal(out, "true");
		else
			buf_literal(out, "false");
		return true;
	case KIND_TIMESTAMP:
		if (!timestamp_to_json(out, ptr, len))
			break;
		return true;
	case KIND_TIMESTAMPTZ:
		if (!timestamptz_to_json(out, ptr, len))
			break;
		return true;
	case KIND_TIMETZ:
		if (!timetz_to_json(out, ptr, len))
			break;
		return true;
	case KIND_BYTEA:
		if (!bytea_to_json(out, ptr, len))
			break;
		return true;
	case KIND_JSON:
		if (len == 0)
			break;
		buf_add(out, ptr, len);
		return true;
	case KIND_UNKNOWN:
		if (!type.form)
			break;
		return formed_to_json(out, type, ptr, len);
	case KIND_RECORD:
		return formed_to_json(out, type, ptr, len);
	case KIND_NUMERIC:
	case KIND_STRING:
	case KIND_UUID:
		break;
	}
	buf_json_string(out, ptr, len);
	return true;
}

static size_t digits(const char *ptr, size_t len)
{
	size_t n = 0;

	while (n < len && ptr[n] >= '0' && ptr[n] <= '9')
		n++;
	return n;
}

/* The grammar of JSON, which PostgreSQL's integers and floats keep to but for NaN and infinity. */
static bool is_number(const char *ptr, size_t len)
{
	size_t at = len > 0 && *ptr == '-';
	size_t n = digits(ptr + at, len - at);

	if (n == 0 || (n > 1 && ptr[at] == '0'))
		return false;
	at += n;
	if (at < len && ptr[at] == '.') {
		at++;
		n = digits(ptr + at, len - at);
		if (n == 0)
			return false;
		at += n;
	}
	if (at < len && ptr[at] == 'e') {
		at++;
		at += at < len && (ptr[at] == '+' || ptr[at] == '-');
		n = digits(ptr + at, len - at);
		if (n == 0)
			return false;
		at += n;
	}
	return at == len;
}

/* Nothing beyond '+' to ':' of ASCII, digits and signs: no infinity, no BC, nothing to escape. */
static bool is_plain_time(const char *ptr, size_t len)
{
	unsigned beyond = 0;

	for (size_t i = 0; i < len; i++)
		beyond |= (unsigned char)(ptr[i] - '+') > ':' - '+';
	return len > 0 && !beyond;
}

/* A time with its zone: +00 becomes Z, +02 becomes +02:00, +05:30 stays. Writes at most len + 3. */
static char *zoned_time(char *at, const char *ptr, size_t len)
{
	char sign = len > 3 ? ptr[len - 3] : '\0';

	if (sign == '+' && ptr[len - 2] == '0' && ptr[len - 1] == '0') {
		memcpy(at, ptr, len - 3);
		at += len - 3;
		*at++ = 'Z';
		return at;
	}
	memcpy(at, ptr, len);
	at += len;
	if (sign == '+' || sign == '-') {
		memcpy(at, ":00", 3);
		at += 3;
	}
	return at;
}

static bool timestamp_to_json(struct buf *out, const char *ptr, size_t len)
{
	const char *space = memchr(ptr, ' ', len);
	char *at;

	if (!space || !is_plain_time(ptr, (size_t)(space - ptr)) ||
	    !is_plain_time(space + 1, (size_t)(ptr + len - space - 1)))
		return false;
	at = buf_reserve(out, len + 2);
	*at++ = '"';
	memcpy(at, ptr, len);
	at[space - ptr] = 'T';
	at[len] = '"';
	out->len += len + 2;
	return true;
}

static bool timestamptz_to_json(struct buf *out, const char *ptr, size_t len)
{
	const char *space = memchr(ptr, ' ', len);
	size_t date_len, time_len;
	char *start, *at;

	if (!space)
		return false;
	date_len = (size_t)(space - ptr);
	time_len = len - date_len - 1;
	if (!is_plain_time(ptr, date_len) || !is_plain_time(space + 1, time_len))
		return false;
	at = start = buf_reserve(out, len + 5);
	*at++ = '"';
	memcpy(at, ptr, date_len);
	at += date_len;
	*at++ = 'T';
	at = zoned_time(at, space + 1, time_len);
	*at++ = '"';
	out->len += (size_t)(at - start);
	return true;
}

static bool timetz_to_json(struct buf *out, const char *ptr, size_t len)
{
	char *start, *at;

	if (!is_plain_time(ptr, len))
		return false;
	at = start = buf_reserve(out, len + 5);
	*at++ = '"';
	at = zoned_time(at, ptr, len);
	*at++ = '"';
	out->len += (size_t)(at - start);
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* In pieces whose length is a multiple of three, so that only the last one is padded. */
static bool bytea_to_json(struct buf *out, const char *ptr, size_t len)
{
	unsigned char piece[3 * 256];
	size_t used = 0, start = out->len;

	if (len < 2 || len % 2 != 0 || ptr[0] != '\\' || ptr[1] != 'x')
		return false;
	buf_byte(out, '"');
	for (size_t i = 2; i < len; i += 2) {
		int high = hex_digit(ptr[i]), low = hex_digit(ptr[i + 1]);

		if (high < 0 || low < 0) {
			out->len = start;
			return false;
		}
		piece[used++] = (unsigned char)(high << 4 | low);
		if (used == sizeof piece) {
			buf_base64(out, piece, used);
			used = 0;
		}
	}
	buf_base64(out, piece, used);
	buf_byte(out, '"');
	return true;
}
