/* SPDX-License-Identifier: Apache-2.0 */
/* What a client reads from gzip, as much of it as has arrived. */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends what can be read of it. True: it ended, and exactly there. Other bytes fail the test. */
bool gunzip(const char *bytes, size_t len, struct buf *out);
/* Takes chunks off the front of bytes and appends what is in them. True: the last one was there. */
bool unchunk(const char *bytes, size_t len, struct buf *out);
