/* SPDX-License-Identifier: Apache-2.0 */
/* A moment as RFC 3339 writes it: 2026-12-01T00:00:00Z, with decimals, or with an offset. */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>

/* It is one, of a year from 1 to 9999 in UTC, too, so that PostgreSQL reads it and it can be shown
 * as one. A leap second is none. */
bool date_time_is(struct text text) must_check;
