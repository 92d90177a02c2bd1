/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters: "@param NAME [TYPE][?] [= DEFAULT] [description]", and their uses in the statement.
 * The first word after the name is the type; a description without one begins with a dash.
 */
#include "catalog/params.h"

#include "base/nearest.h"
#include "catalog/param_clause.h"
#include "catalog/words.h"

#define REQUEST_USER "request_user"

static bool name_is_good(struct text name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] == '$' || (unsigned char)name.ptr[i] >= 0x80 ||
		    !lexer_word_goes_on(name.ptr[i]))
			return false;
	return name.len > 0 && lexer_word_begins(name.ptr[0]);
}

static unsigned param_find(const struct draft *draft, struct text name)
{
	for (unsigned i = 0; i < draft->params_count; i++)
		if (text_is(name, draft->params[i].parameter.name))
			return i;
	return PARAMS_MAX;
}

struct text param_nearest(const struct draft *draft, struct text name)
{
	struct nearest nearest;

	nearest_init(&nearest, name);
	for (unsigned i = 0; i < draft->params_count; i++)
		nearest_offer(&nearest, text_of(draft->params[i].parameter.name));
	return nearest.best;
}

/* NULL: there are too many; it was complained about. */
static struct draft_param *param_add(struct draft *draft, size_t at, struct text name)
{
	struct draft_param *param;

	if (draft->params_count == PARAMS_MAX) {
		source_error(draft->source, at, "more than %d parameters", PARAMS_MAX);
		return NULL;
	}
	param = &draft->params[draft->params_count++];
	*param = (struct draft_param){
		.parameter = {
			.name = arena_copy(draft->arena, name.ptr, name.len),
			.description = "",
		},
		.at = at,
	};
	return param;
}

static size_t type_word(struct text text)
{
	size_t len = 0;

	if (text.len > 0 && text.ptr[0] == '"') {
		const char *end = memchr(text.ptr + 1, '"', text.len - 1);

		return end ? (size_t)(end - text.ptr) + 1 : 0;
	}
	if (text.len > 0 && lexer_word_begins(text.ptr[0]))
		while (len < text.len && lexer_word_goes_on(text.ptr[len]))
			len++;
	return len;
}

/* The type names of SQL that have more than one word, by their words. */
static const char *const type_phrases[][4] = {
	{ "double", "precision" },
	{ "character", "varying" },
	{ "char", "varying" },
	{ "bit", "varying" },
	{ "time", "with", "time", "zone" },
	{ "time", "without", "time", "zone" },
	{ "timestamp", "with", "time", "zone" },
	{ "timestamp", "without", "time", "zone" },
};

/* The length of such a phrase at the beginning of text; 0: there is none. */
static size_t type_phrase(struct text text)
{
	for (size_t i = 0; i < sizeof(type_phrases) / sizeof(type_phrases[0]); i++) {
		struct text rest = text;
		bool all = true;

		for (size_t word = 0; all && word < 4 && type_phrases[i][word]; word++) {
			size_t len;

			while (word > 0 && rest.len > 0 && lexer_is_space(*rest.ptr)) {
				rest.ptr++;
				rest.len--;
			}
			len = type_word(rest);
			all = text_is_nocase((struct text){ rest.ptr, len }, type_phrases[i][word]);
			rest.ptr += len;
			rest.len -= len;
		}
		if (all)
			return text.len - rest.len;
	}
	return 0;
}

/* name, schema.name, "Name" or several words. */
static size_t type_name(struct text text)
{
	size_t len = type_phrase(text);

	if (len > 0)
		return len;
	len = type_word(text);
	while (len > 0 && len < text.len && text.ptr[len] == '.') {
		size_t more = type_word((struct text){ text.ptr + len + 1, text.len - len - 1 });

		if (more == 0)
			return 0;
		len += 1 + more;
	}
	return len;
}

static size_t type_dimensions(struct text text)
{
	size_t len = 0;

	while (len + 1 < text.len && text.ptr[len] == '[') {
		size_t end = len + 1;

		while (end < text.len && text.ptr[end] >= '0' && text.ptr[end] <= '9')
			end++;
		if (end == text.len || text.ptr[end] != ']')
			break;
		len = end + 1;
	}
	return len;
}

