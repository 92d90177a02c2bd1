/* SPDX-License-Identifier: Apache-2.0 */
/* The @options of queries whose answers may be cached: rows of catalog/options.def, read into the
 * draft's operation. */
#pragma once

#include "base/check.h"
#include "base/text.h"
#include "catalog/draft.h"
#include "catalog/value.h"

#include <stdbool.h>
#include <stddef.h>

void cache_option(struct draft *draft, const struct operation_option *row, struct cut value);
/* Is it a part of @cache, and no option of its own? */
bool cache_option_has_part(struct text name) must_check;
/* Once the parameters are known; at: where @cache stands. */
void cache_option_finish(struct draft *draft, size_t at);
