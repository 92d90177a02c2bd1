/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An operation while its text is read: what its header, options and parameters said so far, and
 * where they said it. Only files of catalog/ include this: catalog/file.c begins and ends a draft,
 * header.c, options.c, params.c and statement.c fill it.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "catalog/lexer.h"
#include "catalog/source.h"
#include "catalog/words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRAFT_OPTIONS_MAX 40

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

/* @lookup by PARAM, and the first :PARAM and :PARAMs of the statement; SIZE_MAX: there is none. */
struct draft_lookup {
	struct cut by; /* ptr NULL: it was not given */
	size_t placeholder_at, plural_at;
};

enum draft_bracket { BRACKET_PAREN, BRACKET_LIST, BRACKET_SUBSCRIPT };

/*
 * Which part of the operation is being read.
 *
 *   HEAD ──first token──► STATEMENT ──";"──► ENDED ──a token──► SECOND
 */
enum draft_part {
	DRAFT_HEAD,      /* description, options, parameters */
	DRAFT_STATEMENT, /* from its first token on */
	DRAFT_ENDED,     /* its semicolon was seen */
	DRAFT_SECOND,    /* a second statement was seen, and complained about */
};

struct draft {
	enum draft_part part;
	struct source *source;
	struct arena *arena; /* the catalog's: for what stays */
	struct buf *notes;   /* on options that have no effect */
	struct operation operation;
	size_t header_at;
	const char *foreign; /* the tool whose header it has (catalog/foreign.h); NULL: ours */
	size_t foreign_end;  /* of the first half of :v:x (catalog/foreign_params.h); 0: none */
	struct buf description;

	size_t options_at[DRAFT_OPTIONS_MAX]; /* by row of the table; SIZE_MAX: not given */
	struct cut groups;                    /* of @tags or @invalidates, in the source */
	struct draft_lookup lookup;
	struct cut refreshes[OPERATION_REFRESHES_MAX];
	unsigned refreshes_count;
	struct cut example;  /* @example; its text is the operation's */
	struct cut order_by; /* @order-by; ptr NULL: it was not given */
	size_t schedule_at;  /* of the value of @every or @cron */

	struct draft_param params[PARAMS_MAX];
	unsigned params_count;
	bool declares; /* there was a @param */

	/* The statement. */
	size_t sql_start, sql_end;
	struct draft_use *uses;
	unsigned uses_count, uses_room;
	struct token last; /* the token before, comments left out */
	unsigned char brackets[BRACKETS_MAX];
	unsigned depth;
};
