/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over a copy of the text. Values lie in one array, strings in one block whose size is
 * known in front: without quotes and escapes they are never longer than they were written.
 */
#include "base/json.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_AT_FIRST 16
#define MEMBERS_COMPARED_MAX 16 /* each with each; beyond they are sorted to find equal keys */

struct json_reader {
	const char *start, *at, *end; /* of the copy, which a NUL follows */
	char *strings;                /* where the next string goes */
	struct json_document *document;
	uint32_t count, room; /* values */
	unsigned depth;
	struct json_error *error;
};

static bool json_read_value(struct json_reader *reader, struct text key) must_check;

/* --- errors ---------------------------------------------------------------------------------- */

/* Fills the error, at the reader's place; false. */
static bool json_fail(struct json_reader *reader, const char *text)
{
	struct json_error *error = reader->error;

	error->line = error->column = 1;
	for (const char *at = reader->start; at < reader->at; at++) {
		if (*at == '\n') {
			error->line++;
			error->column = 1;
		} else if (((unsigned char)*at & 0xc0) != 0x80) {
			error->column++;
		}
	}
	snprintf(error->text, sizeof(error->text), "%s", text);
	return false;
}

static bool json_expected(struct json_reader *reader, const char *what)
{
	unsigned char found = (unsigned char)*reader->at;
	char text[sizeof(reader->error->text)];

	if (reader->at >= reader->end)
		snprintf(text, sizeof(text), "expected %s, not the end", what);
	else if (found > ' ' && found < 0x7f)
		snprintf(text, sizeof(text), "expected %s, not '%c'", what, found);
	else
		snprintf(text, sizeof(text), "expected %s, not the byte 0x%02x", what, found);
	return json_fail(reader, text);
}

/* --- strings --------------------------------------------------------------------------------- */

