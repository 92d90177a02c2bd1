/* SPDX-License-Identifier: Apache-2.0 */
/* Each read says how much it wants; the first that is refused refuses the message. */
#include "router/feed/pgoutput.h"

#include <assert.h>
#include <string.h>

#define OID_BYTES 4

struct pgoutput_bytes {
	const char *at, *end;
	bool wrong;
};

static struct pgoutput_bytes pgoutput_bytes_of(struct text text)
{
	return (struct pgoutput_bytes){ text.ptr, text.ptr + text.len, false };
}

static const char *pgoutput_take(struct pgoutput_bytes *bytes, size_t count)
{
	const char *at = bytes->at;

	if (bytes->wrong || (size_t)(bytes->end - bytes->at) < count) {
		bytes->wrong = true;
		return NULL;
	}
	bytes->at += count;
	return at;
}

static uint64_t pgoutput_number(struct pgoutput_bytes *bytes, unsigned count)
{
	const char *at = pgoutput_take(bytes, count);
	uint64_t number = 0;

	for (unsigned i = 0; at && i < count; i++)
		number = number << 8 | (unsigned char)at[i];
	return number;
}

static char pgoutput_byte(struct pgoutput_bytes *bytes)
{
	const char *at = pgoutput_take(bytes, 1);

	return at ? *at : '\0';
}

static struct text pgoutput_string(struct pgoutput_bytes *bytes)
{
	const char *begin = bytes->at;
	const char *nul = bytes->wrong ? NULL : memchr(begin, '\0', (size_t)(bytes->end - begin));

	if (!nul) {
		bytes->wrong = true;
		return (struct text){ NULL, 0 };
	}
	bytes->at = nul + 1;
	return (struct text){ begin, (size_t)(nul - begin) };
}

/* ptr NULL: not as a text. */
static struct text pgoutput_cell(struct pgoutput_bytes *bytes)
{
	char kind = pgoutput_byte(bytes);
	const char *at = NULL;
	uint64_t len = 0;

	if (kind == 't' || kind == 'b') {
		len = pgoutput_number(bytes, 4);
		at = pgoutput_take(bytes, len);
	} else if (kind != 'n' && kind != 'u') {
		bytes->wrong = true;
	}
	return kind == 't' && at ? (struct text){ at, len } : (struct text){ NULL, 0 };
}

/* Values of a row. */
static void pgoutput_tuple(struct pgoutput_bytes *bytes)
{
	uint64_t columns = pgoutput_number(bytes, 2);

	for (uint64_t i = 0; i < columns && !bytes->wrong; i++)
		(void)pgoutput_cell(bytes);
}

static void pgoutput_want(struct pgoutput_bytes *bytes, char byte)
{
	if (pgoutput_byte(bytes) != byte)
		bytes->wrong = true;
}

/* --- messages --------------------------------------------------------------------------------- */

static void pgoutput_begin(struct pgoutput_bytes *bytes, struct pgoutput_event *event)
{
	event->kind = PGOUTPUT_BEGIN;
	event->lsn = pgoutput_number(bytes, 8);
	(void)pgoutput_take(bytes, 8 + 4); /* when, and its xid */
}

static void pgoutput_commit(struct pgoutput_bytes *bytes, struct pgoutput_event *event)
{
	event->kind = PGOUTPUT_COMMIT;
	(void)pgoutput_take(bytes, 1 + 8); /* flags, and where its COMMIT begins */
	event->lsn = pgoutput_number(bytes, 8);
	(void)pgoutput_take(bytes, 8); /* when */
}

static void pgoutput_relations(struct pgoutput_bytes *bytes, struct pgoutput_event *event,
			       uint64_t count)
{
	const char *at = pgoutput_take(bytes, count * OID_BYTES);

	event->kind = PGOUTPUT_CHANGE;
	if (!at)
		return;
	event->relations = (struct text){ at, count * OID_BYTES };
	event->relations_count = (uint32_t)count;
}

static void pgoutput_insert(struct pgoutput_bytes *bytes, struct pgoutput_event *event)
{
	pgoutput_relations(bytes, event, 1);
	pgoutput_want(bytes, 'N');
	event->row.ptr = bytes->at;
	pgoutput_tuple(bytes);
	event->row.len = (size_t)(bytes->at - event->row.ptr);
}

static void pgoutput_update(struct pgoutput_bytes *bytes, struct pgoutput_event *event)
{
	char kind;

	pgoutput_relations(bytes, event, 1);
	kind = pgoutput_byte(bytes);
	if (kind == 'K' || kind == 'O') {
		pgoutput_tuple(bytes);
		kind = pgoutput_byte(bytes);
	}
	bytes->wrong = bytes->wrong || kind != 'N';
	pgoutput_tuple(bytes);
}

static void pgoutput_delete(struct pgoutput_bytes *bytes, struct pgoutput_event *event)
{
	char kind;

	pgoutput_relations(bytes, event, 1);
	kind = pgoutput_byte(bytes);
	bytes->wrong = bytes->wrong || (kind != 'K' && kind != 'O');
	pgoutput_tuple(bytes);
}

static void pgoutput_truncate(struct pgoutput_bytes *bytes, struct pgoutput_event *event)
{
	uint64_t count = pgoutput_number(bytes, 4);

	(void)pgoutput_byte(bytes); /* CASCADE, RESTART IDENTITY */
	pgoutput_relations(bytes, event, count);
}

static struct text pgoutput_named_column(struct pgoutput_bytes *bytes)
{
	struct text name;

