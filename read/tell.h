/* SPDX-License-Identifier: Apache-2.0 */
/* TELL: a reply that is sent while its rows arrive (pg/wire/plan_stream.h). */
#pragma once

#include "read/state.h"

/* As query.on_rows: request->out holds more. The first time it is verified, as an answer is. */
void tell_on_rows(struct query *query);
/* The query of a request in READ_TELL is over: so is the request. */
void tell_end(struct read *read, enum query_end end);
