/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A libpq without a server, for unit tests: it takes the place of the real one when linked in. What
 * is sent is written down as words; the test says when it is answered, and with what.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fake_what { FAKE_ROWS, FAKE_ERROR, FAKE_COPY_OUT, FAKE_COPY_IN };

/* How statements are answered whose text begins like this. */
struct fake_answer {
	const char *text;
	enum fake_what what;
	unsigned times; /* 0: always */
	unsigned rows;
	const char *cell;  /* of each row's only column "x"; NULL: null */
	size_t cell_bytes; /* a cell as long as that, instead */
	const char *cells; /* of each row its own, "3,5,~"; ~: null */
	const char *sqlstate, *severity, *message, *context, *function, *position, *constraint;
};

/* What our own statements see, and how connecting goes. */
struct fake_server {
	bool in_recovery;
	uint64_t lsn, received, insert; /* received 0: NULL */
	uint32_t timeline;              /* of the walreceiver; 0: NULL */
	bool waits;                     /* which does not stream at the moment */
	bool unsent;                    /* there is no walreceiver: the timeline is told as 0 */
	bool stands;                    /* and redo is seen to wait */
	bool wrote, asynchronous;
	bool temporary;             /* sessions have made temporary tables */
	bool undoes;                /* a COMMIT says that it was a ROLLBACK */
	unsigned session_state;     /* what statements may leave in their session */
	int64_t clock_us, takes_us; /* takes_us: passes from one probe to the next */
	const char *sync_error;     /* SQLSTATE that the next Sync with a commit ends in */
	const char *sync_severity;  /* NULL: ERROR */
	const char *refuses;        /* message of a connect that fails */
	int64_t started_us;         /* of its postmaster */
	bool pooled;                /* a pooler tells numbers of its own: see fake_backend */
	bool unreachable;           /* a connect that fails gets no answer at all */
	bool hangs;                 /* connects are never done */
	const char *time_zone;
	int version;
	unsigned param_oid, column_oid; /* what descriptions say */
	unsigned uses,
		fails_at; /* calls that connect, send, flush or read; the failing one, 0: none */
};

extern struct fake_server fake_server;

/* Forgets all conns and answers. */
void fake_reset(void);
void fake_answer_with(struct fake_answer answer);

/* Conns are numbered in the order in which they were dialed; their backends from 100 on. */
unsigned fake_dialed(void);
bool fake_is_open(unsigned conn);
/* The number by which the server knows its backend; behind a pooler PQbackendPID gives another. */
int fake_backend(unsigned conn);
/* The value of a keyword it was dialed with; NULL. */
const char *fake_keyword(unsigned conn, const char *keyword);
/*
 * What was sent since the last time this was asked: "prepare:probe probe prepare:s1 s1(7) bound
 * sync"; statements with their values in parentheses, plain ones in brackets. Until the next call.
 */
const char *fake_sent(unsigned conn);
/* The OIDs of the last PREPARE that named any, "23 0". */
const char *fake_oids(unsigned conn);

/* A connect that hangs is over. */
void fake_welcome(unsigned conn);
/* The server answers everything that was sent. */
void fake_answer_all(unsigned conn);
/* Only that many messages. */
void fake_answer_some(unsigned conn, unsigned messages);
/* The conn breaks behind what was answered. */
void fake_lose(unsigned conn);
/* A statement that is prepared is not there any more. */
void fake_unprepare(unsigned conn, const char *name);

/* Counts a use of libpq that connects, sends, flushes or reads: is it the one that fails? It loses
 * the conn. */
bool fake_use_fails(bool *lost);
