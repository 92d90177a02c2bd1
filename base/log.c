/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line is built on the stack, cut to LOG_LINE_BYTES_MAX, and leaves by one write(2). It needs no
 * memory of the heap, so that running out of that can be logged.
 */
#include "base/log.h"

#include "base/clock.h"
#include "base/json_escape.h"
#include "base/limits.h"
#include "base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Kept free for what ends a line. */
#define LINE_TAIL 2
#define AREA_BYTES_MAX 64

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static const char *const level_names_human[] = { "DEBUG", "INFO ", "WARN ", "ERROR" };

static _Atomic int log_level_now = LOG_INFO;
static _Atomic int log_format_now = LOG_HUMAN;

struct line {
	char text[LOG_LINE_BYTES_MAX];
	size_t len;
};

static void log_vline(enum log_level level, const char *area, const struct log_field *fields,
		      const char *format, va_list args);

void log_setup(enum log_level level, enum log_format format)
{
	atomic_store_explicit(&log_format_now, format, memory_order_relaxed);
	log_set_level(level);
}

void log_set_level(enum log_level level)
{
	assert(level <= LOG_ERROR);
	atomic_store_explicit(&log_level_now, level, memory_order_relaxed);
}

int log_enabled(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&log_level_now, memory_order_relaxed);
}

void log_line(enum log_level level, const char *area, const struct log_field *fields,
	      const char *format, ...)
{
	va_list args;

	if (!log_enabled(level))
		return;
	va_start(args, format);
	log_vline(level, area, fields, format, args);
	va_end(args);
}

void log_fatal(const char *area, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vline(LOG_ERROR, area, NULL, format, args);
	va_end(args);
	/* Other threads are still at work: no exit handlers. */
	_exit(1);
}

/* Room for more, with what ends the line kept free. */
static size_t line_room(const struct line *line)
{
	return sizeof(line->text) - LINE_TAIL - line->len;
}

/* All of it must fit. */
static void line_add(struct line *line, const char *ptr, size_t len)
{
	assert(len <= sizeof(line->text) - line->len);
	memcpy(line->text + line->len, ptr, len);
	line->len += len;
}

static void line_string(struct line *line, const char *string)
{
	line_add(line, string, strlen(string));
}

