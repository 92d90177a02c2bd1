/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file: its tokens, in turn, go to the operation they belong to.
 *
 *   outside ──header──► head (description, options) ──first token──► body ──";"──► outside
 *                        └──────────────────── header, end of file ───┘
 */
#include "catalog/loading.h"

#include "base/log.h"
#include "catalog/draft.h"
#include "catalog/foreign.h"
#include "catalog/header.h"
#include "catalog/options.h"
#include "catalog/params.h"
#include "catalog/statement.h"

#include <stdlib.h>

struct file {
	struct loading *loading;
	struct source source;
	struct draft draft;
	bool open;             /* a draft is begun */
	bool outside_reported; /* SQL before any header was complained about */
};

static void draft_init(struct draft *draft, struct source *source, struct arena *arena,
		       struct buf *notes)
{
	*draft = (struct draft){ .source = source, .arena = arena, .notes = notes };
	draft->operation.statement = arena_zero(arena, 1, sizeof(struct statement));
	buf_init(&draft->description);
	options_init(draft);
}

static void draft_fini(struct draft *draft)
{
	buf_fini(&draft->description);
	free(draft->uses);
}

/* Without empty lines at either end. */
static const char *draft_description(struct draft *draft)
{
	struct cut cut = { { draft->description.ptr, draft->description.len }, 0 };

	if (cut.text.len == 0)
		return "";
	cut = cut_trim(cut);
	return arena_copy(draft->arena, cut.text.ptr, cut.text.len);
}

/* The operation is of use only when nothing was complained about. */
static void draft_finish(struct draft *draft, struct operation *operation)
{
	draft->operation.place = source_place(draft->source, draft->header_at);
	draft->operation.description = draft_description(draft);
	statement_finish(draft);
	if (draft->part != DRAFT_HEAD)
		params_finish(draft);
	options_finish(draft);
	*operation = draft->operation;
}

static struct operation *file_operation(struct loading *loading)
{
	if (loading->count == loading->room) {
		loading->room = loading->room ? 2 * loading->room : 64;
		loading->operations = reallocarray(loading->operations, loading->room,
						   sizeof(*loading->operations));
		if (!loading->operations)
			log_fatal("catalog", "out of memory");
	}
	return &loading->operations[loading->count++];
}

static void file_close(struct file *file)
{
	struct loading *loading = file->loading;

	if (!file->open)
		return;
	file->open = false;
	if (loading->count < OPERATIONS_MAX)
		draft_finish(&file->draft, file_operation(loading));
	else
		source_error(&file->source, file->draft.header_at,
			     "the catalog has more than %d operations", OPERATIONS_MAX);
	draft_fini(&file->draft);
}

static void file_begin(struct file *file, size_t header_at)
{
	file_close(file);
	draft_init(&file->draft, &file->source, &file->loading->arena, &file->loading->notes);
	file->draft.header_at = header_at;
	file->open = true;
}

/* True: it is a header of another tool, which was complained about. */
static bool file_foreign(struct file *file, const struct token *token, struct text comment)
{
	bool outside = !file->open || file->draft.part >= DRAFT_ENDED || file->draft.foreign;
	struct foreign foreign;

	if (!foreign_is(&file->source, (struct cut){ comment, token->start + 2 }, token->end,
			outside, &foreign))
		return false;
	file_begin(file, token->start);
	foreign_read(&file->draft, &foreign, token->end);
	return true;
}

/* A line of the description, without one space behind the dashes. */
static void file_describe(struct draft *draft, struct text comment)
{
	if (comment.len > 0 && comment.ptr[0] == ' ') {
		comment.ptr++;
		comment.len--;
	}
	while (comment.len > 0 && lexer_is_space(comment.ptr[comment.len - 1]))
		comment.len--;
	buf_text(&draft->description, comment);
	buf_byte(&draft->description, '\n');
}

