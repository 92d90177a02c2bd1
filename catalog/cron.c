/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A field becomes a set of bits, and the next time is found by a walk over days. The calendar comes
 * again after 400 years, which are whole weeks: what has not come by then never does.
 */
#include "catalog/cron.h"

#include "base/nearest.h"
#include "catalog/lexer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define MINUTES_PER_DAY 1440
#define DAYS_OF_CALENDAR 146097 /* of 400 years */

#define NAME_LETTERS 3
#define ONE UINT64_C(1)

static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun",
				      "jul", "aug", "sep", "oct", "nov", "dec" };
static const char *const weekdays[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

enum { FIELD_MINUTE, FIELD_HOUR, FIELD_DAY, FIELD_MONTH, FIELD_WEEKDAY, FIELDS };

static const struct cron_field {
	const char *name, *values;
	unsigned least, most; /* that a star stands for */
	unsigned written;     /* the most that may be written */
	const char *const *names;
	unsigned names_count;
} fields[FIELDS] = {
	[FIELD_MINUTE] = { "minute", "0 to 59", 0, 59, 59, NULL, 0 },
	[FIELD_HOUR] = { "hour", "0 to 23", 0, 23, 23, NULL, 0 },
	[FIELD_DAY] = { "day of a month", "1 to 31", 1, 31, 31, NULL, 0 },
	[FIELD_MONTH] = { "month", "1 to 12, or jan to dec", 1, 12, 12, months, 12 },
	[FIELD_WEEKDAY] = { "weekday", "0 to 7, or sun to sat", 0, 6, 7, weekdays, 7 },
};

/* What other crons have instead of fields. */
static const struct {
	const char *word, *means;
} nicknames[] = {
	{ "@hourly", "0 * * * *" },   { "@daily", "0 0 * * *" },   { "@midnight", "0 0 * * *" },
	{ "@weekly", "0 0 * * 0" },   { "@monthly", "0 0 1 * *" }, { "@yearly", "0 0 1 1 *" },
	{ "@annually", "0 0 1 1 *" },
};

/* --- read ------------------------------------------------------------------------------------- */

/* For "%.*s": nothing long is shown. */
static int cron_shown(struct cut cut)
{
	return cut.text.len > 32 ? 32 : (int)cut.text.len;
}

static bool cron_wrong(struct cron_problem *problem, struct cut where, struct text best)
{
	problem->where = where;
	problem->best = best;
	return false;
}

/* Which name was meant: by its first letters, else the nearest. */
static struct text cron_name_near(const struct cron_field *field, struct text word)
{
	struct nearest nearest;

	nearest_init(&nearest, word);
	for (unsigned i = 0; i < field->names_count; i++) {
		struct text begins = { word.ptr, NAME_LETTERS };

		if (word.len > NAME_LETTERS && text_is_nocase(begins, field->names[i]))
			return text_of(field->names[i]);
		nearest_offer(&nearest, text_of(field->names[i]));
	}
	return nearest.best;
}

static bool cron_read_value(const struct cron_field *field, struct cut word, unsigned *value,
			    bool *is_name, struct cron_problem *problem)
{
	uint64_t number;

	*is_name = false;
	if (text_number(word.text, field->written, &number) && number >= field->least) {
		*value = (unsigned)number;
		return true;
	}
	for (unsigned i = 0; i < field->names_count; i++)
		if (text_is_nocase(word.text, field->names[i])) {
			*value = field->least + i;
			*is_name = true;
			return true;
		}
	snprintf(problem->what, sizeof(problem->what), "\"%.*s\" is no %s: %s", cron_shown(word),
		 word.text.ptr, field->name, field->values);
	return cron_wrong(problem, word, cron_name_near(field, word.text));
}

/* What stands before a byte, taken off the front with it; all of it where there is no such byte. */
static struct cut cron_before(struct cut *rest, char byte, bool *found)
{
	const char *at = memchr(rest->text.ptr, byte, rest->text.len);
	struct cut before = cut_take(rest, at ? (size_t)(at - rest->text.ptr) : rest->text.len);

	*found = at != NULL;
	if (at)
		(void)cut_take(rest, 1);
	return before;
}

/* First to last; a Sunday by its name may end what begins on another day. */
static bool cron_read_range(const struct cron_field *field, struct cut range, unsigned *first,
			    unsigned *last, struct cron_problem *problem)
{
	struct cut rest = range, from;
	bool is_range, is_name;

	if (text_is(range.text, "*")) {
		*first = field->least;
		*last = field->most;
		return true;
	}
	from = cron_before(&rest, '-', &is_range);
	if (!cron_read_value(field, from, first, &is_name, problem))
		return false;
	*last = *first;
	if (!is_range)
		return true;
	if (!cron_read_value(field, rest, last, &is_name, problem))
		return false;
	if (is_name && field == &fields[FIELD_WEEKDAY] && *last == 0 && *first > 0)
		*last = 7;
	if (*first <= *last)
		return true;
	snprintf(problem->what, sizeof(problem->what), "%.*s ends before it begins",
		 cron_shown(range), range.text.ptr);
	return cron_wrong(problem, range, (struct text){ NULL, 0 });
}

static bool cron_read_step(const struct cron_field *field, struct cut range, struct cut word,
			   uint64_t *step, struct cron_problem *problem)
{
	unsigned values = field->most - field->least + 1;

	if (!text_is(range.text, "*") && !memchr(range.text.ptr, '-', range.text.len)) {
		snprintf(problem->what, sizeof(problem->what), "a step is of a range: %.*s-%u/%.*s",
			 cron_shown(range), range.text.ptr, field->most, cron_shown(word),
			 word.text.ptr);
		return cron_wrong(problem, range, (struct text){ NULL, 0 });
	}
	if (text_number(word.text, values, step) && *step > 0)
		return true;
	snprintf(problem->what, sizeof(problem->what), "\"%.*s\" is no step here: 1 to %u",
		 cron_shown(word), word.text.ptr, values);
	return cron_wrong(problem, word, (struct text){ NULL, 0 });
}

/* One of "1,3-5,10-20/5". */
static bool cron_read_element(const struct cron_field *field, struct cut element, uint64_t *bits,
			      struct cron_problem *problem)
{
	struct cut rest = element, range;
	unsigned first, last;
	uint64_t step = 1;
	bool stepped;

	range = cron_before(&rest, '/', &stepped);
	if (!cron_read_range(field, range, &first, &last, problem))
		return false;
	if (stepped && !cron_read_step(field, range, rest, &step, problem))
		return false;
	for (unsigned value = first; value <= last; value += (unsigned)step)
		*bits |= ONE << value;
	return true;
}

static bool cron_read_field(const struct cron_field *field, struct cut word, uint64_t *bits,
			    struct cron_problem *problem)
{
	bool more;

	*bits = 0;
	do {
		struct cut element = cron_before(&word, ',', &more);

		if (!cron_read_element(field, element, bits, problem))
			return false;
	} while (more);
	return true;
}

static bool cron_count_is_wrong(struct cut text, unsigned count, struct cron_problem *problem)
{
	struct text best = { NULL, 0 };

	for (size_t i = 0; i < sizeof(nicknames) / sizeof(nicknames[0]); i++)
		if (text_is_nocase(text.text, nicknames[i].word))
			best = text_of(nicknames[i].means);
	snprintf(problem->what, sizeof(problem->what),
		 "%u field%s instead of five: minute hour day month weekday", count,
		 count == 1 ? "" : "s");
	return cron_wrong(problem, text, best);
}

/* Fields as they stand, apart from the blanks. False: there are not five. */
static bool cron_cut(struct cut text, struct cut words[FIELDS], struct cron_problem *problem)
{
	struct cut rest = text, word;
	unsigned count = 0;

	while ((word = cut_word(&rest)).text.len > 0) {
		if (count < FIELDS)
			words[count] = word;
		count++;
	}
	return count == FIELDS || cron_count_is_wrong(text, count, problem);
}

static bool cron_find(const struct cron *cron, int64_t after_s, int64_t *next_s);

bool cron_read(struct cron *cron, struct cut text, struct cron_problem *problem)
{
	struct cut words[FIELDS];
	uint64_t bits[FIELDS];
	int64_t next_s;

	text = cut_trim(text);
	if (!cron_cut(text, words, problem))
		return false;
	for (unsigned i = 0; i < FIELDS; i++)
		if (!cron_read_field(&fields[i], words[i], &bits[i], problem))
			return false;
	*cron = (struct cron){
		.minutes = bits[FIELD_MINUTE],
		.hours = (uint32_t)bits[FIELD_HOUR],
		.days = (uint32_t)bits[FIELD_DAY],
		.months = (uint32_t)bits[FIELD_MONTH],
		.weekdays = (uint32_t)((bits[FIELD_WEEKDAY] | bits[FIELD_WEEKDAY] >> 7) & 0x7f),
		.either = words[FIELD_DAY].text.ptr[0] != '*' &&
			  words[FIELD_WEEKDAY].text.ptr[0] != '*',
	};
	if (cron_find(cron, 0, &next_s))
		return true;
	snprintf(problem->what, sizeof(problem->what), "no such day ever comes");
	return cron_wrong(problem, words[FIELD_DAY], (struct text){ NULL, 0 });
}

/* --- the next time ---------------------------------------------------------------------------- */

/* Day 0 is 1970-01-01; in years that begin in March a leap day is the last one. */
static void cron_date(int64_t day, unsigned *month, unsigned *day_of_month)
{
	int64_t of_era = (day + 719468) % DAYS_OF_CALENDAR;
	int64_t year, of_year, from_march;

	if (of_era < 0)
		of_era += DAYS_OF_CALENDAR;
	year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year + year / 4 - year / 100);
	from_march = (5 * of_year + 2) / 153;
	*day_of_month = (unsigned)(of_year - (153 * from_march + 2) / 5 + 1);
	*month = (unsigned)(from_march < 10 ? from_march + 3 : from_march - 9);
}

