/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the fake libpq that is the same for all conns: what the server says of itself. */
#include "fake_libpq.h"

#include <libpq-fe.h>
#include <string.h>

PGVerbosity PQsetErrorVerbosity(PGconn *conn, PGVerbosity verbosity)
{
	(void)conn;
	return verbosity;
}

PQnoticeReceiver PQsetNoticeReceiver(PGconn *conn, PQnoticeReceiver receiver, void *arg)
{
	(void)conn;
	(void)receiver;
	(void)arg;
	return NULL;
}

const char *PQparameterStatus(const PGconn *conn, const char *name)
{
	(void)conn;
	if (strcmp(name, "TimeZone") == 0)
		return fake_server.time_zone;
	if (strcmp(name, "in_hot_standby") == 0)
		return fake_server.in_recovery ? "on" : "off";
	if (strcmp(name, "DateStyle") == 0)
		return "ISO, MDY";
	return strcmp(name, "IntervalStyle") == 0 ? "iso_8601" : "UTF8";
}

int PQserverVersion(const PGconn *conn)
{
	(void)conn;
	return fake_server.version;
}

PGnotify *PQnotifies(PGconn *conn)
{
	(void)conn;
	return NULL;
}

bool fake_use_fails(bool *lost)
{
	bool fails = ++fake_server.uses == fake_server.fails_at;

	*lost |= fails;
	return fails;
}
