/* SPDX-License-Identifier: Apache-2.0 */
/* Each reads its value; what is judged together is in catalog/options.c. */
#include "catalog/job_options.h"

#include "base/clock.h"
#include "base/limits.h"
#include "catalog/params.h"
#include "catalog/source.h"

#include <stddef.h>

void job_option_async(struct draft *draft, const struct operation_option *row, struct cut value)
{
	static const char *const words[] = { "never", "allowed", "always" };
	int index;

	if (VALUE_WORD(draft, row, value, words, &index))
		draft->operation.async = (enum async)index;
}

void job_option_retries(struct draft *draft, const struct operation_option *row, struct cut value)
{
	static const char *const keys[] = { "backoff" };
	bool backoff = false;
	struct cut word, part;
	uint64_t retries;

	if (value_number(draft, row, cut_word(&value), 0, 100, &retries))
		draft->operation.retries = (unsigned)retries;
	while ((word = cut_word(&value)).text.len > 0) {
		if (!backoff && value_key(word, "backoff", &part)) {
			backoff = true;
			(void)value_duration(draft, row, part, US_PER_MS, US_PER_DAY,
					     &draft->operation.retries_backoff_us);
		} else {
			value_wrong_key(draft, row, word, keys, 1);
		}
	}
}

void job_option_keep(struct draft *draft, const struct operation_option *row, struct cut value)
{
	(void)value_duration(draft, row, value, US_PER_S, 30 * US_PER_DAY,
			     &draft->operation.keep_us);
}

void job_option_workers(struct draft *draft, const struct operation_option *row, struct cut value)
{
	uint64_t workers;

	if (value_number(draft, row, value, 1, 1024, &workers))
		draft->operation.workers = (unsigned)workers;
}

void job_option_batch_max(struct draft *draft, const struct operation_option *row, struct cut value)
{
	uint64_t max;

	if (value_number(draft, row, value, 1, JOBS_PER_BODY_MAX, &max))
		draft->operation.batch_max = (unsigned)max;
}

void job_option_order_by(struct draft *draft, const struct operation_option *row, struct cut value)
{
	struct cut rest = value, name = cut_word(&rest);

	if (name.text.len > 0 && name.text.ptr[0] == ':')
		(void)cut_take(&name, 1);
	if (name.text.len == 0 || cut_trim(rest).text.len > 0)
		value_wrong(draft, row, value, (struct text){ NULL, 0 });
	else
		draft->order_by = name;
}

void job_options_finish(struct draft *draft)
{
	struct text name = draft->order_by.text;

	if (!name.ptr)
		return;
	for (unsigned i = 0; i < draft->params_count; i++)
		if (text_is(name, draft->params[i].parameter.name)) {
			draft->operation.ordered_by = i + 1;
			return;
		}
	source_error_near(draft->source, draft->order_by.at, param_nearest(draft, name),
			  "\"%.*s\" is no parameter of the statement", source_shown(name),
			  name.ptr);
}

bool job_option_is_idle(const struct draft *draft, const struct operation_option *row)
{
	const struct operation *operation = &draft->operation;

	if (operation->kind != REQUEST_COMMAND || operation->async != ASYNC_NEVER)
		return false;
	if (row->read == job_option_batch_max)
		return true;
	return !operation_is_job(operation) &&
	       (row->read == job_option_retries || row->read == job_option_keep ||
		row->read == job_option_workers || row->read == job_option_order_by);
}
