/* SPDX-License-Identifier: Apache-2.0 */
/* serve --feed logical: can the primary decode, and may we read it? */
#pragma once

#include "base/check.h"
#include "base/options.h"

#include <stdbool.h>

/* False: it was said on stderr what is missing. A primary that does not answer, or that is a
 * standby now, is asked later, by the stream itself. */
bool serve_feed_check(const struct options *options, unsigned nodes_count) must_check;
