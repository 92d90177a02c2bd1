/* SPDX-License-Identifier: Apache-2.0 */
/* Options that say something of an operation to readers of its document: @notnull and @example. */
#pragma once

#include "catalog/draft.h"
#include "catalog/value.h"

void document_option_not_null(struct draft *draft, const struct operation_option *row,
			      struct cut value);
void document_option_example(struct draft *draft, const struct operation_option *row,
			     struct cut value);
/* Once the parameters are known. */
void document_options_finish(struct draft *draft);
