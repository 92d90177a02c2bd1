/* SPDX-License-Identifier: Apache-2.0 */
/* A state per part of the reply; each takes what it can from the bytes at hand. */
#include "bench/reply.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REPLY_LINE_BYTES_MAX 1024
#define REPLY_KEPT_WHEN_IDLE 4096

void reply_init(struct reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	buf_init(&reply->head);
	buf_init(&reply->body);
	reply_start(reply);
}

void reply_fini(struct reply *reply)
{
	buf_fini(&reply->head);
	buf_fini(&reply->body);
}

void reply_start(struct reply *reply)
{
	reply->state = REPLY_HEAD;
	reply->status = 0;
	reply->close = reply->chunked = false;
	reply->to_come = -1;
	reply->body_bytes = 0;
	reply->waited_us = -1;
	reply->served[0] = '\0';
	buf_clear(&reply->head);
	buf_clear(&reply->body);
	if (reply->body.room > REPLY_KEPT_WHEN_IDLE)
		buf_fini(&reply->body);
}

/* The value of name=value among the parts of a Consistency header. */
static struct text reply_part(struct text header, struct text name)
{
	const char *end = header.ptr + header.len;
	const char *at = memmem(header.ptr, header.len, name.ptr, name.len);
	const char *stop;

	if (!at)
		return (struct text){ NULL, 0 };
	at += name.len;
	stop = memchr(at, ';', (size_t)(end - at));
	return (struct text){ at, (size_t)((stop ? stop : end) - at) };
}

static void reply_consistency(struct reply *reply, struct text value)
{
	struct text role = reply_part(value, TEXT(";role="));
	struct text reason = reply_part(value, TEXT(";reason="));
	struct text waited = reply_part(value, TEXT(";waited="));
	char number[32];

	if (role.ptr && reason.ptr && role.len + reason.len + 2 <= sizeof(reply->served)) {
		memcpy(reply->served, role.ptr, role.len);
		reply->served[role.len] = '/';
		memcpy(reply->served + role.len + 1, reason.ptr, reason.len);
		reply->served[role.len + 1 + reason.len] = '\0';
	}
	if (waited.ptr && waited.len < sizeof(number)) {
		memcpy(number, waited.ptr, waited.len);
		number[waited.len] = '\0';
		reply->waited_us = (int64_t)(strtod(number, NULL) * 1e6 + 0.5);
	}
}

static bool reply_name_is(struct text line, struct text name)
{
	return line.len > name.len && strncasecmp(line.ptr, name.ptr, name.len) == 0;
}

static struct text reply_value(struct text line, size_t name_len)
{
	struct text value = { line.ptr + name_len, line.len - name_len };

	while (value.len && (*value.ptr == ' ' || *value.ptr == '\t'))
		value = (struct text){ value.ptr + 1, value.len - 1 };
	return value;
}

/* Digits of a base; false: none, or something else. */
static bool reply_number(struct text text, int base, int64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : 99;

		if (digit >= base || *number > INT64_MAX / 32)
			return false;
		*number = *number * base + digit;
	}
	return text.len > 0;
}

static bool reply_header(struct reply *reply, struct text line)
{
	struct text value;

	if (reply_name_is(line, TEXT("Content-Length:"))) {
		value = reply_value(line, sizeof("Content-Length:") - 1);
		return reply_number(value, 10, &reply->to_come);
	}
	if (reply_name_is(line, TEXT("Transfer-Encoding:"))) {
		value = reply_value(line, sizeof("Transfer-Encoding:") - 1);
		reply->chunked = value.len == 7 && strncasecmp(value.ptr, "chunked", 7) == 0;
		return reply->chunked;
	}
	if (reply_name_is(line, TEXT("Connection:"))) {
		value = reply_value(line, sizeof("Connection:") - 1);
		reply->close = value.len == 5 && strncasecmp(value.ptr, "close", 5) == 0;
	}
	if (reply_name_is(line, TEXT("Consistency:")))
		reply_consistency(reply, reply_value(line, sizeof("Consistency:") - 1));
	return true;
}

static bool reply_status_line(struct reply *reply, struct text line)
{
	int64_t status;

	if (line.len < 12 || memcmp(line.ptr, "HTTP/1.", 7) != 0 || line.ptr[8] != ' ')
		return false;
	reply->close = line.ptr[7] == '0';
	if (!reply_number((struct text){ line.ptr + 9, 3 }, 10, &status) || status < 100)
		return false;
	reply->status = (int)status;
	return true;
}

static enum reply_state reply_after_head(const struct reply *reply)
{
	if (reply->status == 204 || reply->status == 304 || reply->to_come == 0)
		return REPLY_DONE;
	if (reply->chunked)
		return REPLY_CHUNK_SIZE;
	return reply->to_come > 0 ? REPLY_COUNTED : REPLY_UNTIL_CLOSED;
}

