/* SPDX-License-Identifier: Apache-2.0 */
/* What a check found: lines for people at once, objects for machines at the end. */
#include "cmd/check_findings.h"

#include "base/log.h"
#include "catalog/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void findings_init(struct findings *findings, const char *verb, const char *catalog)
{
	*findings = (struct findings){ .verb = verb, .catalog = catalog };
	buf_init(&findings->json);
}

void findings_fini(struct findings *findings)
{
	buf_fini(&findings->json);
}

static void findings_add(struct findings *findings, const char *kind, struct place place,
			 struct text message)
{
	struct buf *json = &findings->json;

	if (json->len > 0)
		buf_byte(json, ',');
	buf_printf(json, "{\"kind\":\"%s\"", kind);
	if (place.file) {
		buf_literal(json, ",\"file\":");
		buf_json_string(json, place.file, strlen(place.file));
	}
	if (place.line)
		buf_printf(json, ",\"line\":%u", place.line);
	if (place.column)
		buf_printf(json, ",\"column\":%u", place.column);
	buf_literal(json, ",\"message\":");
	buf_json_string(json, message.ptr, message.len);
	buf_byte(json, '}');
	if (!strcmp(kind, "error"))
		findings->errors++;
	else if (!strcmp(kind, "warning"))
		findings->warnings++;
	else
		findings->notes++;
}

static void findings_say(struct findings *findings, const char *kind, struct place place,
			 const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void findings_say(struct findings *findings, const char *kind, struct place place,
			 const char *format, va_list args)
{
	struct buf message;

	buf_init(&message);
	buf_vprintf(&message, format, args);
	if (findings->quiet)
		;
	else if (findings->logged)
		log_warn(findings->verb, "%s%s%.*s", place.file ? place.file : "",
			 place.file ? ": " : "", (int)message.len, message.ptr);
	else if (place.file)
		fprintf(stderr, "%s:%u:%u: %s: %.*s\n", place.file, place.line, place.column, kind,
			(int)message.len, message.ptr);
	else
		fprintf(stderr, "cqrsd %s: %.*s\n", findings->verb, (int)message.len, message.ptr);
	findings_add(findings, kind, place, (struct text){ message.ptr, message.len });
	buf_fini(&message);
}

void findings_error(struct findings *findings, struct place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	findings_say(findings, "error", place, format, args);
	va_end(args);
}

void findings_warning(struct findings *findings, struct place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	findings_say(findings, "warning", place, format, args);
	va_end(args);
}

void findings_note(struct findings *findings, struct place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	findings_say(findings, "note", place, format, args);
	va_end(args);
}

void findings_trouble(struct findings *findings, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	findings->troubles++;
	findings_say(findings, "error", (struct place){ 0 }, format, args);
	va_end(args);
}

void findings_unasked(struct findings *findings, const char *node, const char *subject,
		      const struct call *call)
{
	if (call->end == CALL_ERROR)
		findings_warning(findings, (struct place){ 0 },
				 "%s: %s could not be asked for, so nothing is known of it: %s "
				 "(SQLSTATE %s)",
				 node, subject, call->error.message, call->error.sqlstate);
}

/* Takes ":12" off the end of a text; 0: there is none. */
static unsigned findings_number(struct text *text)
{
	const char *colon = text->len ? memrchr(text->ptr, ':', text->len) : NULL;
	size_t before = colon ? (size_t)(colon - text->ptr) : 0;
	uint64_t number;

	if (!colon ||
	    !text_number((struct text){ colon + 1, text->len - before - 1 }, UINT32_MAX, &number))
		return 0;
	text->len = before;
	return (unsigned)number;
}

static void findings_line(struct findings *findings, struct text line)
{
	static const char *const kinds[] = { "error", "warning", "note" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char mark[16];
		int len = snprintf(mark, sizeof(mark), ": %s: ", kinds[i]);
		const char *found = memmem(line.ptr, line.len, mark, (size_t)len);
		struct text file, message;
		unsigned last, first;
		struct buf name;

		if (!found)
			continue;
		file = (struct text){ line.ptr, (size_t)(found - line.ptr) };
		message = (struct text){ found + len, line.len - file.len - (size_t)len };
		last = findings_number(&file);
		first = findings_number(&file);
		buf_init(&name);
		buf_text(&name, file);
		buf_byte(&name, 0);
		findings_add(findings, kinds[i],
			     (struct place){ name.ptr, first ? first : last, first ? last : 0 },
			     message);
		buf_fini(&name);
		return;
	}
	findings_add(findings, "error", (struct place){ 0 }, line);
}

void findings_lines(struct findings *findings, const struct buf *lines)
{
	const char *ptr = lines->ptr, *end = ptr ? ptr + lines->len : NULL;

	while (ptr < end) {
		const char *newline = memchr(ptr, '\n', (size_t)(end - ptr));
		size_t len = (size_t)((newline ? newline : end) - ptr);

		fprintf(stderr, "%.*s\n", (int)len, ptr);
		findings_line(findings, (struct text){ ptr, len });
		ptr += len + 1;
	}
}
