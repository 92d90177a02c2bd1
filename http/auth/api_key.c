/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a line, by a table of attributes. */
#include "http/auth/api_key.h"

#include "base/limits.h"
#include "base/nearest.h"
#include "http/auth/key_text.h"
#include "http/auth/principal_copy.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define HASH_PREFIX "sha256:"
#define DAY_S 86400

static bool wrong_line(char wrong[API_KEY_WRONG_BYTES], const char *format, ...) printf_like(2, 3);

/* Always false. */
static bool wrong_line(char wrong[API_KEY_WRONG_BYTES], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(wrong, API_KEY_WRONG_BYTES, format, args);
	va_end(args);
	return false;
}

/* --- times ----------------------------------------------------------------------------------- */

void utc_write(int64_t time_s, char out[UTC_TEXT_BYTES])
{
	time_t time = (time_t)time_s;
	struct tm tm;
	size_t len;

	gmtime_r(&time, &tm);
	len = strftime(out, UTC_TEXT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm);
	assert(len == UTC_TEXT_BYTES - 1);
}

/* What strptime forgives is found by writing the time again. */
bool utc_read(struct text text, int64_t *time_s)
{
	char copy[UTC_TEXT_BYTES], again[UTC_TEXT_BYTES];
	struct tm tm = { 0 };
	char *end;

	if (text.len != UTC_TEXT_BYTES - 1 || text.ptr[0] < '1' || text.ptr[0] > '9')
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	end = strptime(copy, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end)
		return false;
	*time_s = timegm(&tm);
	if (*time_s <= 0)
		return false;
	utc_write(*time_s, again);
	return memcmp(copy, again, UTC_TEXT_BYTES) == 0;
}

static bool day_read(struct text text, int64_t *day)
{
	char time[UTC_TEXT_BYTES];
	int64_t time_s;

	if (text.len != 10)
		return false;
	snprintf(time, sizeof(time), "%.10sT00:00:00Z", text.ptr);
	if (!utc_read(text_of(time), &time_s))
		return false;
	*day = time_s / DAY_S;
	return true;
}

/* --- names ----------------------------------------------------------------------------------- */

