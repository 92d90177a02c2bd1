/* SPDX-License-Identifier: Apache-2.0 */
/* One function for each kind of value. */
#include "base/option_values.h"

#include "base/clock.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A value where it stands. */
struct given {
	const struct option_row *row;
	const char *value, *place;
	char *error;
	size_t error_room;
};

/* "place: …"; always false. */
static bool printf_like(2, 3) wrong(const struct given *given, const char *format, ...)
{
	int len = snprintf(given->error, given->error_room, "%s: ", given->place);
	va_list args;

	if (len < 0 || (size_t)len >= given->error_room)
		return false;
	va_start(args, format);
	vsnprintf(given->error + len, given->error_room - (size_t)len, format, args);
	va_end(args);
	return false;
}

static bool set_number(const struct given *given, int64_t *number)
{
	const struct option_row *row = given->row;
	const char *value = given->value;
	char *end;

	errno = 0;
	*number = strtoll(value, &end, 10);
	/* strtoll alone would take leading spaces and a plus. */
	if (!isdigit((unsigned char)value[*value == '-']) || *end)
		return wrong(given, "wants a whole number, not \"%.40s\"", value);
	if (errno == ERANGE || *number < row->min || *number > row->max)
		return wrong(given, "%.40s is out of range (%lld to %lld)", value,
			     (long long)row->min, (long long)row->max);
	if (row->kind == OPTION_MILLIS)
		*number *= US_PER_MS;
	return true;
}

int option_choice(const char *words, const char *word, struct nearest *nearest)
{
	int found = -1;

	for (int i = 0; *words; i++) {
		struct text one = { words, strcspn(words, "|") };

		if (text_is(one, word))
			found = i;
		if (nearest)
			nearest_offer(nearest, one);
		words += one.len + (words[one.len] == '|');
	}
	return found;
}

static bool set_choice(const struct given *given, int *choice)
{
	const char *words = given->row->words, *value = given->value;
	struct nearest nearest;

	nearest_init(&nearest, text_of(value));
	*choice = option_choice(words, value, &nearest);
	if (*choice >= 0)
		return true;
	if (nearest.best.ptr)
		return wrong(given, "wants %s, not \"%.40s\"; did you mean \"%.*s\"?", words, value,
			     (int)nearest.best.len, nearest.best.ptr);
	return wrong(given, "wants %s, not \"%.40s\"", words, value);
}

static bool set_switch(const struct given *given, bool *on)
{
	static const char *const yes[] = { "true", "yes", "on", "1" };
	static const char *const no[] = { "false", "no", "off", "0" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		*on = strcmp(given->value, yes[i]) == 0;
		if (*on || strcmp(given->value, no[i]) == 0)
			return true;
	}
	return wrong(given, "wants true or false, not \"%.40s\"", given->value);
}

static bool set_policy(const struct given *given, struct rate_policies *policies,
		       struct arena *arena)
{
	char reason[256];

	return rate_policies_add(policies, given->value, arena, reason, sizeof(reason)) ||
	       wrong(given, "%s", reason);
}

bool option_set(const struct option_row *row, const char *value, const char *place, void *field,
		struct arena *arena, char *error, size_t error_room)
{
	struct given given = { row, value, place, error, error_room };
	struct option_list *list = field;

	switch (row->kind) {
	case OPTION_MILLIS:
	case OPTION_NUMBER:
		return set_number(&given, field);
	case OPTION_CHOICE:
		return set_choice(&given, field);
	case OPTION_SWITCH:
		return set_switch(&given, field);
	case OPTION_STRING:
		if (!*value)
			return wrong(&given, "is empty");
		*(const char **)field = arena_copy(arena, value, strlen(value));
		return true;
	case OPTION_STRINGS:
		if (!*value)
			return wrong(&given, "is empty");
		if (list->count == NODES_MAX)
			return wrong(&given, "more than %d values", NODES_MAX);
		list->items[list->count++] = arena_copy(arena, value, strlen(value));
		return true;
	case OPTION_POLICIES:
		return set_policy(&given, field, arena);
	}
	assert(!"a kind of option");
	return false;
}
