/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An operation while its text is read: what its header, options and parameters said so far, and
 * where they said it. Only files of catalog/ include this.
 *
 *   header ─► description, options, @param ─► statement ─► finish      (header.c options.c params.c
 *                                                                        statement.c draft.c)
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "catalog/lexer.h"
#include "catalog/source.h"
#include "catalog/words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRAFT_OPTIONS_MAX 32

struct draft_param {
	struct parameter parameter;
	size_t at; /* of its declaration, or of its first use */
	bool used;
};

/* A :name in the statement. */
struct draft_use {
	size_t start, end; /* byte offsets */
	unsigned param;
};

enum draft_bracket { BRACKET_PAREN, BRACKET_LIST, BRACKET_SUBSCRIPT };

struct draft {
	struct source *source;
	struct arena *arena; /* the catalog's: for what stays */
	struct buf *not_yet; /* notes on options whose machinery is not there yet */
	struct operation operation;
	size_t header_at;
	struct buf description;

	size_t options_at[DRAFT_OPTIONS_MAX]; /* by row of the table; SIZE_MAX: not given */
	struct cut groups;                    /* of @tags or @invalidates, in the source */
	bool vary_given;                      /* @cache … vary= */

	struct draft_param params[PARAMS_MAX];
	unsigned params_count;
	bool declares; /* there was a @param */

	/* The statement. */
	bool begun, ended; /* its first token was seen; its semicolon was seen */
	bool second_reported;
	size_t sql_start, sql_end;
	struct draft_use *uses;
	unsigned uses_count, uses_room;
	struct token last; /* the token before, comments left out */
	unsigned char brackets[BRACKETS_MAX];
	unsigned depth;
};

/* header.c */

/* Does a comment (without its dashes) begin an operation, or is it meant to? */
bool header_is(struct text comment) must_check;
/* Reads it; what is wrong is complained about, and the draft goes on with what could be read. */
void header_read(struct draft *draft, size_t comment_at, struct text comment);

/* options.c */

/* The comment begins with @ and a known option. */
bool option_is_known(struct text comment) must_check;
/* comment begins with @; comment_at: its byte offset. */
void option_read(struct draft *draft, size_t comment_at, struct text comment);
void options_init(struct draft *draft);
/* What only all options and parameters together can tell. */
void options_finish(struct draft *draft);

/* params.c */

/* What follows "@param". */
void param_read(struct draft *draft, size_t at, struct text text);
/* The parameter that :name in the statement means; PARAMS_MAX: none, it was complained about. */
unsigned param_use(struct draft *draft, size_t at, struct text name) must_check;
bool param_is_declared(const struct draft *draft, struct text name) must_check;
/* Declared ones that were not used. */
void params_finish(struct draft *draft);
/* Offers every parameter's name. */
struct text param_nearest(const struct draft *draft, struct text name);

/* statement.c */

/* A token of the statement; no comment, no semicolon. */
void statement_token(struct draft *draft, const struct token *token);
/* The text with $1, $2, …, its parameters and their places. */
void statement_finish(struct draft *draft);

/* draft.c */

/* Ends the draft; the operation is of use only when nothing was complained about. */
void draft_finish(struct draft *draft, struct operation *operation);
void draft_init(struct draft *draft, struct source *source, struct arena *arena,
		struct buf *not_yet);
void draft_fini(struct draft *draft);
