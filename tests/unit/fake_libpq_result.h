/* SPDX-License-Identifier: Apache-2.0 */
/* A conn and a result of the fake libpq, as its own files see them. */
#pragma once

#include "fake_libpq.h"

#include <libpq-fe.h>

#define PREPARED_MAX 256
#define KEYWORDS_MAX 40
#define IS_LOOK(name) (!strcmp(name, "probe") || !strcmp(name, "bound") || !strcmp(name, "stands"))

enum message_kind { PREPARE, EXECUTE, PLAIN, DESCRIBE, SYNC, GREETING };

struct message {
	struct message *next;
	enum message_kind kind;
	char name[32], *text;
	bool answered, single_row, error_told;
	ExecStatusType status; /* PGRES_PIPELINE_ABORTED: not run */
	struct fake_answer answer;
	unsigned row;
};

struct pg_conn {
	int fd;
	bool open, lost, null_due, aborted, in_transaction, failed;
	char *keywords[KEYWORDS_MAX], *values[KEYWORDS_MAX], *prepared[PREPARED_MAX];
	char *texts[PREPARED_MAX], *sent, *sent_before, oids[256];
	struct message *first, **last;
	size_t sent_len;
};

struct pg_result {
	ExecStatusType status;
	struct fake_answer answer;
	unsigned rows, columns;
	bool is_own, own[5]; /* own: columns of our own statements that are not null */
	char cells[5][32];
	int lengths[5];
	char *long_cell;
};

/* The oldest message, which was answered in full. */
void conn_drop_message(struct pg_conn *conn);
/* The loop has something to read. */
void conn_wake(struct pg_conn *conn);
/* In the order of dialing. */
unsigned conn_number(const struct pg_conn *conn);
struct fake_answer error_with(const char *sqlstate);
