/* SPDX-License-Identifier: Apache-2.0 */
/* Lines are kept until all are known, since those of GET and POST are often the same. */
#include "catalog/openapi/diff_lines.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIFF_STEPS_MAX 4000000
#define DIFF_REFERENCES_MAX 16 /* that lead to each other */
#define DIFF_WORD_BYTES_MAX 200

void diff_change(struct diff *diff, bool breaking, const char *format, ...)
{
	const char *why;
	va_list args;

	va_start(args, format);
	why = arena_vprintf(&diff->arena, format, args);
	va_end(args);
	if (diff->count == diff->room) {
		diff->room = diff->room ? diff->room * 2 : 64;
		diff->lines = realloc(diff->lines, diff->room * sizeof(diff->lines[0]));
		assert(diff->lines);
	}
	diff->lines[diff->count++] = (struct diff_line){
		diff->name, arena_printf(&diff->arena, "%s%s", diff->prefix, why), breaking
	};
}

static int diff_compare(const void *a, const void *b)
{
	const struct diff_line *one = a, *other = b;
	int by_name = strcmp(one->name, other->name);

	if (by_name)
		return by_name;
	if (one->breaking != other->breaking)
		return one->breaking ? -1 : 1;
	return strcmp(one->why, other->why);
}

void diff_sort(struct diff *diff)
{
	size_t kept = 0;

	if (!diff->count)
		return;
	qsort(diff->lines, diff->count, sizeof(diff->lines[0]), diff_compare);
	for (size_t i = 1; i < diff->count; i++)
		if (diff_compare(&diff->lines[kept], &diff->lines[i]))
			diff->lines[++kept] = diff->lines[i];
	diff->count = kept + 1;
}

void diff_fail(struct diff *diff, const char *format, ...)
{
	va_list args;

	if (*diff->error)
		return;
	va_start(args, format);
	vsnprintf(diff->error, diff->error_room, format, args);
	va_end(args);
}

bool diff_step(struct diff *diff)
{
	if (++diff->steps > DIFF_STEPS_MAX)
		diff_fail(diff, "there is too much to compare");
	return !*diff->error;
}

const struct json *diff_member(const struct json *object, const char *key)
{
	return object && json_kind(object) == JSON_OBJECT ? json_get(object, key) : NULL;
}

const char *diff_string(const struct json *object, const char *key)
{
	const struct json *member = diff_member(object, key);

	return member && json_kind(member) == JSON_STRING ? json_text(member).ptr : NULL;
}

bool diff_is_true(const struct json *object, const char *key)
{
	const struct json *member = diff_member(object, key);

	return member && json_kind(member) == JSON_BOOL && json_bool(member);
}

const struct json *diff_elements(const struct json *array)
{
	return array && json_kind(array) == JSON_ARRAY ? json_first(array) : NULL;
}

const struct json *diff_members(const struct json *object)
{
	return object && json_kind(object) == JSON_OBJECT ? json_first(object) : NULL;
}

/* A step of a JSON pointer (RFC 6901), its escapes undone. */
static char *diff_pointer_step(struct diff *diff, const char *step, size_t len)
{
	char *key = arena_copy(&diff->arena, step, len), *to = key;

	for (const char *from = key; *from; from++) {
		char byte = *from;

		if (byte == '~' && (from[1] == '0' || from[1] == '1'))
			byte = *++from == '0' ? '~' : '/';
		*to++ = byte;
	}
	*to = 0;
	return key;
}

static const struct json *diff_follow(struct diff *diff, enum diff_side side, const char *reference)
{
	const struct json *node = diff->whole[side];
	const char *step = reference + 1;

	if (*reference != '#')
		return NULL;
	while (node && *step == '/') {
		size_t len = strcspn(++step, "/");

		node = diff_member(node, diff_pointer_step(diff, step, len));
		step += len;
	}
	return *step ? NULL : node;
}

const struct json *diff_resolve(struct diff *diff, enum diff_side side, const struct json *node)
{
	const char *reference;

	for (int i = 0; (reference = diff_string(node, "$ref")); i++) {
		node = i < DIFF_REFERENCES_MAX ? diff_follow(diff, side, reference) : NULL;
		if (!node) {
			diff_fail(diff, "%s: the reference %s leads nowhere",
				  side == DIFF_OLD ? "old" : "new",
				  diff_word(diff, text_of(reference)));
			return NULL;
		}
	}
	return node;
}

const char *diff_word(struct diff *diff, struct text text)
{
	size_t len = text.len < DIFF_WORD_BYTES_MAX ? text.len : DIFF_WORD_BYTES_MAX;
	char *word;

	/* Not within a character. */
	while (len < text.len && len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len--;
	word = arena_copy(&diff->arena, text.ptr, len);
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)word[i];

		if (byte < 0x20 || byte == 0x7f)
			word[i] = '?';
		/* U+0080 to U+009F, which some terminals obey. */
		if (byte == 0xc2 && i + 1 < len && (unsigned char)word[i + 1] < 0xa0)
			word[i] = word[i + 1] = '?';
	}
	return word;
}