static void file_comment(struct file *file, const struct token *token)
{
	struct text comment = { file->source.text.ptr + token->start + 2,
				token->end - token->start - 2 };
	bool in_head = file->open && file->draft.part == DRAFT_HEAD;
	struct cut trimmed = cut_trim((struct cut){ comment, token->start + 2 });

	if (!token->first_on_line)
		return;
	if (file_foreign(file, token, comment))
		return;
	if (header_is(comment)) {
		file_begin(file, token->start);
		header_read(&file->draft, token->start + 2, comment);
	} else if (in_head && trimmed.text.len > 0 && trimmed.text.ptr[0] == '@') {
		option_read(&file->draft, trimmed.at, trimmed.text);
	} else if (in_head) {
		file_describe(&file->draft, comment);
	} else if (option_is_known(comment)) {
		source_error(
			&file->source, trimmed.at,
			"an option stands between the header of its operation and the statement");
	}
}

static void file_block_comment(struct file *file, const struct token *token)
{
	struct text comment = { file->source.text.ptr + token->start + 2,
				token->end - token->start - 4 };

	if (token->first_on_line)
		(void)!file_foreign(file, token, comment);
}

static void file_outside(struct file *file, const struct token *token)
{
	if (!file->outside_reported)
		source_error(
			&file->source, token->start,
			"a statement without an operation: begin it with \"-- query: NAME :many\" "
			"or \"-- command: NAME :one\"");
	file->outside_reported = true;
}

static void file_second(struct file *file, const struct token *token)
{
	if (file->draft.part != DRAFT_SECOND)
		source_error(
			&file->source, token->start,
			"a second statement: an operation has exactly one, and the next begins "
			"with \"-- query: …\" or \"-- command: …\"");
	file->draft.part = DRAFT_SECOND;
}

static void file_sql(struct file *file, const struct token *token)
{
	struct draft *draft = &file->draft;

	if (token->kind == TOKEN_UNCLOSED)
		source_error(&file->source, token->start, "the %s that begins here does not close",
			     token->what);
	if (token->kind == TOKEN_SEMICOLON) {
		if (file->open && draft->part == DRAFT_STATEMENT)
			draft->part = DRAFT_ENDED;
	} else if (!file->open) {
		file_outside(file, token);
	} else if (draft->part >= DRAFT_ENDED) {
		file_second(file, token);
	} else {
		statement_token(draft, token);
	}
}

static void file_token(struct file *file, const struct token *token)
{
	switch (token->kind) {
	case TOKEN_LINE_COMMENT:
		file_comment(file, token);
		return;
	case TOKEN_BLOCK_COMMENT:
		file_block_comment(file, token);
		return;
	case TOKEN_WORD:
	case TOKEN_QUOTED:
	case TOKEN_STRING:
	case TOKEN_NUMBER:
	case TOKEN_PARAMETER:
	case TOKEN_POSITIONAL:
	case TOKEN_PSQL_VARIABLE:
	case TOKEN_CAST:
	case TOKEN_ASSIGN:
	case TOKEN_COLON:
	case TOKEN_SEMICOLON:
	case TOKEN_OPEN_PAREN:
	case TOKEN_CLOSE_PAREN:
	case TOKEN_OPEN_BRACKET:
	case TOKEN_CLOSE_BRACKET:
	case TOKEN_BACKSLASH:
	case TOKEN_OTHER:
	case TOKEN_UNCLOSED:
		file_sql(file, token);
		return;
	case TOKEN_END:
		break;
	}
}

void file_read(struct loading *loading, const char *name, struct text bytes)
{
	struct file file = { .loading = loading };
	struct lexer lexer;
	struct token token;

	if (!source_open(&file.source, name, bytes, &loading->complaints))
		return;
	lexer_init(&lexer, file.source.text);
	do {
		token = lexer_next(&lexer);
		file_token(&file, &token);
	} while (token.kind != TOKEN_END);
	file_close(&file);
}
