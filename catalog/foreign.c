/* SPDX-License-Identifier: Apache-2.0 */
/* How many rows they mean is in their header; whether they write mostly only in the statement. */
#include "catalog/foreign.h"

#include "catalog/header.h"
#include "catalog/spelling.h"

#define FOREIGN_BY_STATEMENT (-1)

struct foreign_word {
	const char *word;
	int rows;
	bool writes;
};

/* Behind the name in sqlc. */
static const struct foreign_word foreign_sqlc[] = {
	{ ":one", ROWS_ONE, false },
	{ ":many", ROWS_MANY, false },
	{ ":exec", ROWS_EXEC, true },
	{ ":execrows", ROWS_EXEC, true },
	{ ":execresult", ROWS_EXEC, true },
	{ ":execlastid", ROWS_EXEC, true },
	{ ":copyfrom", ROWS_EXEC, true },
	{ ":batchexec", ROWS_EXEC, true },
	{ ":batchone", ROWS_ONE, false },
	{ ":batchmany", ROWS_MANY, false },
	{ NULL, 0, false },
};

/* At the end of a name in aiosql and yesql; longer ones first. */
static const struct foreign_word foreign_signs[] = {
	{ "<!", ROWS_ONE, true },   { "*!", ROWS_EXEC, true }, { "!", ROWS_EXEC, true },
	{ "^", ROWS_MAYBE, false }, { "$", ROWS_ONE, false },  { "#", ROWS_EXEC, true },
	{ NULL, 0, false },
};

/* Behind the name in HugSQL and PugSQL, whose :1 is a row or nothing. */
static const struct foreign_word foreign_hugsql[] = {
	{ ":1", ROWS_MAYBE, false },
	{ ":one", ROWS_MAYBE, false },
	{ ":*", ROWS_MANY, false },
	{ ":many", ROWS_MANY, false },
	{ ":scalar", ROWS_ONE, false },
	{ ":n", ROWS_EXEC, true },
	{ ":affected", ROWS_EXEC, true },
	{ ":!", ROWS_EXEC, true },
	{ ":execute", ROWS_EXEC, true },
	{ ":i!", ROWS_EXEC, true },
	{ ":insert", ROWS_EXEC, true },
	{ ":<!", ROWS_ONE, true },
	{ ":returning-execute", ROWS_ONE, true },
	{ NULL, 0, false },
};

/* First words of statements that write; behind FOR they lock rows, which no standby does either. */
static const char *const foreign_writers[] = { "insert", "update", "delete",
					       "merge",  "call",   "truncate" };

/* --- the header ------------------------------------------------------------------------------- */

static const struct foreign_word *foreign_find(const struct foreign_word *words, struct text word)
{
	for (; words->word; words++)
		if (text_is(word, words->word))
			return words;
	return NULL;
}

static bool foreign_takes(struct cut *rest, const char *word)
{
	size_t len = strlen(word);

	if (rest->text.len < len || memcmp(rest->text.ptr, word, len) != 0)
		return false;
	(void)cut_take(rest, len);
	return true;
}

/* Takes a sign off the end of the name. */
static const struct foreign_word *foreign_sign(struct text *name)
{
	for (const struct foreign_word *sign = foreign_signs; sign->word; sign++) {
		size_t len = strlen(sign->word);

		if (name->len > len && memcmp(name->ptr + name->len - len, sign->word, len) == 0) {
			name->len -= len;
			return sign;
		}
	}
	return NULL;
}

static void foreign_means(struct foreign *foreign, const struct foreign_word *word)
{
	foreign->rows = word->rows;
	foreign->writes = foreign->writes || word->writes;
}

/* Newer aiosql lists the parameters, get-x(a, b)^: the sign stands behind them. */
static struct text foreign_name(struct cut *rest, bool *listed)
{
	struct cut all = cut_trim(*rest);
	struct text word = cut_word(rest).text;
	const char *open = memchr(word.ptr, '(', word.len);
	const char *close =
		open ? memchr(open, ')', (size_t)(all.text.ptr + all.text.len - open)) : NULL;

	*listed = close != NULL;
	if (!close)
		return word;
	(void)cut_take(&all, (size_t)(close + 1 - all.text.ptr));
	*rest = all;
	return (struct text){ word.ptr, (size_t)(open - word.ptr) };
}

/* name: GetAuthor :one, name: get-author^, name: get-author */
static bool foreign_of_name(struct cut rest, bool *is_bare, struct foreign *foreign)
{
	const struct foreign_word *word;
	struct cut last;
	bool listed;

	rest = cut_trim(rest);
	if (!foreign_takes(&rest, ":"))
		return false;
	rest = cut_trim(rest);
	foreign->name = foreign_name(&rest, &listed);
	last = cut_word(&rest);
	if (foreign->name.len == 0 || cut_trim(rest).text.len > 0)
		return false;
	foreign->tool = "sqlc";
	word = last.text.len ? foreign_find(foreign_sqlc, last.text) : NULL;
	if (last.text.len && !word) {
		word = listed ? foreign_find(foreign_signs, last.text) : NULL;
		if (!word)
			return false;
		foreign->tool = "aiosql";
	} else if (!word) {
		foreign->tool = "aiosql";
		word = foreign_sign(&foreign->name);
		*is_bare = !word;
	}
	if (word)
		foreign_means(foreign, word);
	return true;
}