static unsigned cron_weekday(int64_t day)
{
	int64_t weekday = (day + 4) % 7; /* 1970-01-01 was a Thursday */

	return (unsigned)(weekday < 0 ? weekday + 7 : weekday);
}

static bool cron_has_day(const struct cron *cron, int64_t day)
{
	unsigned month, day_of_month;
	bool by_day, by_weekday;

	cron_date(day, &month, &day_of_month);
	by_day = cron->days & ONE << day_of_month;
	by_weekday = cron->weekdays & ONE << cron_weekday(day);
	if (!(cron->months & ONE << month))
		return false;
	return cron->either ? by_day || by_weekday : by_day && by_weekday;
}

/* The first one from that minute of a day on; MINUTES_PER_DAY: none is left. */
static unsigned cron_minute(const struct cron *cron, unsigned from)
{
	for (unsigned minute = from; minute < MINUTES_PER_DAY; minute++)
		if (cron->hours & ONE << minute / 60 && cron->minutes & ONE << minute % 60)
			return minute;
	return MINUTES_PER_DAY;
}

static int64_t cron_floor(int64_t number, int64_t by)
{
	return number / by - (number % by < 0);
}

static bool cron_find(const struct cron *cron, int64_t after_s, int64_t *next_s)
{
	int64_t minutes = cron_floor(after_s, 60) + 1;
	int64_t first = cron_floor(minutes, MINUTES_PER_DAY);
	unsigned from = (unsigned)(minutes - first * MINUTES_PER_DAY);

	for (int64_t day = first; day <= first + DAYS_OF_CALENDAR; day++, from = 0) {
		unsigned minute =
			cron_has_day(cron, day) ? cron_minute(cron, from) : MINUTES_PER_DAY;

		if (minute == MINUTES_PER_DAY)
			continue;
		*next_s = (day * MINUTES_PER_DAY + minute) * 60;
		return true;
	}
	return false;
}

int64_t cron_next(const struct cron *cron, int64_t after_s)
{
	int64_t next_s = 0;
	bool found = cron_find(cron, after_s, &next_s);

	assert(found);
	return next_s;
}
