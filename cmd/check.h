/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the check verb share: what was found, one node being asked, and the texts that
 * are sent and shown.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "catalog/catalog.h"
#include "cmd/ask.h"
#include "pg/describe.h"

#include <stdbool.h>

/* What was found so far; lines go to stderr at once. */
struct findings {
	const char *catalog; /* the folder */
	unsigned errors, warnings, notes;
	bool usage;      /* a connection string could not be read */
	struct buf json; /* an object each, comma separated */
};

void findings_init(struct findings *findings, const char *catalog);
void findings_fini(struct findings *findings);
/* "file:line:col: error: …"; an error fails the check, the others do not. */
void findings_error(struct findings *findings, struct place place, const char *format, ...)
	printf_like(3, 4);
void findings_warning(struct findings *findings, struct place place, const char *format, ...)
	printf_like(3, 4);
void findings_note(struct findings *findings, struct place place, const char *format, ...)
	printf_like(3, 4);
/* Lines that the catalog or the rate limits made: "file:line:col: error: …", "error: …", and, which
 * does not fail the check, "file:line: warning: …", "file:line: note: …". */
void findings_lines(struct findings *findings, const struct buf *lines);
/* No line of the author's is to blame: "cqrsd check: …". Fails the check. */
void findings_trouble(struct findings *findings, const char *format, ...) printf_like(2, 3);

/* --- check_node.c: one node ------------------------------------------------------------------ */

struct check_node {
	struct asker asker;
	bool in_recovery;
	char cluster[64];  /* as it tells it, to be compared; "": it does not */
	uint64_t position; /* its own when it was opened */
};

enum check_answer {
	CHECK_FINE,
	CHECK_WRONG, /* it is among the findings */
	CHECK_MUTE,  /* the node gave no answer; it is among the findings */
};

/* False: it is among the findings. */
bool check_node_open(struct check_node *node, const char *conninfo,
		     struct findings *findings) must_check;
void check_node_close(struct check_node *node);
/* Waits a few seconds until the standby has replayed the position; false: it has not. */
bool check_node_reach(struct check_node *node, uint64_t position) must_check;

/* A statement of its own for this node, with the text and the types of the operation. */
void check_statement_init(struct statement *statement, const struct operation *operation);

/* Prepares and describes. */
enum check_answer check_describe(struct check_node *node, const struct operation *operation,
				 struct statement *statement, struct findings *findings) must_check;
/*
 * Plans the described statement, with its defaults: a default must be of its type, and a query may
 * hold neither ModifyTable nor LockRows.
 */
enum check_answer check_plan(struct check_node *node, const struct operation *operation,
			     struct statement *statement, struct findings *findings) must_check;

/* --- check_keys.c ---------------------------------------------------------------------------- */

/* A note when commands may come with a key and the primary keeps none; an error when one must. */
void check_keys(struct check_node *primary, const struct catalog *catalog,
		struct findings *findings);

/* --- check_rights.c -------------------------------------------------------------------------- */

/* A note for each right that the role lacks, with what it costs. */
void check_rights(struct check_node *primary, struct findings *findings);

/* --- check_schema.c -------------------------------------------------------------------------- */

/* Fails the check where the schema cqrsd is not all of one role's; a note where that is another. */
void check_schema(struct check_node *primary, struct findings *findings);

/* --- check_session_state.c -------------------------------------------------------------------- */

/* A warning about what no transaction ends: locks and settings of the session and the like. */
void check_session_state(struct check_node *node, const struct operation *operation,
			 struct findings *findings);

/* --- check_text.c: pure ---------------------------------------------------------------------- */

/* What PostgreSQL said, with the author's :name for each $1; in the arena. */
const char *check_message(struct arena *arena, const struct operation *operation,
			  const char *message) must_check;
/* Can the statement be planned by EXPLAIN? By its first word. */
bool check_is_planned(const char *text) must_check;
/* May a query be a statement with this first word? word: for the complaint. */
bool check_may_be_query(const char *text, struct text *word) must_check;
/*
 * EXPLAIN of the prepared statement, in the arena. starts[i]: the character (from 1) where the
 * value of parameter i begins.
 */
char *check_explain(struct arena *arena, const struct operation *operation, uint32_t statement_id,
		    unsigned *starts) must_check;
/* The parameter whose value holds that character of the text of check_explain; count: none. */
unsigned check_explain_param(const unsigned *starts, unsigned count,
			     unsigned char_position) must_check;
/* What a query may not do and this plan (EXPLAIN's JSON) would; NULL: nothing. */
const char *check_plan_forbids(struct text plan) must_check;
