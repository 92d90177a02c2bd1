/* SPDX-License-Identifier: Apache-2.0 */
/* Times as crontab has them: what is read, what comes next, and what is refused. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/random.h"
#include "catalog/cron.h"
#include "catalog/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static struct cut cut_of(const char *text)
{
	return (struct cut){ text_of(text), 0 };
}

static struct cron cron_of(const char *text)
{
	struct cron_problem problem;
	struct cron cron;

	if (!cron_read(&cron, cut_of(text), &problem))
		fail_msg("%s: %s", text, problem.what);
	return cron;
}

/* "2026-11-29 12:00:30" of UTC. */
static int64_t time_of(const char *text)
{
	struct tm tm = { 0 };

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
	return timegm(&tm);
}

static void assert_next(const char *text, const char *after, const char *next)
{
	struct cron cron = cron_of(text);
	time_t found = (time_t)cron_next(&cron, time_of(after));
	char shown[32];
	struct tm tm;

	gmtime_r(&found, &tm);
	strftime(shown, sizeof(shown), "%Y-%m-%d %H:%M:%S", &tm);
	if (strcmp(shown, next) != 0)
		fail_msg("%s after %s: %s instead of %s", text, after, shown, next);
}

/* 2026-11-29 is a Sunday. */
static const struct {
	const char *text, *after, *next;
} times[] = {
	{ "* * * * *", "2026-11-29 12:00:00", "2026-11-29 12:01:00" },
	{ "* * * * *", "2026-11-29 12:00:59", "2026-11-29 12:01:00" },
	{ "* * * * *", "2026-12-31 23:59:00", "2027-01-01 00:00:00" },
	{ "  *\t*  * * *  ", "1969-12-31 23:59:59", "1970-01-01 00:00:00" },
	{ "* * * * *", "1969-12-31 23:58:30", "1969-12-31 23:59:00" },
	{ "0 3 * * *", "2026-11-29 02:59:59", "2026-11-29 03:00:00" },
	{ "0 3 * * *", "2026-11-29 03:00:00", "2026-11-30 03:00:00" },
	{ "59 23 * * *", "2026-11-29 23:59:00", "2026-11-30 23:59:00" },
	{ "*/5 * * * *", "2026-11-29 12:55:00", "2026-11-29 13:00:00" },
	{ "*/7 * * * *", "2026-11-29 12:56:00", "2026-11-29 13:00:00" },
	{ "3-59/20 * * * *", "2026-11-29 12:03:00", "2026-11-29 12:23:00" },
	{ "*/60 * * * *", "2026-11-29 12:00:00", "2026-11-29 13:00:00" },
	{ "1,2,59 * * * *", "2026-11-29 12:02:00", "2026-11-29 12:59:00" },
	{ "0 9-17 * * *", "2026-11-29 17:00:00", "2026-11-30 09:00:00" },
	{ "0 9-17/4 * * *", "2026-11-29 09:00:00", "2026-11-29 13:00:00" },
	{ "0 0,12 * * *", "2026-11-29 00:00:00", "2026-11-29 12:00:00" },
	{ "00 003 * * *", "2026-11-29 00:00:00", "2026-11-29 03:00:00" },
	{ "0-59 0-23 1-31 1-12 *", "2026-11-29 00:00:00", "2026-11-29 00:01:00" },
	/* months and their names */
	{ "0 0 1 jan *", "2026-11-29 00:00:00", "2027-01-01 00:00:00" },
	{ "0 0 1 JAN-mar,Dec *", "2026-11-29 00:00:00", "2026-12-01 00:00:00" },
	{ "0 0 1 */3 *", "2026-11-29 00:00:00", "2027-01-01 00:00:00" },
	{ "0 0 1 2-12/5 *", "2026-02-01 00:00:00", "2026-07-01 00:00:00" },
	/* weekdays and their names */
	{ "0 0 * * 0", "2026-11-29 00:00:00", "2026-12-06 00:00:00" },
	{ "0 0 * * 7", "2026-11-28 00:00:00", "2026-11-29 00:00:00" },
	{ "0 0 * * sun", "2026-11-28 00:00:00", "2026-11-29 00:00:00" },
	{ "0 0 * * Mon-Fri", "2026-11-27 00:00:00", "2026-11-30 00:00:00" },
	{ "0 0 * * 5-7", "2026-11-29 00:00:00", "2026-12-04 00:00:00" },
	{ "0 0 * * fri-sun", "2026-11-28 00:00:00", "2026-11-29 00:00:00" },
	{ "0 0 * * 6-sun", "2026-11-29 00:00:00", "2026-12-05 00:00:00" },
	{ "0 0 * * sun-tue", "2026-12-01 00:00:00", "2026-12-06 00:00:00" },
	{ "0 0 * * 1-7/3", "2026-11-30 00:00:00", "2026-12-03 00:00:00" },
	{ "0 0 * * 0-7", "2026-11-29 00:00:00", "2026-11-30 00:00:00" },
	{ "0 0 * * */2", "2026-11-29 00:00:00", "2026-12-01 00:00:00" },
	/* either is enough where neither begins with a star */
	{ "0 0 13 * 5", "2026-11-29 00:00:00", "2026-12-04 00:00:00" },
	{ "0 0 13 * 5", "2026-12-11 00:00:00", "2026-12-13 00:00:00" },
	{ "0 0 1-31 * 5", "2026-11-29 00:00:00", "2026-11-30 00:00:00" },
	{ "0 0 31 2 1", "2026-11-29 00:00:00", "2027-02-01 00:00:00" },
	{ "0 0 10 * 0-7", "2026-11-29 00:00:00", "2026-11-30 00:00:00" },
	{ "0 0 10,* * 1", "2026-11-29 00:00:00", "2026-11-30 00:00:00" },
	/* both where one does */
	{ "0 0 13 * *", "2026-11-29 00:00:00", "2026-12-13 00:00:00" },
	{ "0 0 * * 5", "2026-11-29 00:00:00", "2026-12-04 00:00:00" },
	{ "0 0 */2 * 5", "2026-11-29 00:00:00", "2026-12-11 00:00:00" },
	{ "0 0 13 * */5", "2026-11-29 00:00:00", "2026-12-13 00:00:00" },
	{ "0 0 13 * */6", "2026-11-29 00:00:00", "2026-12-13 00:00:00" },
	{ "0 0 *,10 * 1", "2026-11-29 00:00:00", "2026-11-30 00:00:00" },
	{ "0 0 10 * *,1", "2026-11-29 00:00:00", "2026-12-10 00:00:00" },
	/* days that not all months and years have */
	{ "0 0 31 * *", "2026-11-29 00:00:00", "2026-12-31 00:00:00" },
	{ "0 0 31 * *", "2026-12-31 00:00:00", "2027-01-31 00:00:00" },
	{ "0 0 30 * *", "2027-01-30 00:00:00", "2027-03-30 00:00:00" },
	{ "0 0 29 2 *", "2026-11-29 00:00:00", "2028-02-29 00:00:00" },
	{ "0 0 29 2 *", "2096-02-29 00:00:00", "2104-02-29 00:00:00" },
	{ "0 0 29 2 *", "1999-12-31 00:00:00", "2000-02-29 00:00:00" },
	{ "0 0 29 2 */7", "2026-11-29 00:00:00", "2032-02-29 00:00:00" },
	{ "0 0 29 2 */7", "2088-02-29 00:00:00", "2128-02-29 00:00:00" },
	{ "59 23 28 2 *", "2027-02-28 23:59:00", "2028-02-28 23:59:00" },
	{ "0 0 1 3 *", "2028-02-29 12:00:00", "2028-03-01 00:00:00" },
};