/* :name get-author :? :1 */
static bool foreign_of_hugsql(struct cut rest, struct foreign *foreign)
{
	struct cut word;

	if (!rest.text.len || !lexer_is_space(rest.text.ptr[0]))
		return false;
	foreign->tool = "HugSQL";
	foreign->name = cut_word(&rest).text;
	while ((word = cut_word(&rest)).text.len) {
		const struct foreign_word *known = foreign_find(foreign_hugsql, word.text);

		/* The rows count, wherever they stand; "!" alone means that there are none. */
		if (known && (known->rows != ROWS_EXEC || foreign->rows == FOREIGN_BY_STATEMENT))
			foreign_means(foreign, known);
		else if (known)
			foreign->writes = true;
	}
	return foreign->name.len > 0;
}

/* @name GetAuthor, of a block comment only: a line that begins with @ is an option. */
static bool foreign_of_pgtyped(struct cut rest, struct foreign *foreign)
{
	if (!rest.text.len || !lexer_is_space(rest.text.ptr[0]))
		return false;
	foreign->tool = "PgTyped";
	foreign->name = cut_word(&rest).text;
	return foreign->name.len > 0;
}

static struct cut foreign_first_line(struct cut comment)
{
	const char *end;

	comment = cut_trim(comment);
	while (comment.text.len > 0 &&
	       (comment.text.ptr[0] == '*' || lexer_is_space(comment.text.ptr[0])))
		(void)cut_take(&comment, 1);
	end = memchr(comment.text.ptr, '\n', comment.text.len);
	if (end)
		comment.text.len = (size_t)(end - comment.text.ptr);
	return cut_trim(comment);
}

/* --- the statement ---------------------------------------------------------------------------- */

/* What follows the header, up to its semicolon or the next header. */
struct foreign_statement {
	bool exists, writes, returns;
};

static void foreign_see(struct foreign_statement *statement, struct text word)
{
	statement->returns = statement->returns || text_is_nocase(word, "returning");
	for (size_t i = 0; i < sizeof(foreign_writers) / sizeof(foreign_writers[0]); i++)
		if (text_is_nocase(word, foreign_writers[i]))
			statement->writes = true;
}

static bool foreign_begins_another(struct text text, const struct token *token)
{
	struct text comment = { text.ptr + token->start + 2, token->end - token->start - 2 };
	struct cut line = foreign_first_line((struct cut){ comment, 0 });

	return (token->kind == TOKEN_LINE_COMMENT && header_is(comment)) ||
	       foreign_takes(&line, "name:") || foreign_takes(&line, ":name ") ||
	       foreign_takes(&line, "@name ");
}

static struct foreign_statement foreign_statement(const struct source *source, size_t after)
{
	struct text text = { source->text.ptr + after, source->text.len - after };
	struct foreign_statement statement = { false, false, false };
	struct lexer lexer;

	lexer_init(&lexer, text);
	for (;;) {
		struct token token = lexer_next(&lexer);
		bool comment =
			token.kind == TOKEN_LINE_COMMENT || token.kind == TOKEN_BLOCK_COMMENT;

		if (token.kind == TOKEN_END || token.kind == TOKEN_SEMICOLON ||
		    (comment && foreign_begins_another(text, &token)))
			return statement;
		statement.exists = statement.exists || !comment;
		if (token.kind == TOKEN_WORD)
			foreign_see(&statement, (struct text){ text.ptr + token.start,
							       token.end - token.start });
	}
}

/* --- both ------------------------------------------------------------------------------------- */

bool foreign_is(const struct source *source, struct cut comment, size_t after, bool bare,
		struct foreign *foreign)
{
	bool block = comment.at >= 2 && source->text.ptr[comment.at - 1] == '*';
	struct cut line = block ? foreign_first_line(comment) : cut_trim(comment);
	bool is_bare = false;

	*foreign = (struct foreign){ .at = line, .rows = FOREIGN_BY_STATEMENT };
	if (foreign_takes(&line, ":name"))
		return foreign_of_hugsql(line, foreign);
	if (block && foreign_takes(&line, "@name"))
		return foreign_of_pgtyped(line, foreign);
	return foreign_takes(&line, "name") && foreign_of_name(line, &is_bare, foreign) &&
	       (!is_bare || (bare && foreign_statement(source, after).exists));
}

static const char *foreign_ours(struct draft *draft, struct text name)
{
	char ours[OPERATION_NAME_MAX];
	size_t len;

	/* Lisps end names with these. */
	while (name.len > 0 && strchr("!?*<>", name.ptr[name.len - 1]))
		name.len--;
	len = spelling_of_ours(name, ours, sizeof(ours));
	return len ? arena_copy(draft->arena, ours, len) : "";
}

void foreign_read(struct draft *draft, const struct foreign *foreign, size_t after)
{
	struct foreign_statement statement = foreign_statement(draft->source, after);
	bool writes = foreign->writes || statement.writes;
	struct operation *operation = &draft->operation;

	operation->name = foreign_ours(draft, foreign->name);
	operation->kind = writes ? REQUEST_COMMAND : REQUEST_QUERY;
	operation->rows = writes && !statement.returns ? ROWS_EXEC : ROWS_MANY;
	if (foreign->rows != FOREIGN_BY_STATEMENT)
		operation->rows = (enum cardinality)foreign->rows;
	draft->foreign = foreign->tool;
	source_error(draft->source, foreign->at.at, "a header of %s: write \"-- %s: %s %s\"",
		     foreign->tool, writes ? "command" : "query",
		     *operation->name ? operation->name : "NAME",
		     header_rows_text(operation->rows));
}
