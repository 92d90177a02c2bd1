/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of an admin listener: which is meant, who may see it, and what it says. */
#pragma once

#include "base/check.h"

struct admin_page;
struct connection;
struct head;

/* With the head of the request; may fail it: 404, 405, or 401 where a token is missing; where the
 * page takes parameters, by what is wrong with them. */
void pages_take(struct connection *connection, const struct head *head);
/* The request is whole, and was not failed. */
void pages_answer(struct connection *connection);
/* The methods that a page takes, as Allow has them; NULL: the path is of none. */
const char *pages_allow(const struct admin_page *page) must_check;
