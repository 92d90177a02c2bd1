/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection by which a node sends what it decodes of its log (PostgreSQL documentation,
 * "Streaming Replication Protocol"): a temporary slot, which ends with the connection, whatever
 * ends that. On the loop's thread; no function waits.
 *
 *   CLOSED ──► DIALING ──► CONNECTING ──► CHECKING ──► IDENTIFYING ──► CREATING ──► STARTING
 *     ▲            │            │             │             │              │           │
 *     ├────────────┴────────────┴─────────────┴─────────────┴──────────────┘           ▼
 *     └──────────── an error, decoding_close, too long without an answer ◄──────── STREAMING
 *
 * CREATING waits on the server until all transactions have ended that run there, a minute for each
 * of them. The server ends a connection from which it hears nothing for 15 s.
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"
#include "base/text.h"
#include "pg/node.h"

#include <stdbool.h>
#include <stdint.h>

#define DECODING_NAME "cqrsd_feed" /* application_name, and the beginning of a slot's name */

struct decoding;
struct dial;
struct pg_conn;
struct pg_result;

enum decoding_state {
	DECODING_CLOSED,
	DECODING_DIALING,
	DECODING_CONNECTING,
	DECODING_CHECKING,
	DECODING_IDENTIFYING,
	DECODING_CREATING,
	DECODING_STARTING,
	DECODING_STREAMING,
	DECODING_STATES
};

/* None of them closes the decoding, but on_turn may. */
struct decoding_owner {
	/* The slot is there: what is sent begins behind lsn. The node is no standby. */
	void (*on_begun)(struct decoding *decoding, uint32_t timeline, uint64_t lsn);
	/* What one CopyData carries. False: it cannot be read, the decoding is closed. */
	bool (*on_message)(struct decoding *decoding, struct text message);
	/* Messages were handed over, all that there are for now. */
	void (*on_turn)(struct decoding *decoding);
	/* It has ended by itself. why: one line, borrowed for the call. */
	void (*on_closed)(struct decoding *decoding, const char *why);
};

struct decoding {
	const struct decoding_owner *owner;
	struct loop *loop;
	enum decoding_state state;
	/* Answers one row: what is wrong ("": nothing), the start of the postmaster in us, whether
	 * it is a standby, a number for the owner. Borrowed. */
	const char *check;
	const char *publication;
	int64_t checked;   /* that number, asked for before the slot was made */
	int64_t server_us; /* the only server it may lead to */
	uint32_t timeline;
	char slot[40];
	struct dial *dial;
	struct pg_conn *pgconn;
	struct pg_result *rows; /* of the answer under way */
	struct loop_watch watch;
	struct loop_timer timer;
	int64_t heard_us;
	bool unread; /* there is more than one turn has handed over */
};

/* check, publication: borrowed until decoding_fini. */
void decoding_init(struct decoding *decoding, struct loop *loop, const struct decoding_owner *owner,
		   const char *check, const char *publication);
/* Closes it; on_closed is not called. */
void decoding_fini(struct decoding *decoding);
/* It must be CLOSED. */
void decoding_open(struct decoding *decoding, const struct node *node, int64_t server_us);
/* on_closed is not called. */
void decoding_close(struct decoding *decoding);
/* While it is STREAMING: the message goes to the server, as CopyData. */
void decoding_send(struct decoding *decoding, struct text message);
