/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which lines of the log say what another one has just said. The first is written; those that come
 * within a minute are counted, whichever thread has them; the next one behind tells how many.
 * A fixed table: the key that was written longest ago makes room. Any thread.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPEATS_US INT64_C(60000000)
#define REPEATS_TEXT_BYTES 64

/*
 * Is a line of this key worth writing? text: what to add to it, " (again, 37 times in the last
 * 60 s)", or empty. key: of all in the line that makes it another one.
 */
bool repeats_allow(uint64_t key, int64_t now_us, char text[REPEATS_TEXT_BYTES]) must_check;
/* As if nothing was ever written, for tests. */
void repeats_forget(void);
