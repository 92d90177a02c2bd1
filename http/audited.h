/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests get a line in the audit log (base/audit.h): commands, and what is 401 or 403. */
#pragma once

struct connection;
struct connections;
struct request;

/* Its reply leaves, or cannot. There is an audit log. */
void audited_reply(const struct connection *connection);
/* It is done, and its connection ended before. Nothing to do without an audit log. */
void audited_orphan(const struct connections *connections, const struct request *request);