static bool json_read_hex(struct json_reader *reader, unsigned *unit)
{
	*unit = 0;
	for (unsigned i = 0; i < 4; i++, reader->at++) {
		char c = *reader->at;

		if (byte_is_digit(c))
			*unit = *unit << 4 | (unsigned)(c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			*unit = *unit << 4 | (unsigned)((c | 0x20) - 'a' + 10);
		else
			return json_expected(reader, "four hexadecimal digits");
	}
	return true;
}

static char *json_put_utf8(char *at, unsigned code)
{
	if (code < 0x80) {
		*at++ = (char)code;
		return at;
	}
	if (code < 0x800) {
		*at++ = (char)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*at++ = (char)(0xe0 | code >> 12);
		} else {
			*at++ = (char)(0xf0 | code >> 18);
			*at++ = (char)(0x80 | (code >> 12 & 0x3f));
		}
		*at++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*at++ = (char)(0x80 | (code & 0x3f));
	return at;
}

/* Behind "\u". A character beyond U+FFFF comes as two of them. */
static bool json_read_unicode(struct json_reader *reader)
{
	unsigned code, low;

	if (!json_read_hex(reader, &code))
		return false;
	if (code == 0)
		return json_fail(reader, "a string holds a NUL character");
	if (code >= 0xdc00 && code <= 0xdfff)
		return json_fail(reader, "half of a surrogate pair");
	if (code >= 0xd800 && code <= 0xdbff) {
		if (reader->at[0] != '\\' || reader->at[1] != 'u')
			return json_fail(reader, "half of a surrogate pair");
		reader->at += 2;
		if (!json_read_hex(reader, &low))
			return false;
		if (low < 0xdc00 || low > 0xdfff)
			return json_fail(reader, "half of a surrogate pair");
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	reader->strings = json_put_utf8(reader->strings, code);
	return true;
}

/* At the backslash. */
static bool json_read_escape(struct json_reader *reader)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *letter;

	reader->at++;
	if (*reader->at == 'u') {
		reader->at++;
		return json_read_unicode(reader);
	}
	letter = *reader->at ? strchr(letters, *reader->at) : NULL;
	if (!letter)
		return json_expected(reader, "an escape");
	*reader->strings++ = meanings[letter - letters];
	reader->at++;
	return true;
}

/* What is no letter, digit or sign that stands for itself. False: the string has an error. */
static bool json_read_special(struct json_reader *reader)
{
	size_t len;

	if (*reader->at == '\\')
		return json_read_escape(reader);
	if (reader->at >= reader->end)
		return json_fail(reader, "a string has no end");
	if ((unsigned char)*reader->at < 0x20)
		return json_expected(reader, "a string's control characters as escapes");
	len = utf8_length((const unsigned char *)reader->at, (size_t)(reader->end - reader->at));
	if (!len)
		return json_fail(reader, "a string is not UTF-8");
	memcpy(reader->strings, reader->at, len);
	reader->strings += len;
	reader->at += len;
	return true;
}

static bool json_is_plain(char byte)
{
	unsigned char c = (unsigned char)byte;

	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static bool json_read_string(struct json_reader *reader, struct text *string)
{
	char *start = reader->strings;

	for (reader->at++;;) {
		while (json_is_plain(*reader->at))
			*reader->strings++ = *reader->at++;
		if (*reader->at == '"')
			break;
		if (!json_read_special(reader))
			return false;
	}
	reader->at++;
	*string = (struct text){ start, (size_t)(reader->strings - start) };
	*reader->strings++ = '\0';
	return true;
}

/* --- values ---------------------------------------------------------------------------------- */

static void json_skip_blanks(struct json_reader *reader)
{
	while (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\t' ||
	       *reader->at == '\r')
		reader->at++;
}

static bool json_read_digits(struct json_reader *reader)
{
	if (!byte_is_digit(*reader->at))
		return json_expected(reader, "a digit");
	while (byte_is_digit(*reader->at))
		reader->at++;
	return true;
}

static bool json_read_number(struct json_reader *reader)
{
	reader->at += *reader->at == '-';
	if (*reader->at == '0')
		reader->at++;
	else if (!json_read_digits(reader))
		return false;
	if (*reader->at == '.') {
		reader->at++;
		if (!json_read_digits(reader))
			return false;
	}
	if (*reader->at == 'e' || *reader->at == 'E') {
		reader->at++;
		reader->at += *reader->at == '+' || *reader->at == '-';
		return json_read_digits(reader);
	}
	return true;
}

static bool json_read_word(struct json_reader *reader, const char *word)
{
	size_t len = strlen(word);

	/* The NUL behind the copy ends the comparison in time. */
	if (strncmp(reader->at, word, len) != 0)
		return json_expected(reader, "a value");
	reader->at += len;
	return true;
}

static struct json *json_value(const struct json_reader *reader, uint32_t at)
{
	return &reader->document->values[at];
}

static void json_grow(struct json_reader *reader)
{
	reader->room = reader->room ? 2 * reader->room : VALUES_AT_FIRST;
	reader->document = realloc(reader->document,
				   sizeof(*reader->document) + reader->room * sizeof(struct json));
	if (!reader->document)
		log_fatal("json", "out of memory");
}

static bool json_enter(struct json_reader *reader)
{
	char text[sizeof(reader->error->text)];

	if (++reader->depth <= JSON_DEPTH_MAX) {
		reader->at++;
		json_skip_blanks(reader);
		return true;
	}
	snprintf(text, sizeof(text), "nested deeper than %d levels", JSON_DEPTH_MAX);
	return json_fail(reader, text);
}

static bool json_read_key(struct json_reader *reader, struct text *key)
{
	if (*reader->at != '"')
		return json_expected(reader, "a key");
	if (!json_read_string(reader, key))
		return false;
	json_skip_blanks(reader);
	if (*reader->at != ':')
		return json_expected(reader, "':'");
	reader->at++;
	json_skip_blanks(reader);
	return true;
}

/* At the bracket; close: the one that ends it. */
static bool json_read_children(struct json_reader *reader, uint32_t parent, char close)
{
	uint32_t before = 0, child;
	struct text key = { 0 };

	if (!json_enter(reader))
		return false;
	while (*reader->at != close || before) {
		if (close == '}' && !json_read_key(reader, &key))
			return false;
		child = reader->count;
		if (!json_read_value(reader, key))
			return false;
		if (before)
			json_value(reader, before)->next = child - before;
		before = child;
		json_value(reader, parent)->length++;
		json_skip_blanks(reader);
		if (*reader->at == close)
			break;
		if (*reader->at != ',')
			return json_expected(reader, close == '}' ? "',' or '}'" : "',' or ']'");
		reader->at++;
		json_skip_blanks(reader);
	}
	reader->at++;
	reader->depth--;
	return true;
}

static bool json_same_key(const struct json *a, const struct json *b)
{
	return a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
}

static bool json_sorted_twice(const struct json *object)
{
	const struct json **members = json_sorted_members(object);
	bool twice = false;

	for (uint32_t i = 1; !twice && i < object->length; i++)
		twice = json_same_key(members[i - 1], members[i]);
	free(members);
	return twice;
}

static bool json_key_twice(const struct json *object)
{
	if (object->length > MEMBERS_COMPARED_MAX)
		return json_sorted_twice(object);
	for (const struct json *a = json_first(object); a; a = json_next(a))
		for (const struct json *b = json_next(a); b; b = json_next(b))
			if (json_same_key(a, b))
				return true;
	return false;
}

static bool json_read_object(struct json_reader *reader, uint32_t at)
{
	if (!json_read_children(reader, at, '}'))
		return false;
	return !json_key_twice(json_value(reader, at)) ||
	       json_fail(reader, "an object has a key twice");
}

static enum json_kind json_kind_by(char byte)
{
	switch (byte) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

static bool json_read_kind(struct json_reader *reader, uint32_t at)
{
	struct text string;

	switch (json_value(reader, at)->kind) {
	case JSON_OBJECT:
		return json_read_object(reader, at);
	case JSON_ARRAY:
		return json_read_children(reader, at, ']');
	case JSON_STRING:
		if (!json_read_string(reader, &string))
			return false;
		json_value(reader, at)->string = string.ptr;
		json_value(reader, at)->string_len = string.len;
		return true;
	case JSON_BOOL:
		return json_read_word(reader, *reader->at == 't' ? "true" : "false");
	case JSON_NULL:
		return json_read_word(reader, "null");
	case JSON_NUMBER:
		if (*reader->at != '-' && !byte_is_digit(*reader->at))
			return json_expected(reader, "a value");
		return json_read_number(reader);
	}
	assert(!"a kind of value");
	return false;
}

static bool json_read_value(struct json_reader *reader, struct text key)
{
	uint32_t at = reader->count;
	const char *start = reader->at;

	if (reader->count == reader->room)
		json_grow(reader);
	*json_value(reader, reader->count++) = (struct json){
		.source = start,
		.key = key.ptr,
		.key_len = key.len,
		.kind = json_kind_by(*start),
	};
	if (!json_read_kind(reader, at))
		return false;
	json_value(reader, at)->source_len = (size_t)(reader->at - start);
	return true;
}

static bool json_read_whole(struct json_reader *reader)
{
	json_skip_blanks(reader);
	if (!json_read_value(reader, (struct text){ 0 }))
		return false;
	json_skip_blanks(reader);
	return reader->at == reader->end || json_expected(reader, "the end");
}

struct json *json_read(struct text text, struct json_error *error)
{
	struct json_reader reader = { .error = error };
	char *texts = malloc(2 * (text.len + 1));

	*error = (struct json_error){ 0 };
	assert(text.len < UINT32_MAX);
	if (!texts)
		log_fatal("json", "out of memory");
	if (text.len)
		memcpy(texts, text.ptr, text.len);
	texts[text.len] = '\0';
	reader.start = reader.at = texts;
	reader.end = texts + text.len;
	reader.strings = texts + text.len + 1;
	json_grow(&reader);
	if (json_read_whole(&reader)) {
		reader.document->texts = texts;
		return reader.document->values;
	}
	free(texts);
	free(reader.document);
	return NULL;
}

struct json *json_read_rows(struct text rows)
{
	struct json_error error;
	struct json *json;
	struct buf array;

	buf_init(&array);
	buf_byte(&array, '[');
	buf_text(&array, rows);
	buf_byte(&array, ']');
	json = json_read((struct text){ array.ptr, array.len }, &error);
	buf_fini(&array);
	return json;
}
