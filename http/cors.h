/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Browsers at a listener: what origin.h decides becomes a refusal, the answer to a preflight, or
 * the headers by which a page of a --cors-origin may read the reply. There are no cookies here, so
 * Access-Control-Allow-Credentials is never sent.
 */
#pragma once

#include "base/check.h"
#include "http/head/head.h"

#include <stdbool.h>

struct connection;
struct MHD_Response;

/*
 * After the guard and the route. False: there is nothing more to take from this request; it was
 * refused, or it is a preflight, whose reply (204) is then complete.
 */
bool cors_take(struct connection *connection, const struct head *head) must_check;
/* Adds the headers that are due to any reply of the connection. */
void cors_reply(struct MHD_Response *response, const struct connection *connection);