bool api_key_name_is_good(struct text name)
{
	static const char others[] = "._-@:/+";

	for (size_t i = 0; i < name.len; i++) {
		char byte = name.ptr[i];

		if (!byte_is_digit(byte) && !((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') &&
		    !memchr(others, byte, sizeof(others) - 1))
			return false;
	}
	return name.len >= 1 && name.len <= KEY_NAME_BYTES_MAX;
}

static const char *const acts_for_names[] = {
	[ACTS_FOR_NONE] = "none",
	[ACTS_FOR_SELF] = "self",
	[ACTS_FOR_ANY] = "any",
};

const char *acts_for_name(enum acts_for acts_for)
{
	return acts_for_names[acts_for];
}

bool acts_for_read(struct text word, enum acts_for *acts_for)
{
	for (size_t i = 0; i < sizeof(acts_for_names) / sizeof(acts_for_names[0]); i++) {
		if (!text_is(word, acts_for_names[i]))
			continue;
		*acts_for = (enum acts_for)i;
		return true;
	}
	return false;
}

static bool api_key_has_role(const struct api_key *key, struct text role)
{
	for (size_t i = 0; i < key->roles_count; i++)
		if (text_equal(key->roles[i], role))
			return true;
	return false;
}

/* A name after another, separated by commas. */
static struct text cut_role(struct text *rest)
{
	const char *comma = memchr(rest->ptr, ',', rest->len);
	struct text role = { rest->ptr, comma ? (size_t)(comma - rest->ptr) : rest->len };

	rest->ptr += role.len + (comma != NULL);
	rest->len -= role.len + (comma != NULL);
	return role;
}

bool api_key_read_roles(struct text text, struct arena *arena, struct api_key *key,
			char wrong[API_KEY_WRONG_BYTES])
{
	struct text rest = text;
	size_t commas = 0;

	for (size_t i = 0; i < text.len; i++)
		commas += text.ptr[i] == ',';
	key->roles_count = 0;
	key->roles = arena_zero(arena, commas + 1, sizeof(*key->roles));
	if (text.len && text.ptr[text.len - 1] == ',')
		return wrong_line(wrong, "roles end with a comma");
	while (rest.len) {
		struct text role = cut_role(&rest);

		if (!api_key_name_is_good(role))
			return wrong_line(wrong,
					  "\"%.*s\" is no name of a role: 1 to %d letters, digits "
					  "and . _ - @ : / +",
					  (int)(role.len < 64 ? role.len : 64), role.ptr,
					  KEY_NAME_BYTES_MAX);
		if (api_key_has_role(key, role))
			continue;
		if (key->roles_count == KEY_ROLES_MAX)
			return wrong_line(wrong, "more than %d roles", KEY_ROLES_MAX);
		key->roles[key->roles_count++] = arena_text(arena, role);
	}
	return true;
}

/* --- attributes ------------------------------------------------------------------------------ */

enum attribute {
	ATTRIBUTE_NAME,
	ATTRIBUTE_ROLES,
	ATTRIBUTE_ACTS_FOR,
	ATTRIBUTE_CREATED,
	ATTRIBUTE_EXPIRES,
	ATTRIBUTE_REVOKED,
	ATTRIBUTE_REPLACED_BY,
	ATTRIBUTE_LAST_USED,
	ATTRIBUTES
};

static const char *const attribute_names[ATTRIBUTES] = {
	[ATTRIBUTE_NAME] = "name",
	[ATTRIBUTE_ROLES] = "roles",
	[ATTRIBUTE_ACTS_FOR] = "acts-for",
	[ATTRIBUTE_CREATED] = "created",
	[ATTRIBUTE_EXPIRES] = "expires",
	[ATTRIBUTE_REVOKED] = "revoked",
	[ATTRIBUTE_REPLACED_BY] = "replaced-by",
	[ATTRIBUTE_LAST_USED] = "last-used",
};

/* A line while it is read. */
struct line_reading {
	struct arena *arena;
	struct api_key *key;
	char *wrong;
	unsigned seen; /* attributes, a bit each */
};

static bool read_time(struct line_reading *reading, enum attribute attribute, struct text value,
		      int64_t *time_s)
{
	return utc_read(value, time_s) ||
	       wrong_line(reading->wrong, "%s is not a time as 2026-11-29T12:00:00Z",
			  attribute_names[attribute]);
}

static bool read_value(struct line_reading *reading, enum attribute attribute, struct text value)
{
	struct api_key *key = reading->key;

	switch (attribute) {
	case ATTRIBUTE_NAME:
		key->name = arena_text(reading->arena, value);
		return api_key_name_is_good(value) ||
		       wrong_line(reading->wrong,
				  "name wants 1 to %d letters, digits and . _ - @ : / +",
				  KEY_NAME_BYTES_MAX);
	case ATTRIBUTE_ROLES:
		return api_key_read_roles(value, reading->arena, key, reading->wrong);
	case ATTRIBUTE_ACTS_FOR:
		return acts_for_read(value, &key->acts_for) ||
		       wrong_line(reading->wrong, "acts-for wants any, self or none");
	case ATTRIBUTE_CREATED:
		return read_time(reading, attribute, value, &key->created_s);
	case ATTRIBUTE_EXPIRES:
		return read_time(reading, attribute, value, &key->expires_s);
	case ATTRIBUTE_REVOKED:
		return read_time(reading, attribute, value, &key->revoked_s);
	case ATTRIBUTE_REPLACED_BY:
		key->replaced_by = arena_text(reading->arena, value);
		return key_id_is_good(value) ||
		       wrong_line(reading->wrong, "replaced-by is no id of a key");
	case ATTRIBUTE_LAST_USED:
		return day_read(value, &key->last_used_day) ||
		       wrong_line(reading->wrong, "last-used is not a date as 2026-11-29");
	case ATTRIBUTES:
		break;
	}
	assert(!"an attribute");
	return false;
}

static bool read_unknown(struct line_reading *reading, struct text name)
{
	struct nearest nearest;

	nearest_init(&nearest, name);
	for (size_t i = 0; i < ATTRIBUTES; i++)
		nearest_offer(&nearest, text_of(attribute_names[i]));
	if (nearest.best.ptr)
		return wrong_line(reading->wrong, "there is no %.*s=; did you mean %s=?",
				  (int)(name.len < 32 ? name.len : 32), name.ptr, nearest.best.ptr);
	return wrong_line(reading->wrong, "words behind the hash are name=…, roles=…, acts-for=…, "
					  "created=…, expires=…, revoked=…");
}

static bool read_attribute(struct line_reading *reading, struct text word)
{
	const char *sign = memchr(word.ptr, '=', word.len);
	struct text name = { word.ptr, sign ? (size_t)(sign - word.ptr) : word.len };
	enum attribute attribute = 0;

	while (attribute < ATTRIBUTES && !text_is(name, attribute_names[attribute]))
		attribute++;
	if (attribute == ATTRIBUTES || !sign)
		return read_unknown(reading, name);
	if (reading->seen & 1U << attribute)
		return wrong_line(reading->wrong, "%s= is given twice", attribute_names[attribute]);
	reading->seen |= 1U << attribute;
	return read_value(reading, attribute, (struct text){ sign + 1, word.len - name.len - 1 });
}

/* --- lines ----------------------------------------------------------------------------------- */

static int hex_value(char digit)
{
	if (byte_is_digit(digit))
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool read_hash(struct text word, uint8_t hash[SHA256_BYTES])
{
	const size_t prefix = sizeof(HASH_PREFIX) - 1;

	if (word.len != prefix + 2 * SHA256_BYTES || memcmp(word.ptr, HASH_PREFIX, prefix) != 0)
		return false;
	for (size_t i = 0; i < SHA256_BYTES; i++) {
		int high = hex_value(word.ptr[prefix + 2 * i]);
		int low = hex_value(word.ptr[prefix + 2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		hash[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* The next word; len 0: there is none. */
static struct text line_word(struct text *rest)
{
	size_t at = 0, end;
	struct text word;

	while (at < rest->len && strchr(" \t\r", rest->ptr[at]))
		at++;
	for (end = at; end < rest->len && !strchr(" \t\r", rest->ptr[end]);)
		end++;
	word = (struct text){ rest->ptr + at, end - at };
	rest->ptr += end;
	rest->len -= end;
	return word;
}

static void key_principal(struct api_key *key, struct arena *arena)
{
	struct principal principal = {
		.kind = PRINCIPAL_KEY,
		.acts_for = key->acts_for,
		.id = text_of(arena_printf(arena, "key:%.*s", (int)key->id.len, key->id.ptr)),
		.scope = TEXT(""),
		.subject = key->name,
		.roles = key->roles,
		.roles_count = key->roles_count,
		.expires_s = key->expires_s,
	};

	principal.claims = principal_claims(&principal, arena);
	key->principal_bytes = principal_bytes(&principal);
	key->principal = principal_pack(arena_alloc(arena, key->principal_bytes), &principal);
}

bool api_key_read(struct text line, struct arena *arena, struct api_key *key,
		  char wrong[API_KEY_WRONG_BYTES])
{
	struct line_reading reading = { .arena = arena, .key = key, .wrong = wrong };
	struct text rest = line, id = line_word(&rest), hash = line_word(&rest), word;

	*key = (struct api_key){ .acts_for = ACTS_FOR_NONE };
	if (key_text_is_meant(id))
		return wrong_line(wrong, "it begins with a key itself, not with the hash of one: "
					 "that key is no secret any more");
	if (!key_id_is_good(id))
		return wrong_line(wrong, "wants the id of a key first: 1 to %d letters and digits",
				  KEY_ID_BYTES_MAX);
	if (!read_hash(hash, key->hash))
		return wrong_line(wrong, "wants " HASH_PREFIX " and 64 digits of base 16 behind "
					 "the id");
	key->id = arena_text(arena, id);
	while ((word = line_word(&rest)).len)
		if (!read_attribute(&reading, word))
			return false;
	if (!key->name.ptr)
		return wrong_line(wrong, "wants name=…");
	key_principal(key, arena);
	return true;
}

static void write_time(struct buf *line, enum attribute attribute, int64_t time_s)
{
	char text[UTC_TEXT_BYTES];

	if (!time_s)
		return;
	utc_write(time_s, text);
	buf_printf(line, " %s=%s", attribute_names[attribute], text);
}

void api_key_write(const struct api_key *key, struct buf *line)
{
	char day[UTC_TEXT_BYTES];

	buf_text(line, key->id);
	buf_literal(line, " " HASH_PREFIX);
	for (size_t i = 0; i < SHA256_BYTES; i++)
		buf_printf(line, "%02x", key->hash[i]);
	buf_literal(line, " name=");
	buf_text(line, key->name);
	for (size_t i = 0; i < key->roles_count; i++) {
		buf_string(line, i ? "," : " roles=");
		buf_text(line, key->roles[i]);
	}
	buf_printf(line, " acts-for=%s", acts_for_name(key->acts_for));
	write_time(line, ATTRIBUTE_CREATED, key->created_s);
	write_time(line, ATTRIBUTE_EXPIRES, key->expires_s);
	write_time(line, ATTRIBUTE_REVOKED, key->revoked_s);
	if (key->replaced_by.ptr)
		buf_printf(line, " replaced-by=%.*s", (int)key->replaced_by.len,
			   key->replaced_by.ptr);
	if (!key->last_used_day)
		return;
	utc_write(key->last_used_day * DAY_S, day);
	buf_printf(line, " last-used=%.10s", day);
}
