/* SPDX-License-Identifier: Apache-2.0 */
/* A list of preferences, quoted strings and all; RFC 7240 section 2 has the grammar. */
#include "http/head/prefer.h"

#include "base/clock.h"
#include "http/head/date_time.h"
#include "http/head/seconds.h"

#include <string.h>

#define PREFER_WAIT_US_MAX (86400 * US_PER_S) /* what is longer is as good as this */

/* The first preference of a name counts, even when it is ignored. */
struct prefer {
	struct request *request;
	bool has_return, has_wait, has_replicas;
	const char *wrong; /* what a client relies on and cannot be read; NULL: nothing */
};

/* Takes what is before the next separator outside quotes off the front of the list. */
static struct text prefer_take(struct text *list, char separator)
{
	bool quoted = false;
	struct text element;
	size_t len = 0;

	for (; len < list->len; len++) {
		char c = list->ptr[len];

		if (c == separator && !quoted)
			break;
		if (c == '"')
			quoted = !quoted;
		else if (c == '\\' && quoted && len + 1 < list->len)
			len++;
	}
	element = text_trim((struct text){ list->ptr, len });
	len += len < list->len;
	list->ptr += len;
	list->len -= len;
	return element;
}

/* Without its quotes. What is escaped within stays so: no value that is known here needs it. */
static struct text prefer_unquote(struct text word)
{
	if (word.len < 2 || word.ptr[0] != '"' || word.ptr[word.len - 1] != '"')
		return word;
	return (struct text){ word.ptr + 1, word.len - 2 };
}

static bool prefer_is_digits(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	return text.len > 0;
}

static void prefer_take_wait(struct prefer *prefer, struct text value)
{
	int64_t us;

	if (prefer->has_wait)
		return;
	prefer->has_wait = true;
	if (seconds_parse(value, &us))
		prefer->request->prefer_wait_us = us;
	else if (prefer_is_digits(value))
		prefer->request->prefer_wait_us = PREFER_WAIT_US_MAX;
}

/* A number of NODES_MAX or more is kept as NODES_MAX: there are never so many replicas. */
static void prefer_take_replicas(struct prefer *prefer, struct text value)
{
	int count = 0;

	if (prefer->has_replicas || prefer->request->kind != REQUEST_COMMAND)
		return;
	prefer->has_replicas = true;
	if (!prefer_is_digits(value)) {
		prefer->wrong = "Prefer: wait-replicas takes a whole number of replicas";
		return;
	}
	for (size_t i = 0; i < value.len && count < NODES_MAX; i++)
		count = count * 10 + (value.ptr[i] - '0');
	prefer->request->prefer_replicas = count < NODES_MAX ? count : NODES_MAX;
}

static void prefer_take_not_before(struct prefer *prefer, struct text value)
{
	struct request *request = prefer->request;

	if (request->not_before.ptr || request->kind != REQUEST_COMMAND)
		return;
	request->not_before = arena_text(&request->arena, value);
	if (!date_time_is(value))
		prefer->wrong = "Prefer: not-before takes a time as RFC 3339 has it, in quotes: "
				"\"2026-12-01T00:00:00Z\"";
}

static void prefer_take_after_job(struct prefer *prefer, struct text value)
{
	struct request *request = prefer->request;

	if (!request->after_job.ptr && request->kind == REQUEST_QUERY)
		request->after_job = arena_text(&request->arena, value);
}

static void prefer_take_one(struct prefer *prefer, struct text preference)
{
	struct text value = preference, name = prefer_take(&value, '=');

	value = prefer_unquote(text_trim(value));
	if (text_is_caseless(name, "wait")) {
		prefer_take_wait(prefer, value);
	} else if (text_is_caseless(name, "wait-replicas")) {
		prefer_take_replicas(prefer, value);
	} else if (text_is_caseless(name, "respond-async") &&
		   prefer->request->respond == RESPOND_DONE) {
		prefer->request->respond = RESPOND_ASYNC;
	} else if (text_is_caseless(name, "not-before")) {
		prefer_take_not_before(prefer, value);
	} else if (text_is_caseless(name, "after-job")) {
		prefer_take_after_job(prefer, value);
	} else if (text_is_caseless(name, "return") && !prefer->has_return) {
		prefer->has_return = true;
		prefer->request->minimal = text_is_caseless(value, "minimal");
	}
}

bool prefer_read(const struct head *head, struct request *request)
{
	struct prefer prefer = { .request = request };

	for (size_t i = 0; i < head->count; i++) {
		struct text list = head->headers[i].value;

		if (!text_is_caseless(head->headers[i].name, "prefer"))
			continue;
		while (list.len) {
			struct text element = prefer_take(&list, ',');

			/* What follows are parameters: none is known. */
			prefer_take_one(&prefer, prefer_take(&element, ';'));
		}
	}
	if (prefer.wrong)
		(void)request_fail(request, OUTCOME_BAD_REQUEST, "%s", prefer.wrong);
	return !prefer.wrong;
}

static void prefer_separate(struct buf *out, size_t from)
{
	if (out->len > from)
		buf_literal(out, ", ");
}

/* As many decimals as it takes. */
static void prefer_seconds(struct buf *out, int64_t us)
{
	int64_t part = us % US_PER_S;

	buf_int(out, us / US_PER_S);
	if (part)
		buf_byte(out, '.');
	for (int64_t unit = US_PER_S / 10; part; unit /= 10) {
		buf_byte(out, (char)('0' + part / unit));
		part %= unit;
	}
}

/* It was found by this id, which is nothing but letters and digits. */
static void prefer_after_job(struct buf *out, struct text id)
{
	buf_literal(out, "after-job=");
	buf_text(out, id);
}

void prefer_applied(const struct request *request, struct buf *out)
{
	size_t from = out->len;
	int64_t wait_us = request_wait_until_us(request) - request->born_us;

	if (request_is_accepted(request))
		buf_literal(out, "respond-async");
	else if (request->kind == REQUEST_COMMAND && request->minimal &&
		 request->outcome == OUTCOME_OK)
		buf_literal(out, "return=minimal");
	else if (request->after_job.ptr && request->outcome == OUTCOME_OK)
		prefer_after_job(out, request->after_job);
	if (request->replicas_applied >= 0) {
		prefer_separate(out, from);
		buf_literal(out, "wait-replicas=");
		buf_int(out, request->replicas_applied);
	}
	if (request->wait_applied && request->prefer_wait_us >= 0) {
		prefer_separate(out, from);
		buf_literal(out, "wait=");
		prefer_seconds(out, wait_us);
	}
}
