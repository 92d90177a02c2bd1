/* SPDX-License-Identifier: Apache-2.0 */
/* By the tokens around a parameter; what stands behind it is looked up in the source. */
#include "catalog/foreign_params.h"

#include "catalog/params.h"

#include <string.h>

/* Types of which 'text' is a literal of SQL: interval '1 day'. */
static const char *const foreign_literals[] = {
	"interval", "date",  "time", "timestamp", "timestamptz", "timetz", "numeric", "uuid",
	"json",     "jsonb", "inet", "bytea",     "text",        "int",    "bigint",  "boolean",
};

/* HugSQL's :v:x is a value; its :i:x and :sql:x become a part of the statement. */
static const struct {
	const char *kind;
	bool pastes;
} foreign_kinds[] = {
	{ "v", false },         { "value", false }, { "i", true },
	{ "identifier", true }, { "sql", true },    { "snip", true },
};

static struct text foreign_text(const struct draft *draft, size_t start, size_t end)
{
	return (struct text){ draft->source->text.ptr + start, end - start };
}

/* The byte there; NUL, which no source holds, behind its end. */
static char foreign_byte(const struct draft *draft, size_t at)
{
	return at < draft->source->text.len ? draft->source->text.ptr[at] : 0;
}

static bool foreign_is_operator(char byte)
{
	return byte && strchr("+-*/<>=~!@#%^&|`?", byte);
}

static struct text foreign_word_at(const struct draft *draft, size_t at)
{
	size_t end = at;

	if (lexer_word_begins(foreign_byte(draft, at)))
		while (lexer_word_goes_on(foreign_byte(draft, end)))
			end++;
	return foreign_text(draft, at, end);
}

/* The word that ends before *at, but for white space; *at: its beginning. */
static struct text foreign_word_before(const struct draft *draft, size_t *at)
{
	size_t end = *at, start;

	while (end > draft->sql_start && lexer_is_space(foreign_byte(draft, end - 1)))
		end--;
	start = end;
	while (start > draft->sql_start && lexer_word_goes_on(foreign_byte(draft, start - 1)))
		start--;
	*at = start;
	return foreign_text(draft, start, end);
}

/* It is used, so that nothing more is complained about. */
static void foreign_note(struct draft *draft, struct text name)
{
	if (param_is_declared(draft, name))
		(void)!param_use(draft, draft->sql_start, name);
}

/* --- what only a literal could be ------------------------------------------------------------- */

static void foreign_refuse_list(struct draft *draft, const struct token *token, size_t in_at,
				struct text name)
{
	bool negated = text_is_nocase(foreign_word_before(draft, &in_at), "not");

	source_error(draft->source, token->start,
		     "an array is no list: write %s(:%.*s) instead of %s",
		     negated ? "<> ALL" : "= ANY", source_shown(name), name.ptr,
		     negated ? "NOT IN" : "IN");
}

static bool foreign_is_array(const struct draft *draft, struct text name)
{
	for (unsigned i = 0; i < draft->params_count; i++) {
		const char *type = draft->params[i].parameter.type;

		if (type && *type && text_is(name, draft->params[i].parameter.name))
			return type[strlen(type) - 1] == ']';
	}
	return false;
}

/* IN :ids is refused by PostgreSQL, too; IN (:ids) compares with an array as one value. */
static bool foreign_list(struct draft *draft, const struct token *token, struct text name)
{
	bool parenthesis = draft->last.kind == TOKEN_OPEN_PAREN;
	size_t at = draft->last.start, behind = token->end;

	if (draft->last.kind == TOKEN_WORD) {
		if (!text_is_nocase(foreign_text(draft, at, draft->last.end), "in"))
			return false;
	} else {
		while (lexer_is_space(foreign_byte(draft, behind)))
			behind++;
		if (!parenthesis || foreign_byte(draft, behind) != ')' ||
		    !text_is_nocase(foreign_word_before(draft, &at), "in") ||
		    !foreign_is_array(draft, name))
			return false;
	}
	foreign_refuse_list(draft, token, at, name);
	return true;
}

