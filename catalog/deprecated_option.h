/* SPDX-License-Identifier: Apache-2.0 */
/*
 * @deprecated DATE [use=NAME]: the operation is deprecated from the beginning of that day in UTC
 * on, and may be gone from then on. NAME is what to call instead, which may stand in another file.
 */
#pragma once

#include "catalog/draft.h"
#include "catalog/loading.h"
#include "catalog/value.h"

void deprecated_option(struct draft *draft, const struct operation_option *row, struct cut value);
/* The operations are sorted by name. A NAME that is none of them is complained about. */
void deprecated_options_check(struct loading *loading);
