/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statement of an operation: what may not stand in it, its :names, and its text with $1, $2, ….
 * The author's layout stays, so that PostgreSQL's positions lead back to the file.
 */
#include "catalog/statement.h"

#include "base/hash.h"
#include "base/log.h"
#include "catalog/foreign_params.h"
#include "catalog/lookup.h"
#include "catalog/params.h"
#include "catalog/refused.h"
#include "catalog/words.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static struct text statement_text(const struct draft *draft, const struct token *token)
{
	return (struct text){ draft->source->text.ptr + token->start, token->end - token->start };
}

/* Words after which a value is still to come, though they look like names of columns. */
static bool word_wants_value(struct text word)
{
	static const char *const words[] = { "and",   "or",      "not",  "in",   "like",
					     "ilike", "similar", "is",   "from", "between",
					     "case",  "when",    "then", "else" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (text_is_nocase(word, words[i]))
			return true;
	return false;
}

/* Does the token end a value, so that what follows cannot be one? */
static bool statement_ends_value(const struct draft *draft, const struct token *token)
{
	switch (token->kind) {
	case TOKEN_WORD:
		return !word_wants_value(statement_text(draft, token));
	case TOKEN_QUOTED:
	case TOKEN_STRING:
	case TOKEN_NUMBER:
	case TOKEN_PARAMETER:
	case TOKEN_POSITIONAL:
	case TOKEN_CLOSE_PAREN:
	case TOKEN_CLOSE_BRACKET:
		return true;
	case TOKEN_END:
	case TOKEN_LINE_COMMENT:
	case TOKEN_BLOCK_COMMENT:
	case TOKEN_PSQL_VARIABLE:
	case TOKEN_CAST:
	case TOKEN_ASSIGN:
	case TOKEN_COLON:
	case TOKEN_SEMICOLON:
	case TOKEN_OPEN_PAREN:
	case TOKEN_OPEN_BRACKET:
	case TOKEN_BACKSLASH:
	case TOKEN_OTHER:
	case TOKEN_UNCLOSED:
		return false;
	}
	assert(!"a kind of token");
	return false;
}

static void statement_open(struct draft *draft, const struct token *token)
{
	unsigned char bracket = BRACKET_PAREN;

	if (token->kind == TOKEN_OPEN_BRACKET) {
		bracket = BRACKET_LIST;
		if (statement_ends_value(draft, &draft->last) &&
		    !text_is_nocase(statement_text(draft, &draft->last), "array"))
			bracket = BRACKET_SUBSCRIPT;
	}
	if (draft->depth < BRACKETS_MAX)
		draft->brackets[draft->depth] = bracket;
	else if (draft->depth == BRACKETS_MAX)
		source_error(draft->source, token->start, "more than %d brackets within each other",
			     BRACKETS_MAX);
	draft->depth++;
}

static bool statement_in_subscript(const struct draft *draft)
{
	return draft->depth > 0 && draft->depth <= BRACKETS_MAX &&
	       draft->brackets[draft->depth - 1] == BRACKET_SUBSCRIPT;
}

/* In a[1:n] PostgreSQL's own ":" stands before a name: a slice, which looks like a parameter. */
static bool statement_refuse_slice(struct draft *draft, const struct token *token, struct text name)
{
	if (!statement_in_subscript(draft))
		return false;
	if (statement_ends_value(draft, &draft->last)) {
		source_error(
			draft->source, token->start,
			"a slice, or the parameter \"%.*s\"? Write [… : %.*s] with spaces for a "
			"slice up to a column, [… : :%.*s] for one up to the parameter",
			source_shown(name), name.ptr, source_shown(name), name.ptr,
			source_shown(name), name.ptr);
		return true;
	}
	if (draft->last.kind == TOKEN_OPEN_BRACKET && !param_is_declared(draft, name)) {
		source_error(
			draft->source, token->start,
			"a slice, or the parameter \"%.*s\"? Write [: %.*s] with a space for a "
			"slice, [(:%.*s)] or a @param for the parameter",
			source_shown(name), name.ptr, source_shown(name), name.ptr,
			source_shown(name), name.ptr);
		return true;
	}
	return false;
}

static void statement_parameter(struct draft *draft, const struct token *token)
{
	struct text name = { draft->source->text.ptr + token->start + 1,
			     token->end - token->start - 1 };
	unsigned param;

	if (statement_refuse_slice(draft, token, name))
		return;
	param = param_use(draft, token->start, lookup_parameter(draft, token, name));
	if (param == PARAMS_MAX)
		return;
	if (draft->uses_count == draft->uses_room) {
		draft->uses_room = draft->uses_room ? 2 * draft->uses_room : 16;
		draft->uses = reallocarray(draft->uses, draft->uses_room, sizeof(*draft->uses));
		if (!draft->uses)
			log_fatal("catalog", "out of memory");
	}
	draft->uses[draft->uses_count++] = (struct draft_use){ token->start, token->end, param };
}

static void statement_judge(struct draft *draft, const struct token *token)
{
	struct text text = statement_text(draft, token);

	switch (token->kind) {
	case TOKEN_PARAMETER:
		statement_parameter(draft, token);
		break;
	case TOKEN_POSITIONAL:
		source_error(draft->source, token->start,
			     "parameters have names here: write :name instead of %.*s",
			     source_shown(text), text.ptr);
		break;
	case TOKEN_PSQL_VARIABLE:
		source_error(
			draft->source, token->start,
			"psql's :'name' and :\"name\" are not available; write :name, which is "
			"sent apart from the statement and needs no quotes");
		break;
	case TOKEN_BACKSLASH:
		source_error(draft->source, token->start,
			     "commands of psql are not available here");
		break;
	case TOKEN_OPEN_PAREN:
	case TOKEN_OPEN_BRACKET:
		statement_open(draft, token);
		break;
	case TOKEN_CLOSE_PAREN:
	case TOKEN_CLOSE_BRACKET:
		if (draft->depth > 0)
			draft->depth--;
		break;
	case TOKEN_END:
	case TOKEN_LINE_COMMENT:
	case TOKEN_BLOCK_COMMENT:
	case TOKEN_SEMICOLON:
		assert(!"a token of the statement");
		break;
	case TOKEN_WORD:
	case TOKEN_QUOTED:
	case TOKEN_STRING:
	case TOKEN_NUMBER:
	case TOKEN_CAST:
	case TOKEN_ASSIGN:
	case TOKEN_COLON:
	case TOKEN_OTHER:
	case TOKEN_UNCLOSED:
		break;
	}
}

void statement_token(struct draft *draft, const struct token *token)
{
	if (draft->part == DRAFT_HEAD) {
		draft->part = DRAFT_STATEMENT;
		draft->sql_start = token->start;
		draft->operation.is_call = token->kind == TOKEN_WORD &&
					   text_is_nocase(statement_text(draft, token), "call");
	}
	if (!foreign_params_refuse(draft, token))
		statement_judge(draft, token);
	draft->sql_end = token->end;
	draft->last = *token;
}

static unsigned characters(struct text text)
{
	unsigned count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return count;
}

/* The text as sent, and where it differs from the file. */
static void statement_rewrite(struct draft *draft, struct operation *operation)
{
	const char *source = draft->source->text.ptr;
	struct place_shift *shifts =
		arena_zero(draft->arena, draft->uses_count + 1, sizeof(*shifts));
	size_t from = draft->sql_start;
	unsigned at = 1;
	struct buf text;

	buf_init(&text);
	for (unsigned i = 0; i < draft->uses_count; i++) {
		const struct draft_use *use = &draft->uses[i];
		size_t before;

		buf_add(&text, source + from, use->start - from);
		at += characters((struct text){ source + from, use->start - from });
		before = text.len;
		/* "AND:a" must not become the identifier AND$1. */
		if (use->start > 0 && lexer_word_goes_on(source[use->start - 1]))
			buf_byte(&text, ' ');
		buf_printf(&text, "$%u", use->param + 1);
		shifts[i] = (struct place_shift){
			.at = at,
			.sent = (unsigned)(text.len - before),
			.source = (unsigned)(use->end - use->start),
		};
		at += shifts[i].sent;
		from = use->end;
	}
	buf_add(&text, source + from, draft->sql_end - from);
	operation->statement->text = arena_copy(draft->arena, text.ptr, text.len);
	snprintf(operation->version, sizeof(operation->version), "%016llx",
		 (unsigned long long)hash_bytes(text.ptr, text.len, 0));
	operation->shifts = shifts;
	operation->shifts_count = draft->uses_count;
	buf_fini(&text);
}

static void statement_params(struct draft *draft, struct operation *operation)
{
	unsigned count = draft->params_count;
	const char **types = arena_zero(draft->arena, count + 1, sizeof(*types));

	operation->parameters = arena_zero(draft->arena, count + 1, sizeof(*operation->parameters));
	for (unsigned i = 0; i < count; i++) {
		operation->parameters[i] = draft->params[i].parameter;
		operation->parameters[i].place = source_place(draft->source, draft->params[i].at);
		types[i] = lookup_type(draft, i);
	}
	operation->parameters_count = count;
	operation->statement->params = (uint16_t)count;
	operation->statement->param_types = types;
}

void statement_finish(struct draft *draft)
{
	struct operation *operation = &draft->operation;

	if (draft->part == DRAFT_HEAD) {
		source_error(draft->source, draft->header_at, "%.*s has no statement",
			     source_shown(text_of(operation->name)), operation->name);
		return;
	}
	refused_check(draft);
	lookup_finish(draft);
	statement_rewrite(draft, operation);
	statement_params(draft, operation);
	operation->text_place = source_place(draft->source, draft->sql_start);
	operation->statement->name = operation->name;
	operation->statement->drops_rows = operation->rows == ROWS_EXEC;
	operation->statement->coalescing = operation->coalescing;
}
