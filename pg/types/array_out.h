/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays on their way out: for pg/types/types_out.c only. */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/statement.h"
#include "base/text.h"
#include "pg/types/value.h"

#include <stdbool.h>

/* False: not an array's text, and what was appended is of no use. *fits turns false where an
 * element does not fit its type, as write says it. */
bool array_to_json(struct buf *out, struct pg_type type, struct text text, value_writer *write,
		   bool *fits) must_check;
