/* SPDX-License-Identifier: Apache-2.0 */
/* "Default page size" and "Null means any" are descriptions: what follows the word decides. */
#include "catalog/param_clause.h"

#include <string.h>

#define DASH_ADVICE "; a description that begins so stands behind a dash"

/* The next word, without a comma or semicolon at its end. */
static struct text clause_word(struct cut *rest)
{
	struct text word = cut_word(rest).text;

	while (word.len > 0 && strchr(",;", word.ptr[word.len - 1]))
		word.len--;
	return word;
}

/* Is the clause over, so that no sentence goes on? */
static bool clause_ends(struct cut rest)
{
	struct text word = clause_word(&rest);

	return word.len == 0 || word.ptr[0] == '=' || word.ptr[0] == '-' ||
	       (unsigned char)word.ptr[0] >= 0x80 || text_is_nocase(word, "default");
}

static bool is_value(struct text word, struct cut behind)
{
	static const char *const words[] = { "true", "false", "null" };

	if (word.len == 0 || byte_is_digit(word.ptr[0]) || strchr("'+-.=", word.ptr[0]) ||
	    memchr(word.ptr, '(', word.len))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (text_is_nocase(word, words[i]))
			return true;
	return clause_ends(behind);
}

static void refuse_default(struct draft *draft, size_t at, const struct parameter *parameter,
			   struct text value)
{
	const char *before = parameter->type ? parameter->type : parameter->name;

	if (value.len && memchr(value.ptr, '(', value.len)) {
		source_error(draft->source, at,
			     "a default is a literal behind \"=\", not an expression: write "
			     "coalesce(:%s, …) in the statement" DASH_ADVICE,
			     parameter->name);
		return;
	}
	source_error(draft->source, at,
		     "a default stands behind \"=\": write \"%s = %.*s\"" DASH_ADVICE, before,
		     value.len ? source_shown(value) : 5, value.len ? value.ptr : "VALUE");
}

bool param_clause_refused(struct draft *draft, const struct parameter *parameter, struct cut rest)
{
	struct cut from = cut_trim(rest), behind = from, further;
	struct text word, next;

	if (from.text.len > 1 && memcmp(from.text.ptr, ":=", 2) == 0) {
		(void)cut_take(&behind, 2);
		refuse_default(draft, from.at, parameter, clause_word(&behind));
		return true;
	}
	word = clause_word(&behind);
	further = behind;
	next = clause_word(&further);
	if (text_is_nocase(word, "not") && text_is_nocase(next, "null")) {
		source_error(draft->source, from.at,
			     "a parameter without a \"?\" is required anyway: leave "
			     "\"not null\" out" DASH_ADVICE);
		return true;
	}
	if (text_is_nocase(word, "null") && clause_ends(behind)) {
		source_error(draft->source, from.at,
			     "what is optional has a \"?\": write \"%s?\"" DASH_ADVICE,
			     parameter->type ? parameter->type : parameter->name);
		return true;
	}
	if (text_is_nocase(word, "default") && is_value(next, further)) {
		refuse_default(draft, from.at, parameter, next);
		return true;
	}
	return false;
}

bool param_clause_colon(struct draft *draft, struct cut *name, struct cut rest)
{
	struct text whole = name->text, type;
	const char *colon = whole.len ? memchr(whole.ptr, ':', whole.len) : NULL;

	if (!colon || colon == whole.ptr)
		return false;
	name->text.len = (size_t)(colon - whole.ptr);
	type = (struct text){ colon + 1, whole.len - name->text.len - 1 };
	if (type.len == 0)
		type = cut_word(&rest).text;
	source_error(draft->source, name->at,
		     "no colon stands behind the name of a parameter: write \"%.*s %.*s\"",
		     source_shown(name->text), name->text.ptr, type.len ? source_shown(type) : 4,
		     type.len ? type.ptr : "TYPE");
	return true;
}
