/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the Cache-Control of a query says of answers that are kept (RFC 9111, 5.2.1): no-cache,
 * no-store, max-age=SECONDS, only-if-cached. Other directives are passed over, as the RFC has it; a
 * max-age that cannot be read is one of 0.
 */
#pragma once

#include "base/request.h"
#include "http/head/head.h"

/* Into cache_asks and cache_age_us_max; all lines of the header count. */
void cache_control_read(const struct head *head, struct request *request);
