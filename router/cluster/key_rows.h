/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of API keys as SQL gives it: the statements, and the head of their answer. The lines
 * behind it are read by those whom the monitor tells (struct key_events); here they are text.
 */
#pragma once

#include "base/check.h"
#include "base/statement.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* A key as a line: id, hash, attributes. Of a row k of cqrsd.api_key, as an expression. */
/* clang-format off */
#define KEY_ROWS_UTC(column) \
	"to_char(k." column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
#define KEY_ROWS_LINE \
	"concat_ws(' ', k.id, 'sha256:' || encode(k.hash, 'hex'), 'name=' || k.name," \
	" 'roles=' || nullif(array_to_string(k.roles, ','), ''), 'acts-for=' || k.acts_for," \
	" 'created=' || " KEY_ROWS_UTC("created_at") "," \
	" 'expires=' || " KEY_ROWS_UTC("expires_at") "," \
	" 'revoked=' || " KEY_ROWS_UTC("revoked_at") "," \
	" 'replaced-by=' || k.replaced_by, 'last-used=' || to_char(k.last_used, 'YYYY-MM-DD'))"
/* clang-format on */

struct json;

enum key_question {
	KEYS_ACCESS, /* is there a table, and may the role read it? */
	KEYS_HEAD,   /* did anything change? For a role that may not read the keys */
	KEYS_ROWS,   /* the same, and the keys if they are others than those of $1 */
	KEY_QUESTIONS
};

/* The texts of the first two, for whom asks without a pool of the monitor. */
extern const char key_rows_access_text[], key_rows_head_text[];

/* Described already; params of KEYS_ROWS: 1, the mark that is known. */
void key_rows_init(struct statement statements[KEY_QUESTIONS]);
void key_rows_fini(struct statement statements[KEY_QUESTIONS]);

enum key_access {
	KEY_ACCESS_UNKNOWN, /* not asked yet */
	KEY_ACCESS_MISSING, /* the schema has no keys yet */
	KEY_ACCESS_REFUSED, /* it has, and the role may not even see whether there ever was one */
	KEY_ACCESS_HEAD,    /* KEYS_HEAD may be asked */
	KEY_ACCESS_ROWS,    /* KEYS_ROWS, too */
};

#define KEY_MARK_BYTES 40

/* An answer of KEYS_HEAD or KEYS_ROWS. */
struct key_answer {
	bool in_recovery;
	int64_t replayed_us; /* how old, by its clock, what it replayed last is; -1: not known */
	int64_t changes;     /* 0: there never was a key */
	char mark[KEY_MARK_BYTES]; /* differs after each change */
	struct text lines;         /* ptr NULL: none came, as the mark is the one that was known */
	struct json *document;     /* that holds the lines */
};

/* row: a JSON object as pg/ encodes it, with one member. False: not what the statement answers. */
bool key_rows_read_access(struct text row, enum key_access *access) must_check;
/* To be followed by key_answer_fini where it is true. */
bool key_rows_read(struct text row, struct key_answer *answer) must_check;
void key_answer_fini(struct key_answer *answer);
