/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls, and on whose behalf: from the head of a request into the struct request. */
#pragma once

struct connection;
struct head;

/*
 * With the head, whose other headers were read into the request. Fails the request where the
 * caller is not let in: 400, 401, 403, 429, 503; why is logged and counted.
 */
void principal_in_take(struct connection *connection, const struct head *head);
