/* SPDX-License-Identifier: Apache-2.0 */
/* A stream that no server sends: stands in for pg/decoding.c at link time. One at a time. */
#pragma once

#include "pg/decoding.h"

/* How often one was opened. */
unsigned fake_decoding_opened(void);
/* That one is there: its slot begins at lsn. */
void fake_decoding_begin(struct decoding *decoding, uint32_t timeline, uint64_t lsn);
/* The lsn of the last status, and whether it wants a reply; 0: none was sent since. */
uint64_t fake_decoding_status(bool *wants_reply);
/* The connection ends. */
void fake_decoding_end(struct decoding *decoding, const char *why);
