/* SPDX-License-Identifier: Apache-2.0 */
/* The headers are put together once: replies copy them. */
#include "catalog/deprecated_option.h"

#include "base/nearest.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DEPRECATED_DAY_BYTES 10   /* YYYY-MM-DD */
#define DEPRECATED_TEXT_BYTES 400 /* of the longest header, with the name of an operation */

/* --- while the operation is read -------------------------------------------------------------- */

static int deprecated_digits(struct text text, size_t at, size_t count)
{
	int number = 0;

	for (size_t i = at; i < at + count; i++)
		number = 10 * number + (text.ptr[i] - '0');
	return number;
}

/* A day of the calendar, of a year from 1970 on. */
static bool deprecated_day(struct text text, struct tm *day)
{
	struct tm again;
	time_t seconds;

	if (text.len != DEPRECATED_DAY_BYTES)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (i == 4 || i == 7 ? text.ptr[i] != '-' : text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	*day = (struct tm){ .tm_year = deprecated_digits(text, 0, 4) - 1900,
			    .tm_mon = deprecated_digits(text, 5, 2) - 1,
			    .tm_mday = deprecated_digits(text, 8, 2) };
	again = *day;
	seconds = timegm(&again);
	/* The 31st of a short month is another day by then. */
	return seconds >= 0 && again.tm_mon == day->tm_mon && again.tm_mday == day->tm_mday;
}

static const char *deprecated_text(struct arena *arena, const char *text)
{
	return arena_copy(arena, text, strlen(text));
}

static void deprecated_headers(struct draft *draft, struct tm *day)
{
	struct deprecation *headers = &draft->operation.deprecated.headers;
	char text[64];

	snprintf(text, sizeof(text), "@%lld", (long long)timegm(day));
	headers->since = deprecated_text(draft->arena, text);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", day);
	headers->sunset = deprecated_text(draft->arena, text);
}

void deprecated_option(struct draft *draft, const struct operation_option *row, struct cut value)
{
	static const char *const keys[] = { "use" };
	struct deprecated *deprecated = &draft->operation.deprecated;
	struct cut word = cut_word(&value), part;
	struct tm day;

	if (!deprecated_day(word.text, &day)) {
		source_error(draft->source, word.at, "@%s is a day, as 2027-03-31, not \"%.*s\"",
			     row->name, source_shown(word.text), word.text.ptr);
		return;
	}
	deprecated->day = arena_copy(draft->arena, word.text.ptr, word.text.len);
	deprecated_headers(draft, &day);
	while ((word = cut_word(&value)).text.len > 0) {
		if (!deprecated->successor.ptr && value_key(word, "use", &part)) {
			deprecated->successor = arena_text(draft->arena, part.text);
			deprecated->place = source_place(draft->source, part.at);
		} else {
			value_wrong_key(draft, row, word, keys, 1);
		}
	}
}

/* --- once all files are read ------------------------------------------------------------------ */

static void deprecated_complain(struct loading *loading, const struct operation *operation)
{
	const struct deprecated *deprecated = &operation->deprecated;
	struct nearest nearest;

	nearest_init(&nearest, deprecated->successor);
	for (unsigned i = 0; i < loading->count; i++)
		if (&loading->operations[i] != operation)
			nearest_offer(&nearest, text_of(loading->operations[i].name));
	complain_near(&loading->complaints, deprecated->place, nearest.best,
		      "there is no operation \"%.*s\"", source_shown(deprecated->successor),
		      deprecated->successor.ptr);
}

static void deprecated_check(struct loading *loading, struct operation *operation)
{
	struct deprecated *deprecated = &operation->deprecated;
	const struct operation *successor;
	char link[DEPRECATED_TEXT_BYTES];

	if (!deprecated->successor.ptr)
		return;
	successor = loading_find(loading, deprecated->successor);
	if (!successor) {
		deprecated_complain(loading, operation);
	} else if (successor == operation) {
		complain_at(&loading->complaints, deprecated->place,
			    "%s is what is deprecated: use= names what to call instead",
			    operation->name);
	} else {
		snprintf(link, sizeof(link), "</v1/%s/%s>; rel=\"successor-version\"",
			 successor->kind == REQUEST_QUERY ? "queries" : "commands",
			 successor->name);
		deprecated->headers.link = deprecated_text(&loading->arena, link);
	}
}

void deprecated_options_check(struct loading *loading)
{
	/* What is missing may be what could not be read. */
	if (loading->complaints.count)
		return;
	for (unsigned i = 0; i < loading->count; i++)
		deprecated_check(loading, &loading->operations[i]);
}
