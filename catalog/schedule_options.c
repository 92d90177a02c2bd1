/* SPDX-License-Identifier: Apache-2.0 */
/* A command has one schedule at most, and all that it takes has to be known beforehand. */
#include "catalog/schedule_options.h"

#include "base/buf.h"
#include "base/clock.h"
#include "catalog/params.h"
#include "catalog/source.h"

#define EVERY_US_MAX (366 * US_PER_DAY)

/* "@every 5m": its words, one blank between them. */
static const char *schedule_spec(struct draft *draft, const char *name, struct cut value)
{
	struct cut word;
	const char *copy;
	struct buf spec;

	buf_init(&spec);
	buf_printf(&spec, "@%s", name);
	while ((word = cut_word(&value)).text.len > 0) {
		buf_byte(&spec, ' ');
		buf_text(&spec, word.text);
	}
	copy = arena_copy(draft->arena, spec.ptr, spec.len);
	buf_fini(&spec);
	return copy;
}

static void schedule_set(struct draft *draft, const struct operation_option *row, struct cut value,
			 struct schedule schedule)
{
	schedule.spec = schedule_spec(draft, row->name, value);
	if (draft->operation.schedule.kind == SCHEDULE_NONE)
		draft->operation.schedule = schedule;
	else
		source_error(draft->source, value.at, "@every and @cron exclude each other");
	draft->schedule_at = value.at;
}

void schedule_option_every(struct draft *draft, const struct operation_option *row,
			   struct cut value)
{
	struct schedule schedule = { .kind = SCHEDULE_EVERY };

	if (value_duration(draft, row, value, US_PER_S, EVERY_US_MAX, &schedule.every_us))
		schedule_set(draft, row, value, schedule);
}

/* Without its quotes. False: there is one, but not the other. */
static bool schedule_unquote(struct cut *value)
{
	size_t len = value->text.len;
	bool begins = len > 0 && value->text.ptr[0] == '"';

	if (!begins && !memchr(value->text.ptr, '"', len))
		return true;
	if (!begins || len < 2 || value->text.ptr[len - 1] != '"')
		return false;
	(void)cut_take(value, 1);
	value->text.len--;
	return !memchr(value->text.ptr, '"', value->text.len);
}

void schedule_option_cron(struct draft *draft, const struct operation_option *row, struct cut value)
{
	struct schedule schedule = { .kind = SCHEDULE_CRON };
	struct cron_problem problem;
	struct cut times = value;

	if (value.text.len == 0 || !schedule_unquote(&times))
		value_wrong(draft, row, value, (struct text){ NULL, 0 });
	else if (!cron_read(&schedule.cron, times, &problem))
		source_error_near(draft->source, problem.where.at, problem.best, "@%s: %s",
				  row->name, problem.what);
	else
		schedule_set(draft, row, times, schedule);
}

void schedule_options_finish(struct draft *draft)
{
	if (draft->operation.schedule.kind == SCHEDULE_NONE)
		return;
	for (unsigned i = 0; i < draft->params_count; i++) {
		const struct parameter *parameter = &draft->params[i].parameter;

		if (parameter->optional || parameter->default_value.ptr ||
		    parameter->is_request_user)
			continue;
		source_error(draft->source, draft->schedule_at,
			     "a schedule has no value for %s: declare it optional, or with a "
			     "default",
			     parameter->name);
		return;
	}
}
