/* SPDX-License-Identifier: Apache-2.0 */
/* Seconds as headers write them: "5", "0.25". */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* At most 6 decimals, up to a day, in microseconds; false: not such a number. */
bool seconds_parse(struct text text, int64_t *us) must_check;