static void the_next_time_is_the_first_one_strictly_after(void **state)
{
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_next(times[i].text, times[i].after, times[i].next);
}

static const struct {
	const char *text, *what;
	size_t at;
	const char *best;
} wrong[] = {
#define FIVE " instead of five: minute hour day month weekday"
	{ "", "0 fields" FIVE, 0, NULL },
	{ "5", "1 field" FIVE, 0, NULL },
	{ "* * * *", "4 fields" FIVE, 0, NULL },
	{ " 0 * * * * *", "6 fields" FIVE, 1, NULL },
	{ "@daily", "1 field" FIVE, 0, "0 0 * * *" },
	{ "@Hourly", "1 field" FIVE, 0, "0 * * * *" },
	{ "@reboot", "1 field" FIVE, 0, NULL },
	{ "60 * * * *", "\"60\" is no minute: 0 to 59", 0, NULL },
	{ "-1 * * * *", "\"\" is no minute: 0 to 59", 0, NULL },
	{ "5- * * * *", "\"\" is no minute: 0 to 59", 2, NULL },
	{ "1,,2 * * * *", "\"\" is no minute: 0 to 59", 2, NULL },
	{ "1, * * * *", "\"\" is no minute: 0 to 59", 2, NULL },
	{ "1.5 * * * *", "\"1.5\" is no minute: 0 to 59", 0, NULL },
	{ "** * * * *", "\"**\" is no minute: 0 to 59", 0, NULL },
	{ "99999999999999999999 * * * *", "\"99999999999999999999\" is no minute: 0 to 59", 0,
	  NULL },
	{ "* 24 * * *", "\"24\" is no hour: 0 to 23", 2, NULL },
	{ "* 12pm * * *", "\"12pm\" is no hour: 0 to 23", 2, NULL },
	{ "* * 0 * *", "\"0\" is no day of a month: 1 to 31", 4, NULL },
	{ "* * 32 * *", "\"32\" is no day of a month: 1 to 31", 4, NULL },
	{ "* * L * *", "\"L\" is no day of a month: 1 to 31", 4, NULL },
	{ "* * ? * *", "\"?\" is no day of a month: 1 to 31", 4, NULL },
	{ "* * mon * *", "\"mon\" is no day of a month: 1 to 31", 4, NULL },
	{ "* * * 0 *", "\"0\" is no month: 1 to 12, or jan to dec", 6, NULL },
	{ "* * * 13 *", "\"13\" is no month: 1 to 12, or jan to dec", 6, NULL },
	{ "* * * march *", "\"march\" is no month: 1 to 12, or jan to dec", 6, "mar" },
	{ "* * * jum *", "\"jum\" is no month: 1 to 12, or jan to dec", 6, "jun" },
	{ "* * * 1-okt *", "\"okt\" is no month: 1 to 12, or jan to dec", 8, "oct" },
	{ "* * * * 8", "\"8\" is no weekday: 0 to 7, or sun to sat", 8, NULL },
	{ "* * * * Monday", "\"Monday\" is no weekday: 0 to 7, or sun to sat", 8, "mon" },
	{ "* * * * 1#2", "\"1#2\" is no weekday: 0 to 7, or sun to sat", 8, NULL },
	{ "30-10 * * * *", "30-10 ends before it begins", 0, NULL },
	{ "* * * * 5-0", "5-0 ends before it begins", 8, NULL },
	{ "* * * * sat-fri", "sat-fri ends before it begins", 8, NULL },
	{ "* * * nov-feb *", "nov-feb ends before it begins", 6, NULL },
	{ "*/0 * * * *", "\"0\" is no step here: 1 to 60", 2, NULL },
	{ "*/ * * * *", "\"\" is no step here: 1 to 60", 2, NULL },
	{ "*/90 * * * *", "\"90\" is no step here: 1 to 60", 2, NULL },
	{ "*/5/2 * * * *", "\"5/2\" is no step here: 1 to 60", 2, NULL },
	{ "* 0,*/25 * * *", "\"25\" is no step here: 1 to 24", 6, NULL },
	{ "5/15 * * * *", "a step is of a range: 5-59/15", 0, NULL },
	{ "* * * * mon/2", "a step is of a range: mon-6/2", 8, NULL },
	{ "* * 31 2 *", "no such day ever comes", 4, NULL },
	{ "* * 30 2 *", "no such day ever comes", 4, NULL },
	{ "* * 31 2,4,jun,9,nov *", "no such day ever comes", 4, NULL },
	{ "* * 30,31 2 */2", "no such day ever comes", 4, NULL },
};

