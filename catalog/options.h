/* SPDX-License-Identifier: Apache-2.0 */
/* The @options of an operation: read where they stand, judged together at the end. */
#pragma once

#include "base/check.h"
#include "base/text.h"
#include "catalog/draft.h"

#include <stdbool.h>
#include <stddef.h>

/* The comment begins with @ and a known option. */
bool option_is_known(struct text comment) must_check;
/* comment begins with @; comment_at: its byte offset. */
void option_read(struct draft *draft, size_t comment_at, struct text comment);
void options_init(struct draft *draft);
/* What only all options and parameters together can tell. */
void options_finish(struct draft *draft);
