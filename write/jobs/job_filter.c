/* SPDX-License-Identifier: Apache-2.0 */
/* A criterion more is a row more; which column it is of is the statements' matter. */
#include "write/jobs/job_filter.h"

#include "base/array.h"
#include "base/duration.h"
#include "base/nearest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FILTER_LIMIT_DIGITS 9

struct filter_reading {
	struct job_filter *filter;
	struct job_ids *ids;
	const char *name;
	char *error;
};

struct filter_row {
	const char *name;
	bool (*read)(struct filter_reading *reading, struct text value);
	enum job_filter_value value;
	bool takes_ids, may_repeat;
};

static bool filter_fail(struct filter_reading *reading, struct text value, const char *why)
{
	snprintf(reading->error, JOB_FILTER_ERROR_BYTES, "%s: \"%.*s\" %s", reading->name,
		 value.len > 60 ? 60 : (int)value.len, value.ptr, why);
	return false;
}

/* --- values of one kind each ------------------------------------------------------------------ */

static bool filter_read_state(struct filter_reading *reading, struct text value)
{
	static const char *const states[JOB_STATES_MAX] = {
		"scheduled", "queued", "running",   "retrying",
		"done",      "dead",   "discarded", "cancelled",
	};
	struct job_filter *filter = reading->filter;
	char why[80] = "is no state of a job";
	struct nearest nearest;

	nearest_init(&nearest, value);
	for (size_t i = 0; i < JOB_STATES_MAX; i++) {
		nearest_offer(&nearest, text_of(states[i]));
		if (!text_is(value, states[i]))
			continue;
		if (filter->states_count < JOB_STATES_MAX)
			filter->states[filter->states_count++] = text_of(states[i]);
		array_add_text(&filter->arrays[JOB_FILTER_STATES], value);
		return true;
	}
	if (nearest.best.ptr)
		snprintf(why, sizeof(why), "is no state of a job; did you mean \"%s\"?",
			 nearest.best.ptr);
	return filter_fail(reading, value, why);
}

static bool filter_read_command(struct filter_reading *reading, struct text value)
{
	for (size_t i = 0; i < value.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_.", value.ptr[i]) ||
		    !value.ptr[i])
			return filter_fail(reading, value, "is no name of a command");
	array_add_text(&reading->filter->arrays[JOB_FILTER_COMMANDS], value);
	reading->filter->commands_count++;
	return true;
}

static bool filter_read_number(struct filter_reading *reading, struct text value,
			       struct job_number *number)
{
	if (reading->ids && job_id_read(reading->ids, value, number))
		return true;
	return filter_fail(reading, value, "is no id of a job");
}

static bool filter_read_id(struct filter_reading *reading, struct text value)
{
	struct job_filter *filter = reading->filter;
	struct job_number number;

	if (!filter_read_number(reading, value, &number))
		return false;
	array_add_int(&filter->arrays[JOB_FILTER_N], number.n);
	array_add_int(&filter->arrays[JOB_FILTER_MARK], number.mark);
	filter->ids_count++;
	return true;
}

static bool filter_read_after(struct filter_reading *reading, struct text value)
{
	struct job_number number;

	if (!filter_read_number(reading, value, &number))
		return false;
	reading->filter->after_n = number.n;
	return true;
}

static bool filter_read_text(struct filter_reading *reading, struct text value)
{
	if (memchr(value.ptr, '\0', value.len))
		return filter_fail(reading, value, "has a zero byte in it");
	return true;
}

static bool filter_read_duration(struct filter_reading *reading, struct text value)
{
	int64_t seconds;

	if (duration_read(value, &seconds))
		return true;
	return filter_fail(reading, value, "is no duration: a whole number and s, m, h or d");
}

static bool filter_read_limit(struct filter_reading *reading, struct text value)
{
	int64_t number = 0;

	for (size_t i = 0; i < value.len; i++) {
		if (!byte_is_digit(value.ptr[i]) || value.len > FILTER_LIMIT_DIGITS)
			return filter_fail(reading, value, "is no whole number of jobs");
		number = number * 10 + (value.ptr[i] - '0');
	}
	if (!number)
		return filter_fail(reading, value, "is no whole number from 1");
	reading->filter->limit = number;
	return true;
}

static const struct filter_row filter_rows[] = {
	{ "state", filter_read_state, JOB_FILTER_STATES, false, true },
	{ "command", filter_read_command, JOB_FILTER_COMMANDS, false, true },
	{ "id", filter_read_id, JOB_FILTER_N, true, true },
	{ "user", filter_read_text, JOB_FILTER_USER, false, false },
	{ "error", filter_read_text, JOB_FILTER_ERROR, false, false },
	{ "older-than", filter_read_duration, JOB_FILTER_OLDER_S, false, false },
	{ "newer-than", filter_read_duration, JOB_FILTER_NEWER_S, false, false },
	{ "after", filter_read_after, JOB_FILTER_AFTER, true, false },
	{ "limit", filter_read_limit, JOB_FILTER_LIMIT, false, false },
};

