/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer says besides its rows: who answered and why, and a token. */
#pragma once

#include "read/state.h"

/* The bounds of read->query hold. Sets the request's Consistency and token, and counts. */
void report_answer(struct read *read);
