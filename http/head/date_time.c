/* SPDX-License-Identifier: Apache-2.0 */
/* Section 5.6 of RFC 3339, part by part from the left. */
#include "http/head/date_time.h"

#include <stddef.h>
#include <string.h>

#define DATE_TIME_DECIMALS_MAX 9
#define DATE_TIME_DECIMALS_KEPT 6     /* by PostgreSQL, which rounds */
#define DATE_TIME_OFFSET_HOURS_MAX 15 /* of PostgreSQL */

/* Takes that many digits off the front; -1: they are not there. */
static int date_time_number(struct text *rest, size_t digits)
{
	int number = 0;

	if (rest->len < digits)
		return -1;
	for (size_t i = 0; i < digits; i++) {
		if (!byte_is_digit(rest->ptr[i]))
			return -1;
		number = number * 10 + (rest->ptr[i] - '0');
	}
	rest->ptr += digits;
	rest->len -= digits;
	return number;
}

/* Takes a byte off the front, if it is one of these. */
static bool date_time_byte(struct text *rest, char one, char other)
{
	if (!rest->len || (rest->ptr[0] != one && rest->ptr[0] != other))
		return false;
	rest->ptr++;
	rest->len--;
	return true;
}

static int date_time_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leaps = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leaps);
}

static bool date_time_date(struct text *rest)
{
	int year = date_time_number(rest, 4), month, day;

	if (year < 1 || !date_time_byte(rest, '-', '-'))
		return false;
	month = date_time_number(rest, 2);
	if (month < 1 || month > 12 || !date_time_byte(rest, '-', '-'))
		return false;
	day = date_time_number(rest, 2);
	return day >= 1 && day <= date_time_days(year, month);
}

static bool date_time_hours(struct text *rest, int hours_max)
{
	int hours = date_time_number(rest, 2), minutes;

	if (hours < 0 || hours > hours_max || !date_time_byte(rest, ':', ':'))
		return false;
	minutes = date_time_number(rest, 2);
	return minutes >= 0 && minutes <= 59;
}

/* decimals: how many there are. */
static bool date_time_seconds(struct text *rest, size_t *decimals)
{
	int seconds;

	if (!date_time_byte(rest, ':', ':'))
		return false;
	seconds = date_time_number(rest, 2);
	if (seconds < 0 || seconds > 59)
		return false;
	if (!date_time_byte(rest, '.', '.'))
		return true;
	while (date_time_number(rest, 1) >= 0)
		++*decimals;
	return *decimals >= 1 && *decimals <= DATE_TIME_DECIMALS_MAX;
}

static bool date_time_offset(struct text *rest)
{
	return date_time_byte(rest, 'Z', 'z') ||
	       (date_time_byte(rest, '+', '-') &&
		date_time_hours(rest, DATE_TIME_OFFSET_HOURS_MAX));
}

/* Of a year from 1 to 9999 where it is kept, too: in UTC, to the microsecond. */
static bool date_time_is_kept(struct text text, size_t decimals)
{
	struct text day = { text.ptr, sizeof("9999-12-31") - 1 };
	struct text clock = { text.ptr + day.len, text.len - day.len };

	if (text_is(day, "0001-01-01"))
		return !memchr(clock.ptr, '+', clock.len);
	if (!text_is(day, "9999-12-31"))
		return true;
	return !memchr(clock.ptr, '-', clock.len) && decimals <= DATE_TIME_DECIMALS_KEPT;
}

bool date_time_is(struct text text)
{
	struct text rest = text;
	size_t decimals = 0;

	return date_time_date(&rest) && date_time_byte(&rest, 'T', 't') &&
	       date_time_hours(&rest, 23) && date_time_seconds(&rest, &decimals) &&
	       date_time_offset(&rest) && rest.len == 0 && date_time_is_kept(text, decimals);
}
