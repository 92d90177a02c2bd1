/* SPDX-License-Identifier: Apache-2.0 */
/* Strings that stand for numbers, booleans, uuids and bytes: their syntax. */
#include "pg/types/scalar_text.h"

#include "base/buf.h"
#include "base/json.h"
#include "pg/types/types_table.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static bool text_bool(const struct scalar *scalar, struct text text);
static bool text_integer(const struct scalar *scalar, struct text text);
static bool text_real(const struct scalar *scalar, struct text text);
static bool text_uuid(const struct scalar *scalar, struct text text);
static bool text_bytea(const struct scalar *scalar, struct text text);

bool scalar_from_text(struct pg_type type, struct text text, struct arena *arena, const char **out,
		      const char **why)
{
	struct scalar scalar = { type, type_kind(type.oid), arena, out, why };

	if (memchr(text.ptr, '\0', text.len)) {
		*why = "must not hold a NUL character";
		return false;
	}
	if (scalar.kind == KIND_JSON) {
		struct json_error error;
		struct json *json = json_read(text, &error);

		if (!json)
			return scalar_refuse_text(&scalar, text);
		json_free(json);
		return scalar_take(&scalar, text);
	}
	return scalar_text(&scalar, text);
}

bool scalar_text(const struct scalar *scalar, struct text text)
{
	switch (scalar->kind) {
	case KIND_BOOL:
		return text_bool(scalar, text);
	case KIND_INT2:
	case KIND_INT4:
	case KIND_INT8:
	case KIND_OID:
		return text_integer(scalar, text);
	case KIND_FLOAT4:
	case KIND_FLOAT8:
	case KIND_NUMERIC:
		return text_real(scalar, text);
	case KIND_UUID:
		return text_uuid(scalar, text);
	case KIND_BYTEA:
		return text_bytea(scalar, text);
	case KIND_JSON: /* both callers have taken care of it */
		assert(scalar->kind != KIND_JSON);
		break;
	case KIND_UNKNOWN:
	case KIND_RECORD:
	case KIND_STRING:
	case KIND_TIMESTAMP:
	case KIND_TIMESTAMPTZ:
	case KIND_TIMETZ:
		break;
	}
	return scalar_take(scalar, text);
}

/* Python and .NET print True, R prints TRUE. */
static bool text_is_word(struct text text, const char *word)
{
	return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

static bool text_bool(const struct scalar *scalar, struct text text)
{
	static const char *const words[][2] = {
		{ "true", "true" },   { "t", "true" },  { "1", "true" },
		{ "false", "false" }, { "f", "false" }, { "0", "false" },
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (text_is_word(text, words[i][0])) {
			*scalar->out = words[i][1];
			return true;
		}
	}
	return scalar_refuse_text(scalar, text);
}

static size_t digits(struct text text, size_t at)
{
	size_t start = at;

	while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
		at++;
	return at - start;
}

static bool is_sign(struct text text, size_t at)
{
	return at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+');
}

static bool text_integer(const struct scalar *scalar, struct text text)
{
	size_t at = is_sign(text, 0);
	bool negative = at && text.ptr[0] == '-';
	uint64_t value = 0, limit = (uint64_t)INT64_MAX + negative;

	if (digits(text, at) == 0 || at + digits(text, at) != text.len)
		return scalar_refuse_text(scalar, text);
	for (; at < text.len; at++) {
		unsigned digit = (unsigned)(text.ptr[at] - '0');

		if (value > (limit - digit) / 10)
			return scalar_refuse_range(scalar);
		value = value * 10 + digit;
	}
	return scalar_integer(scalar, (int64_t)(negative ? -value : value));
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before or after the point. */
static bool is_number(struct text text)
{
	size_t at = is_sign(text, 0), n = digits(text, at);

	at += n;
	if (at < text.len && text.ptr[at] == '.') {
		size_t fraction = digits(text, at + 1);

		at += 1 + fraction;
		n += fraction;
	}
	if (n == 0)
		return false;
	if (at < text.len && (text.ptr[at] == 'e' || text.ptr[at] == 'E')) {
		at++;
		at += is_sign(text, at);
		n = digits(text, at);
		if (n == 0)
			return false;
		at += n;
	}
	return at == text.len;
}

static bool is_special(struct text text)
{
	struct text word = text;

	if (text.len == 3 && strncasecmp(text.ptr, "nan", 3) == 0)
		return true;
	if (is_sign(word, 0))
		word = (struct text){ word.ptr + 1, word.len - 1 };
	return (word.len == 8 && strncasecmp(word.ptr, "infinity", 8) == 0) ||
	       (word.len == 3 && strncasecmp(word.ptr, "inf", 3) == 0);
}

static bool text_real(const struct scalar *scalar, struct text text)
{
	const char *copy = arena_copy(scalar->arena, text.ptr, text.len);

	if (!is_special(text) && !is_number(text))
		return scalar_refuse_text(scalar, text);
	if (scalar->kind != KIND_NUMERIC && !is_special(text) && !float_fits(scalar->kind, copy))
		return scalar_refuse_range(scalar);
	*scalar->out = copy;
	return true;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* As PostgreSQL takes it: 32 digits, a hyphen after any four of them, perhaps braces around. */
static bool text_uuid(const struct scalar *scalar, struct text text)
{
	struct text body = text;
	size_t seen = 0;
	bool ok = true;

	if (text.len > 2 && text.ptr[0] == '{' && text.ptr[text.len - 1] == '}')
		body = (struct text){ text.ptr + 1, text.len - 2 };
	for (size_t i = 0; ok && i < body.len; i++) {
		if (is_hex(body.ptr[i]))
			seen++;
		else
			ok = body.ptr[i] == '-' && seen % 4 == 0 && seen > 0 && seen < 32 &&
			     body.ptr[i - 1] != '-';
	}
	if (!ok || seen != 32)
		return scalar_refuse_text(scalar, text);
	return scalar_take(scalar, text);
}

/* Base64 of either alphabet, padded or not, to \x and hex digits. */
static bool text_bytea(const struct scalar *scalar, struct text text)
{
	static const char hex[] = "0123456789abcdef";
	struct text body = text;
	unsigned char *bytes = arena_alloc(scalar->arena, text.len + 1);
	char *url = arena_copy(scalar->arena, text.ptr, text.len), *at;
	size_t len;

	while (body.len > 0 && text.len % 4 == 0 && text.len - body.len < 2 &&
	       body.ptr[body.len - 1] == '=')
		body.len--;
	for (size_t i = 0; i < body.len; i++)
		url[i] = url[i] == '+' ? '-' : url[i] == '/' ? '_' : url[i];
	if (!base64url_decode((struct text){ url, body.len }, bytes, text.len + 1, &len))
		return scalar_refuse_text(scalar, text);
	*scalar->out = at = arena_alloc(scalar->arena, 2 * len + 3);
	*at++ = '\\';
	*at++ = 'x';
	for (size_t i = 0; i < len; i++) {
		*at++ = hex[bytes[i] >> 4];
		*at++ = hex[bytes[i] & 15];
	}
	*at = '\0';
	return true;
}
