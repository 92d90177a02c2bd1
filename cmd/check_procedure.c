/* SPDX-License-Identifier: Apache-2.0 */
/* Which procedure of that name it will be is PostgreSQL's to say, so any of them is warned of. */
#include "cmd/check_procedure.h"

#include "catalog/lexer.h"

#include <string.h>

/* Comments are taken out of the text first. */
static const char check_procedure_text[] =
	"SELECT min(p.oid::regprocedure::text) AS found FROM pg_catalog.pg_proc AS p,"
	" (SELECT parse_ident($1) AS parts) AS called WHERE p.prokind = 'p'"
	" AND p.proname = parts[cardinality(parts)] AND CASE WHEN cardinality(parts) > 1"
	" THEN p.pronamespace = to_regnamespace(quote_ident(parts[1]))"
	" ELSE pg_function_is_visible(p.oid) END"
	" AND regexp_replace(p.prosrc, '--[^\n]*|/\\*.*?\\*/', ' ', 'g') ~*"
	" '\\m(commit|rollback)\\M\\s*(and\\s+(no\\s+)?chain\\s*)?;"
	"|\\m(plpy\\.(commit|rollback)|spi_(commit|rollback))\\M'";

static struct token called_token(struct lexer *lexer)
{
	struct token token;

	do
		token = lexer_next(lexer);
	while (token.kind == TOKEN_LINE_COMMENT || token.kind == TOKEN_BLOCK_COMMENT);
	return token;
}

/* What stands between CALL and the arguments, as it is written. */
static char *called_name(struct arena *arena, const char *text)
{
	struct lexer lexer;
	struct token token;
	struct buf name;
	char *copy;

	lexer_init(&lexer, text_of(text));
	(void)called_token(&lexer);
	buf_init(&name);
	for (token = called_token(&lexer);
	     token.kind != TOKEN_OPEN_PAREN && token.kind != TOKEN_END;
	     token = called_token(&lexer))
		buf_add(&name, text + token.start, token.end - token.start);
	copy = arena_copy(arena, name.len ? name.ptr : "", name.len);
	buf_fini(&name);
	return copy;
}

void check_procedure(struct check_node *node, const struct operation *operation,
		     struct findings *findings)
{
	static const char key[] = "{\"found\":\"";
	const struct buf *out = &node->asker.out;
	struct call call;
	const char *name, *end;

	if (!operation->is_call)
		return;
	name = called_name(&node->asker.arena, operation->statement->text);
	if (asker_ask_about(&node->asker, check_procedure_text, name, &call) != CALL_OK) {
		findings_unasked(findings, node->asker.node->name, "the procedure's text", &call);
		return;
	}
	if (out->len < sizeof(key) || strncmp(out->ptr, key, sizeof(key) - 1) != 0)
		return;
	end = memrchr(out->ptr, '"', out->len);
	findings_warning(findings, operation->text_place,
			 "procedure %.*s commits or rolls back, which fails here (2D000): an "
			 "operation runs within one transaction, which cqrsd begins and ends",
			 (int)(end - (out->ptr + sizeof(key) - 1)), out->ptr + sizeof(key) - 1);
}