/* In front of a description. */
static bool is_dash(struct text word)
{
	return text_is(word, "-") || text_is(word, "--") || text_is(word, "–") ||
	       text_is(word, "—");
}

static bool begins_with_dash(struct cut rest)
{
	return is_dash(cut_word(&rest).text);
}

static void param_read_type(struct draft *draft, struct parameter *parameter, struct cut *rest)
{
	struct cut name;
	size_t dimensions;

	*rest = cut_trim(*rest);
	if (begins_with_dash(*rest))
		return;
	name = cut_take(rest, type_name(rest->text));
	dimensions = name.text.len ? type_dimensions(rest->text) : 0;
	if (rest->text.len > dimensions && rest->text.ptr[dimensions] == '(') {
		source_error(draft->source, rest->at + dimensions,
			     "PostgreSQL ignores the length of a parameter's type: write \"%.*s\"",
			     (int)name.text.len, name.text.ptr);
		rest->text.len = 0;
		return;
	}
	(void)cut_take(rest, dimensions);
	if (name.text.len > 0)
		parameter->type =
			arena_copy(draft->arena, name.text.ptr, name.text.len + dimensions);
}

/* 'text' with '' for a quote; false: it does not close. */
static bool default_string(struct draft *draft, struct cut *rest, struct text *value)
{
	struct buf text;
	size_t at = 1;
	bool closed = false;

	buf_init(&text);
	while (!closed && at < rest->text.len) {
		char byte = rest->text.ptr[at++];

		if (byte != '\'')
			buf_byte(&text, byte);
		else if (at < rest->text.len && rest->text.ptr[at] == '\'')
			buf_byte(&text, rest->text.ptr[at++]);
		else
			closed = true;
	}
	*value = arena_text(draft->arena, (struct text){ text.len ? text.ptr : "", text.len });
	buf_fini(&text);
	(void)cut_take(rest, at);
	return closed;
}

static bool default_is_bare(struct text word)
{
	for (size_t i = 0; i < word.len; i++)
		if (!lexer_word_goes_on(word.ptr[i]) && !strchr("+-.:", word.ptr[i]))
			return false;
	return word.len > 0;
}

static void default_refuse(struct draft *draft, struct cut word)
{
	if (memchr(word.text.ptr, '(', word.text.len))
		source_error(
			draft->source, word.at,
			"a default is a literal, not an expression: write coalesce(:name, …) in "
			"the statement");
	else
		source_error(draft->source, word.at,
			     "a default is a number, 'text', true, false, null or a bare word");
}

/* Behind the "=". */
static void param_read_default(struct draft *draft, struct parameter *parameter, struct cut *rest)
{
	struct text *value = &parameter->default_value;
	struct cut word;

	*rest = cut_trim(*rest);
	if (rest->text.len > 0 && rest->text.ptr[0] == '\'') {
		word = *rest;
		if (!default_string(draft, rest, value))
			source_error(draft->source, word.at, "the default does not close with a '");
		else if (rest->text.len > 0 && !lexer_is_space(rest->text.ptr[0]))
			source_error(draft->source, rest->at,
				     "a space is missing behind the default");
		return;
	}
	word = cut_word(rest);
	if (!default_is_bare(word.text))
		default_refuse(draft, word);
	else if (text_is_nocase(word.text, "null"))
		parameter->optional = true;
	else if (text_is_nocase(word.text, "true"))
		*value = TEXT("true");
	else if (text_is_nocase(word.text, "false"))
		*value = TEXT("false");
	else
		*value = arena_text(draft->arena, word.text);
}

static void param_read_description(struct draft *draft, struct parameter *parameter,
				   struct cut rest)
{
	if (begins_with_dash(rest))
		(void)cut_word(&rest);
	rest = cut_trim(rest);
	parameter->description = arena_copy(draft->arena, rest.text.ptr, rest.text.len);
}