/* timestamp with time zone :d, but not: now() AT TIME ZONE :zone */
static bool foreign_is_zoned(const struct draft *draft, size_t *at)
{
	struct text with;

	if (!text_is_nocase(foreign_word_before(draft, at), "time"))
		return false;
	with = foreign_word_before(draft, at);
	return (text_is_nocase(with, "with") || text_is_nocase(with, "without")) &&
	       foreign_word_before(draft, at).len > 0;
}

static bool foreign_literal(struct draft *draft, const struct token *token, struct text name)
{
	struct text type = foreign_text(draft, draft->last.start, draft->last.end);
	size_t at = draft->last.start;
	bool known = false;

	if (draft->last.kind != TOKEN_WORD)
		return false;
	if (text_is_nocase(type, "zone") && foreign_is_zoned(draft, &at)) {
		type = foreign_text(draft, at, draft->last.end);
		known = true;
	}
	for (size_t i = 0; i < sizeof(foreign_literals) / sizeof(foreign_literals[0]); i++)
		known = known || text_is_nocase(type, foreign_literals[i]);
	if (known)
		source_error(draft->source, token->start,
			     "%.*s before a parameter is no type: write :%.*s::%.*s",
			     source_shown(type), type.ptr, source_shown(name), name.ptr,
			     source_shown(type), type.ptr);
	return known;
}

/* --- of other tools --------------------------------------------------------------------------- */

static bool foreign_pgtyped(struct draft *draft, const struct token *token, struct text name)
{
	if (foreign_byte(draft, token->end) != '!' ||
	    foreign_is_operator(foreign_byte(draft, token->end + 1)))
		return false;
	source_error(draft->source, token->start,
		     "PgTyped's :%.*s! is :%.*s here: a parameter is required, unless \"-- @param "
		     "%.*s TYPE?\" says otherwise",
		     source_shown(name), name.ptr, source_shown(name), name.ptr, source_shown(name),
		     name.ptr);
	return true;
}

static void foreign_hugsql_advice(struct draft *draft, size_t at, struct text kind,
				  struct text name)
{
	for (size_t i = 0; i < sizeof(foreign_kinds) / sizeof(foreign_kinds[0]); i++) {
		if (!text_is(kind, foreign_kinds[i].kind))
			continue;
		if (!foreign_kinds[i].pastes)
			source_error(draft->source, at, "HugSQL's :%.*s:%.*s is :%.*s here",
				     source_shown(kind), kind.ptr, source_shown(name), name.ptr,
				     source_shown(name), name.ptr);
		else
			source_error(draft->source, at,
				     "HugSQL's :%.*s:%.*s would become a part of the statement, "
				     "which no parameter does: write the names out, one operation "
				     "for each",
				     source_shown(kind), kind.ptr, source_shown(name), name.ptr);
		return;
	}
	source_error(draft->source, at,
		     "two parameters without anything between them: :%.*s and :%.*s",
		     source_shown(kind), kind.ptr, source_shown(name), name.ptr);
}

/* :v:x, and :v*:x, which elsewhere is a product. */
static bool foreign_hugsql_param(struct draft *draft, const struct token *token, struct text kind)
{
	size_t colon = token->end;
	bool many = draft->foreign && foreign_byte(draft, colon) == '*';
	struct text name;

	colon += many;
	if (foreign_byte(draft, colon) != ':')
		return false;
	name = foreign_word_at(draft, colon + 1);
	if (!name.len)
		return false;
	if (many)
		source_error(draft->source, token->start,
			     "HugSQL's :%.*s*:%.*s is an array here: write = ANY(:%.*s) instead of "
			     "IN",
			     source_shown(kind), kind.ptr, source_shown(name), name.ptr,
			     source_shown(name), name.ptr);
	else
		foreign_hugsql_advice(draft, token->start, kind, name);
	foreign_note(draft, name);
	return true;
}

