/* SPDX-License-Identifier: Apache-2.0 */
/* A line is built on the stack, cut to LOG_LINE_BYTES_MAX, and leaves by one write(2). */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A byte takes at most six as JSON, and the longest piece is a whole line. */
#define LINE_ROOM (LOG_LINE_BYTES_MAX * 7)
/* Kept free for what ends a line. */
#define LINE_TAIL 2
#define AREA_BYTES_MAX 64

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static const char *const level_names_human[] = { "DEBUG", "INFO ", "WARN ", "ERROR" };

static _Atomic int log_level_now = LOG_INFO;
static _Atomic int log_format_now = LOG_HUMAN;

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

static void log_time(struct buf *line)
{
	int64_t now_us = clock_wall_us();
	time_t seconds = (time_t)(now_us / US_PER_S);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	buf_printf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		   (int)(now_us % US_PER_S / US_PER_MS));
}

/* Adds a JSON string, cut so that the line keeps room for what still has to follow. */
static void log_json(struct buf *line, const char *ptr, size_t len)
{
	size_t before = line->len;

	if (len > LOG_LINE_BYTES_MAX - before)
		len = LOG_LINE_BYTES_MAX - before;
	for (;;) {
		buf_json_string(line, ptr, len);
		if (line->len <= LOG_LINE_BYTES_MAX - LINE_TAIL || len == 0)
			return;
		line->len = before;
		len -= (len + 7) / 8;
	}
}

/* Adds text as it is, but a control character cannot begin a new line nor move the cursor. */
static void log_plain(struct buf *line, const char *ptr)
{
	for (; *ptr && line->len < LOG_LINE_BYTES_MAX - LINE_TAIL - 4; ptr++) {
		unsigned char byte = (unsigned char)*ptr;

		if (byte == '\n')
			buf_literal(line, "\\n");
		else if (byte < 0x20 || byte == 0x7f)
			buf_printf(line, "\\x%02x", byte);
		else
			buf_byte(line, *ptr);
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

static void log_fields_human(struct buf *line, const struct log_field *fields)
{
	for (; fields && fields->name; fields++) {
		size_t value = fields->value ? strlen(fields->value) : 0;

		if (!fields->value)
			continue;
		if (line->len + strlen(fields->name) + 5 > LOG_LINE_BYTES_MAX - LINE_TAIL)
			return;
		buf_byte(line, ' ');
		buf_string(line, fields->name);
		buf_byte(line, '=');
		if (log_needs_quotes(fields->value))
			log_json(line, fields->value, value);
		else
			log_plain(line, fields->value);
	}
}

static void log_fields_json(struct buf *line, const struct log_field *fields)
{
	for (; fields && fields->name; fields++) {
		if (!fields->value)
			continue;
		if (line->len + strlen(fields->name) + 7 > LOG_LINE_BYTES_MAX - LINE_TAIL)
			return;
		buf_byte(line, ',');
		log_json(line, fields->name, strlen(fields->name));
		buf_byte(line, ':');
		log_json(line, fields->value, strlen(fields->value));
	}
}

static void log_vline(enum log_level level, const char *area, const struct log_field *fields,
		      const char *format, va_list args)
{
	char room[LINE_ROOM], message[LOG_LINE_BYTES_MAX];
	/* Never grows: all that is added is cut first. */
	struct buf line = { room, 0, sizeof(room) };
	int saved = errno;

	assert(level <= LOG_ERROR);
	assert(strlen(area) <= AREA_BYTES_MAX);
	vsnprintf(message, sizeof(message), format, args);
	if (atomic_load_explicit(&log_format_now, memory_order_relaxed) == LOG_JSON) {
		buf_literal(&line, "{\"ts\":\"");
		log_time(&line);
		buf_printf(&line,
			   "\",\"level\":\"%s\",\"area\":\"%s\",\"msg\":", level_names[level],
			   area);
		log_json(&line, message, strlen(message));
		log_fields_json(&line, fields);
		buf_byte(&line, '}');
	} else {
		log_time(&line);
		buf_printf(&line, " %s %s: ", level_names_human[level], area);
		log_plain(&line, message);
		log_fields_human(&line, fields);
	}
	buf_byte(&line, '\n');
	assert(line.ptr == room);
	assert(line.len <= LOG_LINE_BYTES_MAX);
	while (write(STDERR_FILENO, line.ptr, line.len) < 0 && errno == EINTR)
		;
	errno = saved;
}
