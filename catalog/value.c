/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a value is said where it stands, with the form that the option wants. */
#include "catalog/value.h"

#include "base/clock.h"
#include "base/nearest.h"

#include <string.h>

/* A value that is none of the words; best.ptr NULL: none is near. */
void value_wrong(struct draft *draft, const struct operation_option *row, struct cut value,
		 struct text best)
{
	if (value.text.len == 0)
		source_error(draft->source, value.at, "a value is missing: @%s %s", row->name,
			     row->form);
	else
		source_error_near(draft->source, value.at, best, "\"%.*s\" is no value of @%s %s",
				  source_shown(value.text), value.text.ptr, row->name, row->form);
}

/* Whole words of an enum by their index; false: it was complained about. */
bool value_word(struct draft *draft, const struct operation_option *row, struct cut value,
		const char *const *words, size_t count, int *index)
{
	struct nearest nearest;

	nearest_init(&nearest, value.text);
	for (size_t i = 0; i < count; i++) {
		if (text_is(value.text, words[i])) {
			*index = (int)i;
			return true;
		}
		nearest_offer(&nearest, text_of(words[i]));
	}
	value_wrong(draft, row, value, nearest.best);
	return false;
}

bool value_duration(struct draft *draft, const struct operation_option *row, struct cut value,
		    int64_t least_us, int64_t most_us, int64_t *us)
{
	int64_t read;

	if (!text_duration(value.text, &read)) {
		if (value.text.len == 0)
			value_wrong(draft, row, value, (struct text){ NULL, 0 });
		else
			source_error(draft->source, value.at,
				     "\"%.*s\" is no duration: a whole number and ms, s, m or h",
				     source_shown(value.text), value.text.ptr);
		return false;
	}
	if (read < least_us || read > most_us) {
		source_error(draft->source, value.at, "@%s is from %lldms to %lldms", row->name,
			     (long long)(least_us / US_PER_MS), (long long)(most_us / US_PER_MS));
		return false;
	}
	*us = read;
	return true;
}

bool value_number(struct draft *draft, const struct operation_option *row, struct cut value,
		  uint64_t least, uint64_t most, uint64_t *number)
{
	uint64_t read;

	if (value.text.len == 0) {
		value_wrong(draft, row, value, (struct text){ NULL, 0 });
		return false;
	}
	if (!text_number(value.text, most, &read) || read < least) {
		source_error(draft->source, value.at, "@%s is a number from %llu to %llu",
			     row->name, (unsigned long long)least, (unsigned long long)most);
		return false;
	}
	*number = read;
	return true;
}

/* "key=" in front of a word; the value is what is left of it. */
bool value_key(struct cut word, const char *key, struct cut *value)
{
	size_t len = strlen(key);

	if (word.text.len <= len || memcmp(word.text.ptr, key, len) != 0 ||
	    word.text.ptr[len] != '=')
		return false;
	(void)cut_take(&word, len + 1);
	*value = word;
	return true;
}

/* A key that no option has, or has twice. */
void value_wrong_key(struct draft *draft, const struct operation_option *row, struct cut word,
		     const char *const *keys, size_t count)
{
	const char *equals = memchr(word.text.ptr, '=', word.text.len);
	struct text key = { word.text.ptr,
			    equals ? (size_t)(equals - word.text.ptr) : word.text.len };
	struct nearest nearest;

	nearest_init(&nearest, key);
	for (size_t i = 0; i < count; i++)
		if (!text_is(key, keys[i]))
			nearest_offer(&nearest, text_of(keys[i]));
	source_error_near(draft->source, word.at, nearest.best,
			  "\"%.*s\" does not belong in @%s %s", source_shown(word.text),
			  word.text.ptr, row->name, row->form);
}
