/* SPDX-License-Identifier: Apache-2.0 */
/* One file of the catalog: is it text, where is a byte, what is wrong there. */
#include "catalog/source.h"

#include "base/utf8.h"

#include <assert.h>
#include <stdarg.h>

#define SHOWN_BYTES_MAX 64

/* Is one more complaint worth a line? Says once that there are more. */
static bool complaints_take(struct complaints *complaints)
{
	complaints->count++;
	if (complaints->count <= CATALOG_ERRORS_MAX)
		return true;
	if (complaints->count == CATALOG_ERRORS_MAX + 1)
		buf_literal(complaints->lines,
			    "error: there are more errors; they are not shown\n");
	return false;
}

/* False: it was complained about; the bytes before it are text. */
static bool source_check_text(struct source *source)
{
	const unsigned char *ptr = (const unsigned char *)source->text.ptr;
	size_t at = 0, len = source->text.len;

	while (at < len) {
		size_t step = ptr[at] < 0x80 ? 1 : utf8_length(ptr + at, len - at);

		if (ptr[at] == 0) {
			source_error(source, at, "a NUL byte; an SQL file is text");
			return false;
		}
		if (step == 0) {
			source_error(source, at, "byte 0x%02x is not valid UTF-8", ptr[at]);
			return false;
		}
		at += step;
	}
	return true;
}

bool source_open(struct source *source, const char *name, struct text bytes,
		 struct complaints *complaints)
{
	*source = (struct source){
		.name = name,
		.text = bytes,
		.complaints = complaints,
		.seen_line = 1,
		.seen_column = 1,
	};
	if (bytes.len >= 3 && memcmp(bytes.ptr, "\xef\xbb\xbf", 3) == 0) {
		source->text.ptr += 3;
		source->text.len -= 3;
	}
	return source_check_text(source);
}

/* Back to the beginning of the line that holds the byte. */
static void source_go_back(struct source *source, size_t at)
{
	const char *ptr = source->text.ptr;

	for (size_t i = at; i < source->seen_at; i++)
		source->seen_line -= ptr[i] == '\n';
	while (at > 0 && ptr[at - 1] != '\n')
		at--;
	source->seen_at = at;
	source->seen_column = 1;
}

struct place source_place(struct source *source, size_t at)
{
	const char *ptr = source->text.ptr;

	assert(at <= source->text.len);
	if (at < source->seen_at)
		source_go_back(source, at);
	for (size_t i = source->seen_at; i < at; i++) {
		if (ptr[i] == '\n') {
			source->seen_line++;
			source->seen_column = 1;
		} else if (((unsigned char)ptr[i] & 0xc0) != 0x80) {
			source->seen_column++;
		}
	}
	source->seen_at = at;
	return (struct place){ source->name, source->seen_line, source->seen_column };
}

static void complaints_say(struct complaints *complaints, struct place place, struct text best,
			   const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void complaints_say(struct complaints *complaints, struct place place, struct text best,
			   const char *format, va_list args)
{
	struct buf *lines = complaints->lines;

	buf_printf(lines, "%s:%u:%u: error: ", place.file, place.line, place.column);
	buf_vprintf(lines, format, args);
	if (best.ptr)
		buf_printf(lines, "; did you mean \"%.*s\"?", (int)best.len, best.ptr);
	buf_byte(lines, '\n');
}

void source_error(struct source *source, size_t at, const char *format, ...)
{
	va_list args;

	if (!complaints_take(source->complaints))
		return;
	va_start(args, format);
	complaints_say(source->complaints, source_place(source, at), (struct text){ NULL, 0 },
		       format, args);
	va_end(args);
}

void source_error_near(struct source *source, size_t at, struct text best, const char *format, ...)
{
	va_list args;

	if (!complaints_take(source->complaints))
		return;
	va_start(args, format);
	complaints_say(source->complaints, source_place(source, at), best, format, args);
	va_end(args);
}

void complain_at(struct complaints *complaints, struct place place, const char *format, ...)
{
	va_list args;

	if (!complaints_take(complaints))
		return;
	va_start(args, format);
	complaints_say(complaints, place, (struct text){ NULL, 0 }, format, args);
	va_end(args);
}

void complain_near(struct complaints *complaints, struct place place, struct text best,
		   const char *format, ...)
{
	va_list args;

	if (!complaints_take(complaints))
		return;
	va_start(args, format);
	complaints_say(complaints, place, best, format, args);
	va_end(args);
}

void complain(struct complaints *complaints, const char *name, const char *format, ...)
{
	va_list args;

	if (!complaints_take(complaints))
		return;
	buf_printf(complaints->lines, "%s: error: ", name);
	va_start(args, format);
	buf_vprintf(complaints->lines, format, args);
	va_end(args);
	buf_byte(complaints->lines, '\n');
}

int source_shown(struct text text)
{
	size_t len = text.len;

	if (len <= SHOWN_BYTES_MAX)
		return (int)len;
	len = SHOWN_BYTES_MAX;
	while (len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len--;
	return (int)len;
}
