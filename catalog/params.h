/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of an operation: declared by @param, used as :name in the statement. */
#pragma once

#include "base/check.h"
#include "base/text.h"
#include "catalog/draft.h"

#include <stdbool.h>
#include <stddef.h>

/* What follows "@param". */
void param_read(struct draft *draft, size_t at, struct text text);
/* The parameter that :name in the statement means; PARAMS_MAX: none, it was complained about. */
unsigned param_use(struct draft *draft, size_t at, struct text name) must_check;
bool param_is_declared(const struct draft *draft, struct text name) must_check;
/* Declared ones that were not used. */
void params_finish(struct draft *draft);
/* Offers every parameter's name. */
struct text param_nearest(const struct draft *draft, struct text name);