/* The head is complete, with its empty line. */
static void reply_read_head(struct reply *reply)
{
	const char *at = reply->head.ptr, *end = at + reply->head.len;
	bool fine = true;

	for (bool first = true; fine; first = false) {
		const char *stop = memmem(at, (size_t)(end - at), "\r\n", 2);
		struct text line;

		assert(stop);
		line = (struct text){ at, (size_t)(stop - at) };
		at = stop + 2;
		if (!line.len)
			break;
		fine = first ? reply_status_line(reply, line) : reply_header(reply, line);
	}
	buf_clear(&reply->head);
	if (!fine)
		reply->state = REPLY_BAD;
	else if (reply->status < 200)
		reply_start(reply);
	else
		reply->state = reply_after_head(reply);
}

/* Gathers bytes up to and with the mark. Returns how many were taken. */
static size_t reply_gather(struct reply *reply, const char *ptr, size_t len, struct text mark,
			   size_t bytes_max, bool *found)
{
	size_t before = reply->head.len, from, taken;
	const char *at;

	buf_add(&reply->head, ptr, len);
	from = before >= mark.len ? before - mark.len + 1 : 0;
	at = memmem(reply->head.ptr + from, reply->head.len - from, mark.ptr, mark.len);
	*found = at != NULL;
	if (at)
		reply->head.len = (size_t)(at - reply->head.ptr) + mark.len;
	taken = reply->head.len - before;
	if (reply->head.len > bytes_max)
		reply->state = REPLY_BAD;
	return taken;
}

static size_t reply_take_head(struct reply *reply, const char *ptr, size_t len)
{
	bool found;
	size_t taken =
		reply_gather(reply, ptr, len, TEXT("\r\n\r\n"), REPLY_HEAD_BYTES_MAX, &found);

	if (found && reply->state != REPLY_BAD)
		reply_read_head(reply);
	return taken;
}

/* A line between chunks: a size, the end of a chunk, or a trailer. */
static size_t reply_take_line(struct reply *reply, const char *ptr, size_t len)
{
	bool found;
	size_t taken = reply_gather(reply, ptr, len, TEXT("\r\n"), REPLY_LINE_BYTES_MAX, &found);
	struct text line = { reply->head.ptr, reply->head.len - 2 };

	if (!found || reply->state == REPLY_BAD)
		return taken;
	buf_clear(&reply->head);
	if (reply->state == REPLY_CHUNK_SIZE) {
		const char *extension = memchr(line.ptr, ';', line.len);

		if (extension)
			line.len = (size_t)(extension - line.ptr);
		if (!reply_number(line, 16, &reply->to_come))
			reply->state = REPLY_BAD;
		else
			reply->state = reply->to_come ? REPLY_CHUNK : REPLY_TRAILER;
	} else if (reply->state == REPLY_CHUNK_END) {
		reply->state = line.len ? REPLY_BAD : REPLY_CHUNK_SIZE;
	} else if (!line.len) {
		reply->state = REPLY_DONE;
	}
	return taken;
}

static size_t reply_take_body(struct reply *reply, const char *ptr, size_t len)
{
	size_t room = REPLY_BODY_BYTES_KEPT - reply->body.len;

	if (reply->state != REPLY_UNTIL_CLOSED && (int64_t)len > reply->to_come)
		len = (size_t)reply->to_come;
	buf_add(&reply->body, ptr, len < room ? len : room);
	reply->body_bytes += (int64_t)len;
	if (reply->state == REPLY_UNTIL_CLOSED)
		return len;
	reply->to_come -= (int64_t)len;
	if (!reply->to_come)
		reply->state = reply->state == REPLY_CHUNK ? REPLY_CHUNK_END : REPLY_DONE;
	return len;
}

static size_t reply_take(struct reply *reply, const char *ptr, size_t len)
{
	switch (reply->state) {
	case REPLY_HEAD:
		return reply_take_head(reply, ptr, len);
	case REPLY_CHUNK_SIZE:
	case REPLY_CHUNK_END:
	case REPLY_TRAILER:
		return reply_take_line(reply, ptr, len);
	case REPLY_COUNTED:
	case REPLY_CHUNK:
	case REPLY_UNTIL_CLOSED:
		return reply_take_body(reply, ptr, len);
	case REPLY_DONE:
		reply->state = REPLY_BAD;
		return 0;
	case REPLY_BAD:
		return 0;
	}
	assert(!"a state of a reply");
	return 0;
}

void reply_feed(struct reply *reply, const char *ptr, size_t len)
{
	while (len && reply->state != REPLY_BAD) {
		size_t taken = reply_take(reply, ptr, len);

		ptr += taken;
		len -= taken;
	}
}

void reply_ended(struct reply *reply)
{
	if (reply->state == REPLY_UNTIL_CLOSED)
		reply->state = REPLY_DONE;
	else if (reply->state != REPLY_DONE)
		reply->state = REPLY_BAD;
	reply->close = true;
}

struct text reply_code(const struct reply *reply)
{
	struct text key = TEXT("\"code\":\"");
	struct text none = { NULL, 0 };
	const char *at, *stop, *end;

	if (!reply->body.len)
		return none;
	end = reply->body.ptr + reply->body.len;
	at = memmem(reply->body.ptr, reply->body.len, key.ptr, key.len);
	if (!at)
		return none;
	at += key.len;
	stop = memchr(at, '"', (size_t)(end - at));
	return stop && stop > at ? (struct text){ at, (size_t)(stop - at) } : none;
}
