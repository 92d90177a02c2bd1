/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a connection string once. What libpq would say of a bad one may hold its password. */
#include "pg/node.h"

#include "pg/admission/core_reserve.h"
#include "pg/reconnect.h"
#include "pg/wire/dialer.h"
#include "pg/wire/pooler.h"

#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What cqrsd sets itself: the first kind always, the second kind unless the operator did. */
static const struct node_pin {
	const char *keyword, *value;
	bool always;
} node_pins[] = {
	{ "client_encoding", "UTF8", true },
	{ "target_session_attrs", "any", true },
	{ "gssencmode", "disable", false },
	{ "application_name", "cqrsd", false },
};

#define NODE_PINS (sizeof(node_pins) / sizeof(node_pins[0]))

static const char *node_given(const PQconninfoOption *options, const char *keyword)
{
	for (const PQconninfoOption *option = options; option->keyword; option++)
		if (strcmp(option->keyword, keyword) == 0)
			return option->val && *option->val ? option->val : NULL;
	return NULL;
}

static bool node_check(const PQconninfoOption *given, char *error, size_t error_room)
{
	static const char *const lists[] = { "host", "hostaddr", "port" };
	const char *options;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const char *value = node_given(given, lists[i]);

		if (value && strchr(value, ',')) {
			snprintf(error, error_room,
				 "%s names several servers; name each node by itself", lists[i]);
			return false;
		}
	}
	if (node_given(given, "replication")) {
		snprintf(error, error_room,
			 "replication is not for connections that run statements");
		return false;
	}
	options = node_given(given, "options");
	if (!options)
		options = getenv("PGOPTIONS");
	if (options && strlen(options) > NODE_OPTIONS_BYTES_MAX) {
		snprintf(error, error_room, "options: more than %d bytes", NODE_OPTIONS_BYTES_MAX);
		return false;
	}
	return true;
}

/* What libpq will use: as given, or by its environment and service file. */
static const char *node_effective(const PQconninfoOption *given, const PQconninfoOption *defaults,
				  const char *keyword)
{
	const char *value = node_given(given, keyword);

	if (!value && defaults)
		value = node_given(defaults, keyword);
	return value;
}

static void node_name(struct node *node, const PQconninfoOption *given)
{
	PQconninfoOption *defaults = PQconndefaults();
	const char *service = node_given(given, "service");
	const char *host = node_effective(given, service ? NULL : defaults, "host");
	const char *port = node_effective(given, service ? NULL : defaults, "port");
	size_t room = sizeof(node->name);

	if (!host)
		host = node_effective(given, service ? NULL : defaults, "hostaddr");
	if (!host && service)
		snprintf(node->name, room, "service %s", service);
	else if (!host || *host == '/' || *host == '@')
		snprintf(node->name, room, "%s/.s.PGSQL.%s", host ? host : "/var/run/postgresql",
			 port ? port : "5432");
	else
		snprintf(node->name, room, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
			 port ? port : "5432");
	PQconninfoFree(defaults);
}

static void node_set(struct node *node, size_t *count, const char *keyword, const char *value)
{
	node->keywords[*count] = strdup(keyword);
	node->values[*count] = strdup(value);
	assert(node->keywords[*count]);
	assert(node->values[*count]);
	++*count;
}

static bool node_pinned(const char *keyword)
{
	for (size_t i = 0; i < NODE_PINS; i++)
		if (node_pins[i].always && strcmp(node_pins[i].keyword, keyword) == 0)
			return true;
	return false;
}

/* libpq sends these after our own settings, which would then count for nothing. */
static void node_clear_environment(void)
{
	unsetenv("PGTZ");
	unsetenv("PGDATESTYLE");
}

static void node_keep(struct node *node, const PQconninfoOption *given)
{
	size_t room = NODE_PINS + 2, count = 0;

	for (const PQconninfoOption *option = given; option->keyword; option++)
		room++;
	node->keywords = calloc(room, sizeof(*node->keywords));
	node->values = calloc(room, sizeof(*node->values));
	assert(node->keywords);
	assert(node->values);
	for (const PQconninfoOption *option = given; option->keyword; option++)
		if (option->val && !node_pinned(option->keyword))
			node_set(node, &count, option->keyword, option->val);
	for (size_t i = 0; i < NODE_PINS; i++)
		if (node_pins[i].always || !node_given(given, node_pins[i].keyword))
			node_set(node, &count, node_pins[i].keyword, node_pins[i].value);
	/* conn.c adds to them, and what it passes hides the environment from libpq. */
	if (!node_given(given, "options") && getenv("PGOPTIONS"))
		node_set(node, &count, "options", getenv("PGOPTIONS"));
	assert(count < room);
}

struct node *node_new(unsigned index, const char *conninfo, char *error, size_t error_room)
{
	PQconninfoOption *given = PQconninfoParse(conninfo, NULL);
	struct node *node = NULL;

	if (!given) {
		snprintf(error, error_room,
			 "this is neither a connection string (host=... port=...) nor a "
			 "postgresql:// URI that libpq can read");
		return NULL;
	}
	if (node_check(given, error, error_room)) {
		node = calloc(1, sizeof(*node));
		assert(node);
		node->index = index;
		node_name(node, given);
		node_keep(node, given);
		node_clear_environment();
		node->dialer = dialer_new();
		node->core_reserve = calloc(1, sizeof(*node->core_reserve));
		assert(node->core_reserve);
		node->reconnect = calloc(1, sizeof(*node->reconnect));
		assert(node->reconnect);
		node->pooler = pooler_new();
		node_show(node, NODE_IN_REPLIES_ADDRESS);
	}
	PQconninfoFree(given);
	return node;
}

void node_free(struct node *node)
{
	dialer_free(node->dialer);
	for (size_t i = 0; node->keywords[i]; i++) {
		explicit_bzero(node->values[i], strlen(node->values[i]));
		free(node->keywords[i]);
		free(node->values[i]);
	}
	free(node->core_reserve);
	free(node->reconnect);
	pooler_free(node->pooler);
	free(node->keywords);
	free(node->values);
	free(node);
}

void node_show(struct node *node, enum node_in_replies how)
{
	switch (how) {
	case NODE_IN_REPLIES_ADDRESS:
		node->shown = node->name;
		return;
	case NODE_IN_REPLIES_NUMBER:
		assert(node->index < NODES_MAX);
		snprintf(node->number, sizeof(node->number), "%u", node->index % 1000);
		node->shown = node->number;
		return;
	case NODE_IN_REPLIES_NONE:
		node->shown = NULL;
		return;
	}
	assert(!"a way to name a node");
}

const char *node_role_text(enum node_role role)
{
	switch (role) {
	case NODE_UNKNOWN:
		return "unknown";
	case NODE_PRIMARY:
		return "primary";
	case NODE_REPLICA:
		return "replica";
	}
	assert(!"a role");
	return NULL;
}

const char *node_library_version(void)
{
	static char text[16];

	snprintf(text, sizeof(text), "%d.%d", PQlibVersion() / 10000, PQlibVersion() % 10000);
	return text;
}