static void log_time(struct line *line)
{
	int64_t now_us = clock_wall_us();
	time_t seconds = (time_t)(now_us / US_PER_S);
	struct tm tm;
	int len;

	gmtime_r(&seconds, &tm);
	len = snprintf(line->text + line->len, line_room(line),
		       "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		       tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		       (int)(now_us % US_PER_S / US_PER_MS));
	line->len += (size_t)len;
}

/* U+0080 to U+009F, of two bytes: for a terminal one may begin a sequence, as ESC does. */
static bool log_is_c1(const unsigned char *at)
{
	return at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f;
}

static size_t log_json_c1(unsigned char byte, char out[JSON_ESCAPE_BYTES_MAX])
{
	static const char hex[] = "0123456789abcdef";
	const char text[] = { '\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 0xf] };

	memcpy(out, text, sizeof(text));
	return sizeof(text);
}

/* Writes the JSON form of the character at the front, which has *len bytes; the form's length. */
static size_t log_json_character(const unsigned char *at, size_t left, size_t *len,
				 char out[JSON_ESCAPE_BYTES_MAX])
{
	*len = *at < 0x80 ? 1 : utf8_length(at, left);
	if (*at < 0x80 && json_byte_special(*at))
		return json_escape(*at, out);
	if (*len == 0) {
		*len = 1;
		memcpy(out, UTF8_REPLACEMENT, strlen(UTF8_REPLACEMENT));
		return strlen(UTF8_REPLACEMENT);
	}
	if (log_is_c1(at))
		return log_json_c1(at[1], out);
	memcpy(out, at, *len);
	return *len;
}

/* Adds a JSON string, cut so that the line keeps room for what still has to follow. */
static void log_json(struct line *line, const char *ptr)
{
	size_t left = strlen(ptr), len, used;
	char out[JSON_ESCAPE_BYTES_MAX];

	if (line_room(line) < 2)
		return;
	line_add(line, "\"", 1);
	for (; left; ptr += used, left -= used) {
		len = log_json_character((const unsigned char *)ptr, left, &used, out);
		if (len + 1 > line_room(line))
			break;
		line_add(line, out, len);
	}
	line_add(line, "\"", 1);
}

/* Bytes of the character at the front that may be shown as they are; 0: it is a control character,
 * or no UTF-8, of which a terminal makes what it likes. */
static size_t log_shown(const unsigned char *at, size_t left)
{
	size_t len = *at < 0x80 ? *at >= 0x20 && *at != 0x7f : utf8_length(at, left);

	return len == 2 && log_is_c1(at) ? 0 : len;
}

/* Adds text as it is, but a control character cannot begin a new line nor move the cursor. */
static void log_plain(struct line *line, const char *ptr)
{
	for (size_t left = strlen(ptr), len; left && line_room(line) > 4; ptr += len, left -= len) {
		char hex[5];

		len = log_shown((const unsigned char *)ptr, left);
		if (len) {
			line_add(line, ptr, len);
			continue;
		}
		len = 1;
		snprintf(hex, sizeof(hex), *ptr == '\n' ? "\\n" : "\\x%02x", (unsigned char)*ptr);
		line_string(line, hex);
	}
}

/* A value with white space, quotes or nothing in it is quoted. */
static bool log_needs_quotes(const char *value)
{
	if (!*value)
		return true;
	for (; *value; value++)
		if ((unsigned char)*value <= ' ' || *value == '"' || *value == '=' ||
		    *value == 0x7f)
			return true;
	return false;
}

static void log_fields_human(struct line *line, const struct log_field *fields)
{
	for (; fields && fields->name; fields++) {
		if (!fields->value)
			continue;
		if (strlen(fields->name) + 5 > line_room(line))
			return;
		line_add(line, " ", 1);
		line_string(line, fields->name);
		line_add(line, "=", 1);
		if (log_needs_quotes(fields->value))
			log_json(line, fields->value);
		else
			log_plain(line, fields->value);
	}
}

static void log_fields_json(struct line *line, const struct log_field *fields)
{
	for (; fields && fields->name; fields++) {
		if (!fields->value)
			continue;
		if (strlen(fields->name) + 7 > line_room(line))
			return;
		line_add(line, ",", 1);
		log_json(line, fields->name);
		line_add(line, ":", 1);
		log_json(line, fields->value);
	}
}

static void log_vline(enum log_level level, const char *area, const struct log_field *fields,
		      const char *format, va_list args)
{
	char message[LOG_LINE_BYTES_MAX];
	struct line line = { .len = 0 };
	int saved = errno;

	assert(level <= LOG_ERROR);
	assert(strlen(area) <= AREA_BYTES_MAX);
	vsnprintf(message, sizeof(message), format, args);
	if (atomic_load_explicit(&log_format_now, memory_order_relaxed) == LOG_JSON) {
		line_string(&line, "{\"ts\":\"");
		log_time(&line);
		line_string(&line, "\",\"level\":\"");
		line_string(&line, level_names[level]);
		line_string(&line, "\",\"area\":\"");
		line_string(&line, area);
		line_string(&line, "\",\"msg\":");
		log_json(&line, message);
		log_fields_json(&line, fields);
		line_add(&line, "}", 1);
	} else {
		log_time(&line);
		line_add(&line, " ", 1);
		line_string(&line, level_names_human[level]);
		line_add(&line, " ", 1);
		line_string(&line, area);
		line_add(&line, ": ", 2);
		log_plain(&line, message);
		log_fields_human(&line, fields);
	}
	line_add(&line, "\n", 1);
	while (write(STDERR_FILENO, line.text, line.len) < 0 && errno == EINTR)
		;
	errno = saved;
}
