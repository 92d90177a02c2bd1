/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the client want its reply as gzip? By Accept-Encoding (RFC 9110, 12.5.3): gzip (or x-gzip,
 * or *) with a weight above 0, and not less than that of identity, where that is listed. An
 * element that cannot be read is as if it were not there.
 */
#pragma once

#include "base/check.h"
#include "http/head/head.h"

#include <stdbool.h>

/* Among the headers, one of which is Accept-Encoding. */
bool accept_encoding_read(const struct head *head) must_check;

/* Inline: where nothing is asked for, the lengths of the names say so. */
static inline bool accept_encoding_gzip(const struct head *head)
{
	return head_find(head, "accept-encoding") && accept_encoding_read(head);
}