	(void)pgoutput_byte(bytes); /* is it of the replica identity? */
	name = pgoutput_string(bytes);
	(void)pgoutput_take(bytes, OID_BYTES + 4); /* type and modifier */
	return name;
}

static void pgoutput_describes_relation(struct pgoutput_bytes *bytes, struct pgoutput_event *event)
{
	uint64_t columns;

	pgoutput_relations(bytes, event, 1);
	event->kind = PGOUTPUT_RELATION;
	event->schema = pgoutput_string(bytes);
	event->name = pgoutput_string(bytes);
	(void)pgoutput_byte(bytes); /* its replica identity */
	event->columns.ptr = bytes->at;
	columns = pgoutput_number(bytes, 2);
	for (uint64_t i = 0; i < columns && !bytes->wrong; i++)
		(void)pgoutput_named_column(bytes);
	event->columns.len = (size_t)(bytes->at - event->columns.ptr);
}

static void pgoutput_describes_type(struct pgoutput_bytes *bytes)
{
	(void)pgoutput_take(bytes, OID_BYTES);
	(void)pgoutput_string(bytes);
	(void)pgoutput_string(bytes);
}

static void pgoutput_origin(struct pgoutput_bytes *bytes)
{
	(void)pgoutput_take(bytes, 8);
	(void)pgoutput_string(bytes);
}

static void pgoutput_message(struct pgoutput_bytes *bytes)
{
	(void)pgoutput_take(bytes, 1 + 8);
	(void)pgoutput_string(bytes);
	(void)pgoutput_take(bytes, pgoutput_number(bytes, 4));
}

static void pgoutput_payload(struct pgoutput_bytes *bytes, struct pgoutput_event *event)
{
	switch (pgoutput_byte(bytes)) {
	case 'B':
		pgoutput_begin(bytes, event);
		break;
	case 'C':
		pgoutput_commit(bytes, event);
		break;
	case 'I':
		pgoutput_insert(bytes, event);
		break;
	case 'U':
		pgoutput_update(bytes, event);
		break;
	case 'D':
		pgoutput_delete(bytes, event);
		break;
	case 'T':
		pgoutput_truncate(bytes, event);
		break;
	case 'R':
		pgoutput_describes_relation(bytes, event);
		break;
	case 'Y':
		pgoutput_describes_type(bytes);
		break;
	case 'O':
		pgoutput_origin(bytes);
		break;
	case 'M':
		pgoutput_message(bytes);
		break;
	default:
		bytes->wrong = true;
	}
}

static void pgoutput_keepalive(struct pgoutput_bytes *bytes, struct pgoutput_event *event)
{
	event->kind = PGOUTPUT_KEEPALIVE;
	event->lsn = pgoutput_number(bytes, 8);
	(void)pgoutput_take(bytes, 8); /* the server's clock */
	event->wants_reply = pgoutput_byte(bytes) != 0;
}

bool pgoutput_read(struct text message, struct pgoutput_event *event)
{
	struct pgoutput_bytes bytes = pgoutput_bytes_of(message);

	*event = (struct pgoutput_event){ .kind = PGOUTPUT_NOTHING };
	switch (pgoutput_byte(&bytes)) {
	case 'w':
		/* Positions of the message in the log prove nothing of what lies before them. */
		(void)pgoutput_take(&bytes, 8 + 8 + 8);
		pgoutput_payload(&bytes, event);
		break;
	case 'k':
		pgoutput_keepalive(&bytes, event);
		break;
	default:
		return false;
	}
	return !bytes.wrong && bytes.at == bytes.end;
}

uint32_t pgoutput_relation(const struct pgoutput_event *event, uint32_t number)
{
	struct pgoutput_bytes bytes = {
		event->relations.ptr + (size_t)number * OID_BYTES,
		event->relations.ptr + event->relations.len,
		false,
	};

	assert(number < event->relations_count);
	return (uint32_t)pgoutput_number(&bytes, OID_BYTES);
}

/* --- columns ---------------------------------------------------------------------------------- */

uint16_t pgoutput_column(const struct pgoutput_event *event, const char *name)
{
	struct pgoutput_bytes bytes = pgoutput_bytes_of(event->columns);
	uint64_t columns = pgoutput_number(&bytes, 2);

	assert(event->kind == PGOUTPUT_RELATION);
	for (uint16_t i = 0; i < columns; i++)
		if (text_is(pgoutput_named_column(&bytes), name))
			return i;
	return UINT16_MAX;
}

struct text pgoutput_value(const struct pgoutput_event *event, uint16_t column)
{
	struct pgoutput_bytes bytes = pgoutput_bytes_of(event->row);
	uint64_t columns = pgoutput_number(&bytes, 2);

	assert(event->row.ptr);
	for (uint16_t i = 0; i < columns; i++) {
		struct text value = pgoutput_cell(&bytes);

		if (i == column)
			return value;
	}
	return (struct text){ NULL, 0 };
}

/* --- to the server ---------------------------------------------------------------------------- */

static char *pgoutput_put(char *out, uint64_t number)
{
	for (unsigned i = 0; i < 8; i++)
		out[i] = (char)(number >> (56 - 8 * i));
	return out + 8;
}

void pgoutput_write_status(char out[PGOUTPUT_STATUS_BYTES], uint64_t lsn, bool wants_reply)
{
	*out++ = 'r';
	out = pgoutput_put(out, lsn); /* written */
	out = pgoutput_put(out, lsn); /* flushed */
	out = pgoutput_put(out, lsn); /* applied */
	out = pgoutput_put(out, 0);   /* our clock: of no use there but to be shown */
	*out = (char)wants_reply;
}