static void what_is_no_time_says_why_and_where(void **state)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct cron_problem problem;
		struct cron cron;

		if (cron_read(&cron, cut_of(wrong[i].text), &problem))
			fail_msg("%s was read", wrong[i].text);
		assert_string_equal(problem.what, wrong[i].what);
		assert_int_equal(problem.where.at, wrong[i].at);
		if (!wrong[i].best)
			assert_null(problem.best.ptr);
		else
			assert_true(text_is(problem.best, wrong[i].best));
	}
}

static void what_is_long_is_shown_in_part(void **state)
{
	char text[4096];
	struct cron_problem problem;
	struct cron cron;

	memset(text, 'x', sizeof(text));
	memcpy(text + sizeof(text) - 9, " * * * *", 9);
	assert_false(cron_read(&cron, cut_of(text), &problem));
	assert_true(strlen(problem.what) < CRON_PROBLEM_BYTES);
	assert_non_null(strstr(problem.what, "is no minute"));
}

/* --- beside a walk over all minutes ----------------------------------------------------------- */

static struct random dice;

struct field {
	bool has[60];
	bool begins_with_star;
};

static unsigned throw_dice(unsigned least, unsigned most)
{
	return least + (unsigned)random_below(&dice, most - least + 1);
}

static void add_element(struct buf *text, struct field *field, unsigned least, unsigned most)
{
	unsigned first = throw_dice(least, most), last = first, step = 1;

	if (random_below(&dice, 4) == 0) {
		first = least;
		last = most;
		step = throw_dice(1, most - least + 1);
		buf_printf(text, "*/%u", step);
	} else if (random_below(&dice, 2)) {
		last = throw_dice(first, most);
		step = throw_dice(1, 4);
		buf_printf(text, "%u-%u/%u", first, last, step);
	} else {
		buf_printf(text, "%u", first);
	}
	for (unsigned value = first; value <= last; value += step)
		field->has[value] = true;
}

