/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as people write them to a verb: 90d, 24h, 5m, 0s. */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* A whole number and s, m, h or d: at most 100 years. False: it is none. */
bool duration_read(struct text text, int64_t *seconds) must_check;
