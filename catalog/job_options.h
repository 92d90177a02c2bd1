/* SPDX-License-Identifier: Apache-2.0 */
/* The @options of commands that are accepted as jobs: rows of catalog/options.def, read into the
 * draft's operation. */
#pragma once

#include "base/check.h"
#include "catalog/draft.h"
#include "catalog/value.h"

#include <stdbool.h>

void job_option_async(struct draft *draft, const struct operation_option *row, struct cut value);
void job_option_retries(struct draft *draft, const struct operation_option *row, struct cut value);
void job_option_keep(struct draft *draft, const struct operation_option *row, struct cut value);
void job_option_workers(struct draft *draft, const struct operation_option *row, struct cut value);
void job_option_batch_max(struct draft *draft, const struct operation_option *row,
			  struct cut value);
void job_option_order_by(struct draft *draft, const struct operation_option *row, struct cut value);
/* Once the parameters are known. */
void job_options_finish(struct draft *draft);

/* How jobs are run says nothing of a command that never is one. */
bool job_option_is_idle(const struct draft *draft, const struct operation_option *row) must_check;
