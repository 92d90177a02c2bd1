/* SPDX-License-Identifier: Apache-2.0 */
/* Which header may name the end user (--user-header): none that says something else already. */
#pragma once

#include "base/check.h"

/*
 * NULL: it may. Otherwise why not, as the rest of a sentence ("is used by HTTP itself"): a
 * client that sends such a header for another reason would name a user with it.
 */
const char *user_header_wrong(const char *name) must_check;