#define FILTER_ROWS (sizeof(filter_rows) / sizeof(filter_rows[0]))

static const struct filter_row *filter_row(struct text name)
{
	for (size_t i = 0; i < FILTER_ROWS; i++) {
		const char *known = filter_rows[i].name;
		size_t at = 0;

		while (at < name.len && known[at] &&
		       (name.ptr[at] == known[at] || (name.ptr[at] == '_' && known[at] == '-')))
			at++;
		if (at == name.len && !known[at])
			return &filter_rows[i];
	}
	return NULL;
}

/* --- all of them ------------------------------------------------------------------------------ */

void job_filter_init(struct job_filter *filter)
{
	*filter = (struct job_filter){ 0 };
	arena_init(&filter->arena);
	buf_init(&filter->criteria);
	for (unsigned i = 0; i < JOB_FILTER_ARRAYS; i++) {
		buf_init(&filter->arrays[i]);
		array_begin(&filter->arrays[i]);
	}
}

void job_filter_fini(struct job_filter *filter)
{
	for (unsigned i = 0; i < JOB_FILTER_ARRAYS; i++)
		buf_fini(&filter->arrays[i]);
	buf_fini(&filter->criteria);
	arena_fini(&filter->arena);
}

bool job_filter_knows(struct text name)
{
	return filter_row(name);
}

bool job_filter_takes_ids(struct text name)
{
	const struct filter_row *row = filter_row(name);

	return row && row->takes_ids;
}

static void filter_note(struct job_filter *filter, const char *name, struct text value)
{
	if (filter->criteria.len)
		buf_byte(&filter->criteria, ',');
	buf_printf(&filter->criteria, "[\"%s\",", name);
	buf_json_string(&filter->criteria, value.ptr, value.len);
	buf_byte(&filter->criteria, ']');
}

/* A duration without its unit, the rest as it is. */
static const char *filter_value(struct job_filter *filter, const struct filter_row *row,
				struct text value)
{
	int64_t seconds;

	if (row->read == filter_read_duration && duration_read(value, &seconds))
		return arena_printf(&filter->arena, "%" PRId64, seconds);
	if (row->value == JOB_FILTER_AFTER)
		return arena_printf(&filter->arena, "%" PRId64, filter->after_n);
	return arena_copy(&filter->arena, value.ptr, value.len);
}

/* "a,b" are two. */
static bool filter_add_each(struct filter_reading *reading, const struct filter_row *row,
			    struct text value)
{
	while (row->may_repeat && value.len) {
		const char *comma = memchr(value.ptr, ',', value.len);
		size_t len = comma ? (size_t)(comma - value.ptr) : value.len;

		if (!len || !row->read(reading, (struct text){ value.ptr, len }))
			return len ? false : filter_fail(reading, value, "lacks a name");
		len += comma != NULL;
		value = (struct text){ value.ptr + len, value.len - len };
	}
	return true;
}

bool job_filter_add(struct job_filter *filter, struct text name, struct text value,
		    struct job_ids *ids, char error[JOB_FILTER_ERROR_BYTES])
{
	const struct filter_row *row = filter_row(name);
	struct filter_reading reading = { filter, ids, row->name, error };

	if (!value.len)
		return filter_fail(&reading, TEXT(""), "is empty");
	if (row->may_repeat) {
		if (!filter_add_each(&reading, row, value))
			return false;
	} else {
		if (filter->values[row->value])
			return filter_fail(&reading, value, "is the second one");
		if (!row->read(&reading, value))
			return false;
		filter->values[row->value] = filter_value(filter, row, value);
	}
	filter_note(filter, row->name, value);
	return true;
}

void job_filter_end(struct job_filter *filter)
{
	for (unsigned i = 0; i < JOB_FILTER_ARRAYS; i++) {
		bool any = filter->arrays[i].len > 1;
		const char *array = array_end(&filter->arrays[i]);

		filter->values[i] = any ? array : NULL;
	}
	if (!filter->values[JOB_FILTER_AFTER])
		filter->values[JOB_FILTER_AFTER] = "0";
}

bool job_filter_is_open(const struct job_filter *filter)
{
	for (unsigned i = 0; i < JOB_FILTER_AFTER; i++)
		if (filter->values[i])
			return false;
	return filter->after_n == 0;
}

const char *job_filter_json(struct job_filter *filter)
{
	return arena_printf(&filter->arena, "[%.*s]", (int)filter->criteria.len,
			    filter->criteria.ptr ? filter->criteria.ptr : "");
}
