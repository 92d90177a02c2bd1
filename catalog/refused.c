/* SPDX-License-Identifier: Apache-2.0 */
/* By their words; those within brackets are options, and count only where a row looks for one. */
#include "catalog/refused.h"

#include "catalog/lexer.h"
#include "catalog/words.h"

#include <stdbool.h>

#define TRANSACTIONS "each command is a transaction of its own, which cqrsd begins and ends"
#define SESSIONS "connections are shared: what one request leaves behind would meet the next"
#define OUTSIDE "it cannot run within a transaction, and belongs to administration"
#define PREPARES "cqrsd prepares each statement itself"

#define WORDS_MAX 3

/* begins: the first words; holds: a word that follows somewhere, NULL: none. */
static const struct refused_row {
	const char *begins[WORDS_MAX];
	const char *holds, *why;
} refused_rows[] = {
	{ { "begin" }, NULL, TRANSACTIONS },
	{ { "start" }, NULL, TRANSACTIONS },
	{ { "commit" }, NULL, TRANSACTIONS },
	{ { "end" }, NULL, TRANSACTIONS },
	{ { "rollback" }, NULL, TRANSACTIONS },
	{ { "abort" }, NULL, TRANSACTIONS },
	{ { "savepoint" }, NULL, TRANSACTIONS },
	{ { "release" }, NULL, TRANSACTIONS },
	{ { "lock" },
	  NULL,
	  "the lock would end with the transaction, which holds this statement alone. Lock within "
	  "a function that does the work" },
	{ { "set" }, NULL, SESSIONS ". Set it at the database, the role or the function" },
	{ { "reset" }, NULL, SESSIONS },
	{ { "discard" }, NULL, SESSIONS },
	{ { "prepare" }, NULL, PREPARES },
	{ { "execute" }, NULL, PREPARES "; write the statement here" },
	{ { "deallocate" }, NULL, PREPARES },
	{ { "declare" }, NULL, SESSIONS ". A query returns all of its rows" },
	{ { "fetch" }, NULL, SESSIONS ". A query returns all of its rows" },
	{ { "move" }, NULL, SESSIONS },
	{ { "close" }, NULL, SESSIONS },
	{ { "do" }, NULL, "a block takes no parameters and answers nothing; write a function" },
	{ { "listen" }, NULL, SESSIONS },
	{ { "unlisten" }, NULL, SESSIONS },
	{ { "load" }, NULL, SESSIONS },
	{ { "copy" }, NULL, "rows come and go as JSON; use INSERT or SELECT" },
	{ { "wait" }, NULL, "cqrsd itself waits for replicas, by Consistency-Token" },
	{ { "vacuum" }, NULL, OUTSIDE },
	{ { "cluster" }, NULL, OUTSIDE },
	{ { "checkpoint" }, NULL, OUTSIDE },
	{ { "create", "database" }, NULL, OUTSIDE },
	{ { "drop", "database" }, NULL, OUTSIDE },
	{ { "alter", "database" }, "tablespace", OUTSIDE },
	{ { "create", "tablespace" }, NULL, OUTSIDE },
	{ { "drop", "tablespace" }, NULL, OUTSIDE },
	{ { "create", "subscription" }, NULL, OUTSIDE },
	{ { "drop", "subscription" }, NULL, OUTSIDE },
	{ { "alter", "subscription" }, "refresh", OUTSIDE },
	{ { "alter", "system" }, NULL, OUTSIDE },
	{ { "reindex", "database" }, NULL, OUTSIDE },
	{ { "reindex", "schema" }, NULL, OUTSIDE },
	{ { "reindex", "system" }, NULL, OUTSIDE },
	{ { "reindex" }, "concurrently", OUTSIDE },
	{ { "create", "index" }, "concurrently", OUTSIDE },
	{ { "create", "unique", "index" }, "concurrently", OUTSIDE },
	{ { "drop", "index" }, "concurrently", OUTSIDE },
	{ { "alter", "table" }, "concurrently", OUTSIDE },
};

static struct text token_text(const struct draft *draft, const struct token *token)
{
	return (struct text){ draft->source->text.ptr + token->start, token->end - token->start };
}

static struct token refused_token(struct lexer *lexer, const struct draft *draft)
{
	struct token token;

	do
		token = lexer_next(lexer);
	while (token.kind == TOKEN_LINE_COMMENT || token.kind == TOKEN_BLOCK_COMMENT);
	if (token.start >= draft->sql_end)
		token.kind = TOKEN_END;
	return token;
}

static void statement_lexer(struct lexer *lexer, const struct draft *draft)
{
	lexer_init(lexer, draft->source->text);
	lexer->at = draft->sql_start;
}

/* The first words outside of brackets, up to whatever else comes there; how many. */
static unsigned first_words(const struct draft *draft, struct text words[WORDS_MAX])
{
	struct lexer lexer;
	unsigned depth = 0, count = 0;

	statement_lexer(&lexer, draft);
	while (count < WORDS_MAX) {
		struct token token = refused_token(&lexer, draft);

		if (token.kind == TOKEN_OPEN_PAREN)
			depth++;
		else if (token.kind == TOKEN_CLOSE_PAREN && depth > 0)
			depth--;
		else if (token.kind == TOKEN_WORD && depth == 0)
			words[count++] = token_text(draft, &token);
		else if (token.kind == TOKEN_END || depth == 0)
			break;
	}
	return count;
}

static bool holds_word(const struct draft *draft, const char *word)
{
	struct lexer lexer;
	struct token token;

	statement_lexer(&lexer, draft);
	do {
		token = refused_token(&lexer, draft);
		if (token.kind == TOKEN_WORD && text_is_nocase(token_text(draft, &token), word))
			return true;
	} while (token.kind != TOKEN_END);
	return false;
}

static bool row_fits(const struct refused_row *row, const struct draft *draft,
		     const struct text *words, unsigned count)
{
	for (unsigned i = 0; i < WORDS_MAX && row->begins[i]; i++)
		if (i >= count || !text_is_nocase(words[i], row->begins[i]))
			return false;
	return !row->holds || holds_word(draft, row->holds);
}

static void refuse(struct draft *draft, const struct refused_row *row, const struct text *words)
{
	unsigned last = 0;

	while (last + 1 < WORDS_MAX && row->begins[last + 1])
		last++;
	source_error(draft->source, draft->sql_start, "%.*s%s%.*s%s%s is not possible here: %s",
		     (int)words[0].len, words[0].ptr, last ? " " : "",
		     last ? (int)words[last].len : 0, last ? words[last].ptr : "",
		     row->holds ? " … " : "", row->holds ? row->holds : "", row->why);
}

void refused_check(struct draft *draft)
{
	struct text words[WORDS_MAX];
	unsigned count = first_words(draft, words);

	for (size_t i = 0; i < sizeof(refused_rows) / sizeof(refused_rows[0]); i++)
		if (row_fits(&refused_rows[i], draft, words, count)) {
			refuse(draft, &refused_rows[i], words);
			return;
		}
}