/* The second half of one that was complained about. */
static bool foreign_is_second(const struct draft *draft, const struct token *token)
{
	size_t before = token->start;

	if (draft->foreign && before > draft->sql_start && foreign_byte(draft, before - 1) == '*')
		before--;
	return draft->foreign_end && draft->foreign_end == before;
}

/* sqlc.arg(x), sqlc.narg('x'), sqlc.slice("x"), sqlc.embed(t) */
static bool foreign_sqlc_call(struct draft *draft, const struct token *token)
{
	struct text call = foreign_word_at(draft, token->end + 1);
	size_t at = token->end + 1 + call.len;
	struct text name;

	if (!text_is(foreign_text(draft, token->start, token->end), "sqlc") ||
	    foreign_byte(draft, token->end) != '.' || foreign_byte(draft, at) != '(')
		return false;
	at++;
	while (lexer_is_space(foreign_byte(draft, at)) || foreign_byte(draft, at) == '\'' ||
	       foreign_byte(draft, at) == '"')
		at++;
	name = foreign_word_at(draft, at);
	foreign_note(draft, name);
	if (text_is(call, "arg"))
		source_error(draft->source, token->start, "write :%.*s instead of sqlc.arg(%.*s)",
			     source_shown(name), name.ptr, source_shown(name), name.ptr);
	else if (text_is(call, "narg"))
		source_error(draft->source, token->start,
			     "write :%.*s instead of sqlc.narg(%.*s), and \"-- @param %.*s TYPE?\" "
			     "below the header",
			     source_shown(name), name.ptr, source_shown(name), name.ptr,
			     source_shown(name), name.ptr);
	else if (text_is(call, "slice"))
		source_error(draft->source, token->start,
			     "write = ANY(:%.*s) instead of IN (sqlc.slice(%.*s))",
			     source_shown(name), name.ptr, source_shown(name), name.ptr);
	else if (text_is(call, "embed"))
		source_error(draft->source, token->start,
			     "write the columns out instead of sqlc.embed(%.*s)",
			     source_shown(name), name.ptr);
	return text_is(call, "arg") || text_is(call, "narg") || text_is(call, "slice") ||
	       text_is(call, "embed");
}

/* @x is the absolute value of x in PostgreSQL: a parameter only in a file of sqlc. */
static bool foreign_at(struct draft *draft, const struct token *token)
{
	struct text name = foreign_word_at(draft, token->end);

	if (!draft->foreign || foreign_byte(draft, token->start) != '@' || !name.len ||
	    (token->start > 0 && foreign_is_operator(foreign_byte(draft, token->start - 1))))
		return false;
	source_error(draft->source, token->start, "write :%.*s instead of @%.*s",
		     source_shown(name), name.ptr, source_shown(name), name.ptr);
	foreign_note(draft, name);
	return true;
}

static bool foreign_parameter(struct draft *draft, const struct token *token)
{
	struct text name = foreign_text(draft, token->start + 1, token->end);
	bool subscript = draft->depth > 0 && draft->depth <= BRACKETS_MAX &&
			 draft->brackets[draft->depth - 1] == BRACKET_SUBSCRIPT;

	if (foreign_is_second(draft, token))
		return true;
	if (!subscript && foreign_hugsql_param(draft, token, name)) {
		draft->foreign_end = token->end;
		return true;
	}
	if (!foreign_pgtyped(draft, token, name) && !foreign_list(draft, token, name) &&
	    !foreign_literal(draft, token, name))
		return false;
	foreign_note(draft, name);
	return true;
}

bool foreign_params_refuse(struct draft *draft, const struct token *token)
{
	if (token->kind == TOKEN_PARAMETER)
		return foreign_parameter(draft, token);
	if (token->kind == TOKEN_WORD)
		return foreign_sqlc_call(draft, token);
	return token->kind == TOKEN_OTHER && foreign_at(draft, token);
}
