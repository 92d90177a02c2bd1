/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log (--audit-log): a JSON line for each command, refusal and change of keys and jobs:
 * who asked for what on whose behalf, and what came of it; never a value of a parameter. A loop
 * only puts the line into its ring; a thread of its own writes the file, so that a slow disk blocks
 * no loop. What cannot be written is tried again each second; a line for which a full ring has no
 * room is dropped and counted, and the file says how many there were (event "dropped").
 */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audit;
struct audit_queue; /* one thread puts in */

struct audit_entry {
	const char *event;        /* "command", "refusal", "job-cancel", "keys-revoke" */
	struct text caller;       /* the id of the principal; ptr NULL: it has none */
	struct text address;      /* of the client; ptr NULL: not known */
	struct text certificate;  /* by which it is known to a proxy; ptr NULL: none */
	struct text user;         /* on whose behalf; ptr NULL: none */
	struct text operation;    /* ptr NULL: none */
	struct text job;          /* the id of a job: accepted, cancelled; ptr NULL: none */
	struct text key, new_key; /* the id of an API key that was changed, made; ptr NULL: none */
	const char *code;         /* what came of it */
	unsigned long changed;    /* jobs or commands; 0: none, or it is not of them */
	unsigned status;          /* 0: it was no HTTP request */
	bool replayed;            /* the stored answer of an earlier command */
	const char *request_id;   /* NULL: none */
};

/*
 * The file is appended to, or made with mode 0600; a warning is logged where others can read it.
 * NULL: error says why.
 */
struct audit *audit_open(const char *path, char *error, size_t error_room) must_check;
/* The file was moved away: goes on in a new one of its name, or says in the log why not. Main
 * thread. */
void audit_reopen(struct audit *audit);

/* Before audit_start. It lives as long as the audit. */
struct audit_queue *audit_queue_new(struct audit *audit) must_check;
/* From now on the file is written. */
void audit_start(struct audit *audit);

/* Never waits. False: it was dropped. */
bool audit_note(struct audit_queue *queue, const struct audit_entry *entry) must_check;

/* The process is about to end at once: gives the thread a moment (0.2 s) for what is there. */
void audit_settle(struct audit *audit);
/* No thread puts in any more: writes what is left, if it can, and frees. */
void audit_close(struct audit *audit);
