/* SPDX-License-Identifier: Apache-2.0 */
/* Words are compared, nothing is parsed. */
#include "cmd/check_lookup.h"

#include "catalog/lexer.h"
#include "catalog/words.h"
#include "pg/wire/session_state.h"

#include <stdlib.h>

struct looking {
	const struct operation *operation;
	struct findings *findings;
	struct lexer lexer;
	struct token before, last; /* the two before, comments left out */
	unsigned depth;
};

static struct text looking_text(const struct looking *looking, const struct token *token)
{
	return (struct text){ looking->lexer.text.ptr + token->start, token->end - token->start };
}

static struct place looking_place(const struct looking *looking, const struct token *token)
{
	const char *text = looking->lexer.text.ptr;
	unsigned character = 1;

	for (size_t i = 0; i < token->start; i++)
		character += ((unsigned char)text[i] & 0xc0) != 0x80;
	return operation_place(looking->operation, character);
}

static void looking_word(struct looking *looking, const struct token *token)
{
	static const char *const words[] = { "limit", "offset", "fetch" };
	struct text word = looking_text(looking, token);

	for (size_t i = 0; looking->depth == 0 && i < sizeof(words) / sizeof(words[0]); i++)
		if (text_is_nocase(word, words[i]))
			findings_warning(looking->findings, looking_place(looking, token),
					 "%.*s counts the rows of all keys that are asked for "
					 "together: limit them for each, in a LATERAL subquery or "
					 "by @max-rows",
					 (int)word.len, word.ptr);
}

/* "$2", of the lookup's parameter: behind "ANY(" and its like? */
static void looking_placeholder(struct looking *looking, const struct token *token)
{
	static const char *const words[] = { "any", "some", "unnest" };
	const struct statement *statement = looking->operation->statement;
	struct text word = looking_text(looking, &looking->before);

	if (strtoul(looking_text(looking, token).ptr + 1, NULL, 10) != statement->lookup)
		return;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (looking->last.kind == TOKEN_OPEN_PAREN && text_is_nocase(word, words[i]))
			return;
	findings_warning(looking->findings, looking_place(looking, token),
			 "the array of @lookup by %s is not within ANY(…): are there rows for each "
			 "of its keys?",
			 statement->key);
}

static void looking_token(struct looking *looking, const struct token *token)
{
	if (token->kind == TOKEN_OPEN_PAREN)
		looking->depth++;
	else if (token->kind == TOKEN_CLOSE_PAREN && looking->depth > 0)
		looking->depth--;
	else if (token->kind == TOKEN_WORD)
		looking_word(looking, token);
	else if (token->kind == TOKEN_POSITIONAL)
		looking_placeholder(looking, token);
	if (token->kind == TOKEN_LINE_COMMENT || token->kind == TOKEN_BLOCK_COMMENT)
		return;
	looking->before = looking->last;
	looking->last = *token;
}

static void check_together(const struct operation *operation, const struct shape *shape,
			   struct findings *findings)
{
	if (!shape->key_column)
		findings_warning(findings, operation->text_place,
				 "each key of @lookup is asked for alone: a nondeterministic "
				 "collation, or the encoding, of the database may take different "
				 "texts for equal");
	else if (shape->session_state & SESSION_STATE_VOLATILE &&
		 operation->coalescing == COALESCING_UNLESS_VOLATILE)
		findings_warning(findings, operation->text_place,
				 "each key of @lookup is asked for alone: the statement may be "
				 "volatile; \"@coalesce on\" if it is not");
}

void check_lookup(const struct operation *operation, const struct shape *shape,
		  struct findings *findings)
{
	struct looking looking = { .operation = operation, .findings = findings };
	struct token token;

	if (!operation->statement->lookup)
		return;
	lexer_init(&looking.lexer, text_of(operation->statement->text));
	for (token = lexer_next(&looking.lexer); token.kind != TOKEN_END;
	     token = lexer_next(&looking.lexer))
		looking_token(&looking, &token);
	check_together(operation, shape, findings);
}