/* One field and what it means, told by how it was made. */
static struct field make_field(struct buf *text, unsigned least, unsigned most)
{
	struct field field = { .begins_with_star = random_below(&dice, 3) == 0 };

	if (field.begins_with_star) {
		buf_byte(text, '*');
		for (unsigned value = least; value <= most; value++)
			field.has[value] = true;
	} else {
		size_t begins = text->len;

		for (uint64_t left = 1 + random_below(&dice, 3); left; left--) {
			if (text->len > begins)
				buf_byte(text, ',');
			add_element(text, &field, least, most);
		}
		field.begins_with_star = text->ptr[begins] == '*';
	}
	buf_byte(text, ' ');
	return field;
}

struct walk {
	unsigned year, month, day, weekday, hour, minute;
	int64_t time_s;
};

static unsigned days_of(unsigned year, unsigned month)
{
	if (month == 2)
		return (year % 4 == 0 && year % 100) || year % 400 == 0 ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static void walk_a_minute(struct walk *walk)
{
	walk->time_s += 60;
	if (++walk->minute < 60)
		return;
	walk->minute = 0;
	if (++walk->hour < 24)
		return;
	walk->hour = 0;
	walk->weekday = (walk->weekday + 1) % 7;
	if (++walk->day <= days_of(walk->year, walk->month))
		return;
	walk->day = 1;
	if (++walk->month <= 12)
		return;
	walk->month = 1;
	walk->year++;
}

struct made {
	struct field minute, hour, day, month, weekday;
};

static bool made_has(const struct made *made, const struct walk *walk)
{
	bool by_day = made->day.has[walk->day], by_weekday = made->weekday.has[walk->weekday];
	bool both = made->day.begins_with_star || made->weekday.begins_with_star;

	return made->minute.has[walk->minute] && made->hour.has[walk->hour] &&
	       made->month.has[walk->month] && (both ? by_day && by_weekday : by_day || by_weekday);
}

static void assert_walk_agrees(const struct made *made, const char *text)
{
	struct walk walk = { .year = 2027, .month = 1, .day = 1, .weekday = 5 };
	int64_t next_s;
	struct cron_problem problem;
	struct cron cron;

	if (!cron_read(&cron, cut_of(text), &problem)) {
		assert_string_equal(problem.what, "no such day ever comes");
		return;
	}
	walk.time_s = time_of("2027-01-01 00:00:00");
	next_s = cron_next(&cron, walk.time_s - 1);
	for (unsigned found = 0; walk.year < 2029 && found < 2000; walk_a_minute(&walk)) {
		if (made_has(made, &walk) != (walk.time_s == next_s))
			fail_msg("%s at %lld instead of %lld", text, (long long)walk.time_s,
				 (long long)next_s);
		if (walk.time_s != next_s)
			continue;
		found++;
		next_s = cron_next(&cron, walk.time_s + (int64_t)random_below(&dice, 60));
	}
}

static void a_walk_over_all_minutes_finds_the_same_times(void **state)
{
	struct buf text;

	random_init(&dice, 1);
	buf_init(&text);
	for (unsigned i = 0; i < 300; i++) {
		struct made made;

		buf_clear(&text);
		made.minute = make_field(&text, 0, 59);
		made.hour = make_field(&text, 0, 23);
		made.day = make_field(&text, 1, 31);
		made.month = make_field(&text, 1, 12);
		made.weekday = make_field(&text, 0, 6);
		buf_byte(&text, '\0');
		assert_walk_agrees(&made, text.ptr);
	}
	buf_fini(&text);
}

/* Whatever bytes come: they are read, or it is said where they are wrong. */
static void no_bytes_do_harm(void **state)
{
	static const char bytes[] = "0123456789*,-/ */,-\tjanfebsuSat@#L\xc3\xa4";

	random_init(&dice, 2);
	for (unsigned i = 0; i < 200000; i++) {
		size_t len = (size_t)random_below(&dice, 24);
		char *text = malloc(len + 1); /* of its exact length, for the sanitizers */
		struct cron_problem problem;
		struct cron cron;
		struct cut cut = { { text, len }, 7 };

		assert_non_null(text);
		for (size_t at = 0; at < len; at++)
			text[at] = bytes[random_below(&dice, sizeof(bytes) - 1)];
		if (cron_read(&cron, cut, &problem))
			assert_true(cron_next(&cron, 0) > 0);
		else
			assert_in_range(problem.where.at, 7, 7 + len);
		free(text);
	}
}

/* Seconds of a made-up clock. */
static void assert_every(int64_t every_s, int64_t due_s, int64_t now_s, int64_t next_s)
{
	struct schedule schedule = { .kind = SCHEDULE_EVERY, .every_us = every_s * US_PER_S };

	assert_int_equal(schedule_next(&schedule, due_s * US_PER_S, now_s * US_PER_S),
			 next_s * US_PER_S);
}

static void an_interval_keeps_its_beat_over_what_was_missed(void **state)
{
	assert_every(300, 1000, 1000, 1300);
	assert_every(300, 1000, 1299, 1300);
	assert_every(300, 1000, 1300, 1600);
	assert_every(300, 1000, 99999, 100000);
	assert_every(300, 1000, 500, 1000);
	assert_every(1, 0, 1, 2);
}

static void a_schedule_by_cron_comes_after_now_whatever_was_due(void **state)
{
	struct schedule schedule = { .kind = SCHEDULE_CRON, .cron = cron_of("*/5 * * * *") };

	assert_int_equal(schedule_next(&schedule, 0, 3600 * US_PER_S), 3900 * US_PER_S);
	assert_int_equal(schedule_next(&schedule, 0, 3599 * US_PER_S + 999999), 3600 * US_PER_S);
	assert_int_equal(schedule_next(&schedule, 0, -1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_time_is_the_first_one_strictly_after),
		cmocka_unit_test(what_is_no_time_says_why_and_where),
		cmocka_unit_test(what_is_long_is_shown_in_part),
		cmocka_unit_test(a_walk_over_all_minutes_finds_the_same_times),
		cmocka_unit_test(no_bytes_do_harm),
		cmocka_unit_test(an_interval_keeps_its_beat_over_what_was_missed),
		cmocka_unit_test(a_schedule_by_cron_comes_after_now_whatever_was_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
