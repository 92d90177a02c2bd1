/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of requests whose client has sent none: 32 hexadecimal digits at random. */
#pragma once

#include "base/random.h"

/* id holds REQUEST_ID_BYTES_MAX + 1 bytes. */
void request_id_make(struct random *random, char *id);
