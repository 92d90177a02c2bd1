/* SPDX-License-Identifier: Apache-2.0 */
/* @every and @cron: rows of catalog/options.def, read into the draft's operation. */
#pragma once

#include "catalog/draft.h"
#include "catalog/value.h"

void schedule_option_every(struct draft *draft, const struct operation_option *row,
			   struct cut value);
void schedule_option_cron(struct draft *draft, const struct operation_option *row,
			  struct cut value);
/* Once the parameters are known: none of them may be required. */
void schedule_options_finish(struct draft *draft);
