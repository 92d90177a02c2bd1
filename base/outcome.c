/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of base/outcome.def as a table. */
#include "base/outcome.h"

#include <assert.h>

static const struct outcome_row rows[OUTCOME_COUNT] = {
#define OUTCOME(name, code, status, retryable, title)                                              \
	[OUTCOME_##name] = { code, status, retryable, title },
#include "base/outcome.def"
#undef OUTCOME
};

const struct outcome_row *outcome_row(enum outcome outcome)
{
	assert((unsigned)outcome < OUTCOME_COUNT);
	return &rows[outcome];
}
