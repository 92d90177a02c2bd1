/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ALTER ROLE and ALTER DATABASE say of synchronous_commit, as SQL. A session has what they
 * said when it began, and sessions of one process begin at different times: what is in force for
 * the one that asks is not enough. The catalogs may be read by every role.
 */
#pragma once

#define COMMIT_SETTING "synchronous_commit"

/* The spellings of what acknowledges a commit before it is flushed; before a standby has it. */
#define COMMIT_OFF                                                                                 \
	"'" COMMIT_SETTING "=off', '" COMMIT_SETTING "=false', '" COMMIT_SETTING                   \
	"=no', '" COMMIT_SETTING "=0'"
#define COMMIT_ALONE COMMIT_OFF ", '" COMMIT_SETTING "=local'"

/* Is it one of these by that column, an array of NAME=VALUE? */
#define COMMIT_SETTING_IS(column, values)                                                          \
	"EXISTS (SELECT FROM unnest(" column ") AS c WHERE lower(c) IN (" values "))"

/* s: the settings of those who can have sessions here; r: whose, d: where; each NULL: all. */
#define COMMIT_SETTINGS                                                                            \
	" FROM pg_db_role_setting AS s LEFT JOIN pg_roles AS r ON r.oid = s.setrole"               \
	" LEFT JOIN pg_database AS d ON d.oid = s.setdatabase"                                     \
	" WHERE (s.setdatabase = 0 OR d.datname = current_database())"

/* Of whom the next session of our role has it, as PostgreSQL applies them: the role in its
 * database, the role, the database, all. NULL: of none of these. */
#define COMMIT_SETTING_IS_NEXT(values)                                                             \
	"(SELECT " COMMIT_SETTING_IS("s.setconfig", values) COMMIT_SETTINGS                        \
		" AND (s.setrole = 0 OR r.rolname = session_user)"                                 \
		" AND EXISTS (SELECT FROM unnest(s.setconfig) AS c"                                \
		" WHERE lower(c) LIKE '" COMMIT_SETTING "=%')"                                     \
		" ORDER BY s.setrole = 0, s.setdatabase = 0 LIMIT 1)"
