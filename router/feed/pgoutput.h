/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a walsender that decodes by the plugin pgoutput sends, message by message (PostgreSQL
 * documentation, "Streaming Replication Protocol" and "Logical Replication Message Formats",
 * protocol version 1): bytes in, one event out. Pure. Reads each message to its end, and nothing
 * behind it: what is cut short, or longer than it says, is refused.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pgoutput_kind {
	PGOUTPUT_NOTHING,  /* of no meaning here: types, origins, messages */
	PGOUTPUT_RELATION, /* what a relation is called, before the first change of it */
	/* lsn: all that lies before it was decoded, and sent as far as it is to be sent */
	PGOUTPUT_KEEPALIVE,
	PGOUTPUT_BEGIN,  /* a transaction follows, whole, whose COMMIT is at lsn */
	PGOUTPUT_CHANGE, /* relations that it changed */
	PGOUTPUT_COMMIT, /* its end; lsn: behind its COMMIT */
};

struct pgoutput_event {
	enum pgoutput_kind kind;
	uint64_t lsn;
	bool wants_reply; /* of a keepalive */
	uint32_t relations_count;
	struct text relations;             /* their oids, as they were sent; of the message */
	struct text schema, name, columns; /* of a PGOUTPUT_RELATION; columns as they were sent */
	struct text row;                   /* that was inserted, as it was sent; else ptr NULL */
};

/* message: what one CopyData carries. False: not a message of that protocol. */
bool pgoutput_read(struct text message, struct pgoutput_event *event) must_check;
/* The oid of one of them. */
uint32_t pgoutput_relation(const struct pgoutput_event *event, uint32_t number);

/* Of a PGOUTPUT_RELATION: which of its columns that is; UINT16_MAX: it has none of that name. */
uint16_t pgoutput_column(const struct pgoutput_event *event, const char *name) must_check;
/* Of a row: that column as a text of the message; ptr NULL: it is null, or there is none. */
struct text pgoutput_value(const struct pgoutput_event *event, uint16_t column) must_check;

#define PGOUTPUT_STATUS_BYTES 34

/* Writes a standby status update: all before lsn is done with. */
void pgoutput_write_status(char out[PGOUTPUT_STATUS_BYTES], uint64_t lsn, bool wants_reply);