static void param_read_rest(struct draft *draft, struct parameter *parameter, struct cut rest)
{
	if (param_clause_refused(draft, parameter, rest))
		return;
	param_read_type(draft, parameter, &rest);
	rest = cut_trim(rest);
	if (rest.text.len > 0 && rest.text.ptr[0] == '?') {
		parameter->optional = true;
		(void)cut_take(&rest, 1);
		rest = cut_trim(rest);
	}
	if (param_clause_refused(draft, parameter, rest))
		return;
	if (rest.text.len > 0 && rest.text.ptr[0] == '=') {
		(void)cut_take(&rest, 1);
		param_read_default(draft, parameter, &rest);
		if (param_clause_refused(draft, parameter, rest))
			return;
	}
	param_read_description(draft, parameter, rest);
}

/* The name up to a space, a "?" or a "=". */
static struct cut param_read_name(struct cut *rest)
{
	size_t len = 0;

	*rest = cut_trim(*rest);
	while (len < rest->text.len && !lexer_is_space(rest->text.ptr[len]) &&
	       rest->text.ptr[len] != '?' && rest->text.ptr[len] != '=')
		len++;
	return cut_take(rest, len);
}

void param_read(struct draft *draft, size_t at, struct text text)
{
	struct cut rest = { text, at };
	struct cut name = param_read_name(&rest);
	struct draft_param *param;

	draft->declares = true;
	if (name.text.len > 0 && name.text.ptr[0] == ':')
		(void)cut_take(&name, 1);
	if (param_clause_colon(draft, &name, rest)) {
		/* Its uses are not to be complained about, too. */
		(void)param_add(draft, name.at, name.text);
		return;
	}
	if (!name_is_good(name.text) || name.text.len > PARAMETER_NAME_MAX) {
		source_error(
			draft->source, name.at,
			"\"%.*s\" is no name of a parameter: at most %d letters of ASCII, digits "
			"and underscores",
			source_shown(name.text), name.text.ptr, PARAMETER_NAME_MAX);
		return;
	}
	if (text_is(name.text, REQUEST_USER)) {
		source_error(draft->source, name.at,
			     "\"" REQUEST_USER
			     "\" is reserved: it is the request's user, and needs "
			     "no @param");
		return;
	}
	if (param_find(draft, name.text) != PARAMS_MAX) {
		source_error(draft->source, name.at, "parameter \"%.*s\" is declared twice",
			     (int)name.text.len, name.text.ptr);
		return;
	}
	param = param_add(draft, name.at, name.text);
	if (!param)
		return;
	param->parameter.declared = true;
	param_read_rest(draft, &param->parameter, rest);
}

bool param_is_declared(const struct draft *draft, struct text name)
{
	return draft->declares && param_find(draft, name) != PARAMS_MAX;
}

unsigned param_use(struct draft *draft, size_t at, struct text name)
{
	unsigned found = param_find(draft, name);
	bool is_request_user = text_is(name, REQUEST_USER);
	struct draft_param *param;

	if (found != PARAMS_MAX) {
		draft->params[found].used = true;
		return found;
	}
	if (!name_is_good(name) || name.len > PARAMETER_NAME_MAX) {
		source_error(draft->source, at,
			     ":%.*s is no parameter: at most %d letters of ASCII, digits and "
			     "underscores",
			     source_shown(name), name.ptr, PARAMETER_NAME_MAX);
		return PARAMS_MAX;
	}
	if (draft->declares && !is_request_user) {
		source_error_near(draft->source, at, param_nearest(draft, name),
				  "parameter \"%.*s\" is not declared; if one is, all must be",
				  (int)name.len, name.ptr);
		return PARAMS_MAX;
	}
	param = param_add(draft, at, name);
	if (!param)
		return PARAMS_MAX;
	param->used = true;
	param->parameter.is_request_user = is_request_user;
	if (is_request_user)
		param->parameter.type = "text";
	return draft->params_count - 1;
}

void params_finish(struct draft *draft)
{
	for (unsigned i = 0; i < draft->params_count; i++)
		if (!draft->params[i].used)
			source_error(
				draft->source, draft->params[i].at,
				"parameter \"%s\" is declared but the statement does not use it",
				draft->params[i].parameter.name);
}
