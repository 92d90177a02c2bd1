/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of an admin listener: which is meant, who may see it, and what it says. */
#pragma once

struct connection;
struct head;

/* With the head of the request; may fail it: 404, 405, or 401 where a token is missing. */
void pages_take(struct connection *connection, const struct head *head);
/* The request is whole, and was not failed. */
void pages_answer(struct connection *connection);
