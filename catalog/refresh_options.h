/* SPDX-License-Identifier: Apache-2.0 */
/*
 * @refreshes QUERY(name = :param, …) [wait] of a command, which may stand several times: read with
 * its draft, and judged once the operations of all files are known.
 */
#pragma once

#include "catalog/draft.h"
#include "catalog/loading.h"
#include "catalog/value.h"

void refresh_option(struct draft *draft, const struct operation_option *row, struct cut value);
/* Once the parameters are known. */
void refresh_options_finish(struct draft *draft);
/* The operations are sorted by name. What names no query that may be asked so is complained about.
 */
void refresh_options_check(struct loading *loading);
