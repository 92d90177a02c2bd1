/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the check verb: what is sent, and what is made of the answers. */
#include "cmd/check_text.h"

#include "base/array.h"
#include "catalog/lexer.h"
#include "catalog/words.h"

#include <assert.h>

static const char *check_param_name(const struct operation *operation, const char *digits,
				    size_t *len)
{
	unsigned number = 0;

	*len = 0;
	while (digits[*len] >= '0' && digits[*len] <= '9' && number <= PARAMS_MAX) {
		number = number * 10 + (unsigned)(digits[*len] - '0');
		++*len;
	}
	if (number == 0 || number > operation->parameters_count)
		return NULL;
	return operation->parameters[number - 1].name;
}

const char *check_message(struct arena *arena, const struct operation *operation,
			  const char *message)
{
	const char *copy, *ptr = message;
	struct buf buf;

	buf_init(&buf);
	while (*ptr) {
		bool fresh = ptr == message || !lexer_word_goes_on(ptr[-1]);
		size_t len;
		const char *name =
			*ptr == '$' && fresh ? check_param_name(operation, ptr + 1, &len) : NULL;

		if (name) {
			buf_byte(&buf, ':');
			buf_string(&buf, name);
			ptr += 1 + len;
		} else {
			buf_byte(&buf, *ptr++);
		}
	}
	copy = arena_copy(arena, buf.len ? buf.ptr : "", buf.len);
	buf_fini(&buf);
	return copy;
}

/* "(" for a statement in parentheses. */
static struct text check_first_word(const char *text)
{
	struct lexer lexer;
	struct token token;

	lexer_init(&lexer, text_of(text));
	do
		token = lexer_next(&lexer);
	while (token.kind == TOKEN_LINE_COMMENT || token.kind == TOKEN_BLOCK_COMMENT);
	return (struct text){ text + token.start, token.end - token.start };
}

static bool check_is_one_of(struct text word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_is_nocase(word, words[i]))
			return true;
	return false;
}

bool check_is_planned(const char *text)
{
	static const char *const words[] = { "select", "with",   "values", "table", "(",
					     "insert", "update", "delete", "merge" };

	return check_is_one_of(check_first_word(text), words, sizeof(words) / sizeof(words[0]));
}

/* What INSERT and its like do is seen in the plan; procedures and blocks may only read, too. */
bool check_may_be_query(const char *text, struct text *word)
{
	static const char *const words[] = { "show", "explain", "call", "do" };

	*word = check_first_word(text);
	return check_is_planned(text) ||
	       check_is_one_of(*word, words, sizeof(words) / sizeof(words[0]));
}

static unsigned check_characters(const struct buf *buf)
{
	unsigned count = 0;

	for (size_t i = 0; i < buf->len; i++)
		count += ((unsigned char)buf->ptr[i] & 0xc0) != 0x80;
	return count;
}

/* E'…' means the same whatever standard_conforming_strings says. */
static void check_literal(struct buf *buf, struct text value)
{
	buf_literal(buf, "E'");
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] == '\'' || value.ptr[i] == '\\')
			buf_byte(buf, value.ptr[i]);
		buf_byte(buf, value.ptr[i]);
	}
	buf_byte(buf, '\'');
}

/* Of a @lookup's parameter it is one element of what is sent. */
static void check_default(struct buf *buf, const struct operation *operation, unsigned param)
{
	struct text value = operation->parameters[param].default_value;
	struct buf array;

	if (!value.ptr) {
		buf_literal(buf, "NULL");
		return;
	}
	buf_init(&array);
	if (param + 1 == operation->statement->lookup) {
		array_begin(&array);
		array_add_text(&array, value);
		value = text_of(array_end(&array));
	}
	check_literal(buf, value);
	buf_fini(&array);
}

char *check_explain(struct arena *arena, const struct operation *operation, uint32_t statement_id,
		    unsigned *starts)
{
	struct buf buf;
	char *copy;

	buf_init(&buf);
	buf_printf(&buf, "EXPLAIN (FORMAT JSON, COSTS OFF, VERBOSE) EXECUTE s%u", statement_id);
	for (unsigned i = 0; i < operation->parameters_count; i++) {
		buf_string(&buf, i ? ", " : "(");
		starts[i] = check_characters(&buf) + 1;
		check_default(&buf, operation, i);
	}
	if (operation->parameters_count > 0)
		buf_byte(&buf, ')');
	copy = arena_copy(arena, buf.ptr, buf.len);
	buf_fini(&buf);
	return copy;
}

unsigned check_explain_param(const unsigned *starts, unsigned count, unsigned char_position)
{
	unsigned found = count;

	for (unsigned i = 0; i < count; i++)
		if (char_position >= starts[i])
			found = i;
	return found;
}

const char *check_plan_forbids(struct text plan)
{
	/* Quotes within JSON strings are escaped: only keys and values can look like this. */
	static const struct {
		const char *node, *complaint;
	} forbidden[] = {
		{ "\"Node Type\": \"ModifyTable\"", "a query may not write (ModifyTable)" },
		{ "\"Node Type\": \"LockRows\"", "a query may not lock rows (LockRows)" },
	};

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (plan.len > 0 &&
		    memmem(plan.ptr, plan.len, forbidden[i].node, strlen(forbidden[i].node)))
			return forbidden[i].complaint;
	return NULL;
}
