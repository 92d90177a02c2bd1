/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the catalogs, and what follows from its answer. */
#include "pg/wire/session_state.h"

#define SESSION_STATE_BODIES_MAX "200" /* looked through for one statement */
#define SESSION_STATE_BEGINS "(^|;|''|\\mbegin|\\mthen|\\melse|\\mloop)\\s*"
#define SESSION_STATE_OWN                                                                          \
	" NOT IN (SELECT oid FROM pg_namespace"                                                    \
	" WHERE nspname IN ('pg_catalog', 'information_schema', 'cqrsd'))"

/* The words of one text, as names are folded, and those in quotes as they stand there. */
#define SESSION_STATE_WORDS                                                                        \
	"SELECT m[1] AS dot, m[2] AS word, m[3] AS paren FROM regexp_matches(body.text,"           \
	" '(\\.)?\\s*[\"]?((?:[^[:space:][:punct:]]|[_$])+)[\"]?\\s*(\\()?', 'g') m"               \
	" UNION SELECT m[1], replace(m[2], '\"\"', '\"'), m[3] FROM regexp_matches(body.raw,"      \
	" '(\\.)?\\s*\"((?:[^\"]|\"\")+)\"\\s*(\\()?', 'g') m"

/* A function of a row may be written as if it were one of its columns. */
#define SESSION_STATE_VOLATILE_CALLED                                                              \
	"text ~ '\\mtablesample\\M' OR EXISTS (SELECT FROM (" SESSION_STATE_WORDS ") AS named"     \
	" JOIN pg_proc p ON p.proname = named.word WHERE p.provolatile = 'v' AND (named.paren"     \
	" = '(' OR named.dot = '.' AND p.pronargs = 1 AND EXISTS (SELECT FROM pg_type t"           \
	" WHERE t.oid = p.proargtypes[0] AND t.typtype = 'c')))"

/* The texts that the words of one text may lead to. */
#define SESSION_STATE_MORE                                                                         \
	" SELECT CASE WHEN p.prosrc = '' AND p.prokind IN ('f', 'p')"                              \
	"  THEN pg_get_functiondef(p.oid) ELSE p.prosrc END AS text, false AS inlined"             \
	" FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang"                                  \
	" WHERE p.proname = named.word AND named.paren = '('"                                      \
	" AND l.lanname NOT IN ('internal', 'c') AND p.pronamespace" SESSION_STATE_OWN             \
	" UNION ALL SELECT pg_get_viewdef(c.oid), true FROM pg_class c"                            \
	" WHERE c.relkind = 'v' AND c.relname = named.word AND c.relnamespace" SESSION_STATE_OWN   \
	" UNION ALL SELECT pg_get_expr(p.polqual, p.polrelid), true FROM pg_policy p"              \
	" JOIN pg_class c ON c.oid = p.polrelid WHERE c.relname = named.word"                      \
	" UNION ALL SELECT written.text, false FROM pg_class c, LATERAL ("                         \
	"SELECT f.proname || '()' AS text FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid"    \
	" WHERE t.tgrelid = c.oid AND NOT t.tgisinternal"                                          \
	" UNION ALL SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d"                      \
	" WHERE d.adrelid = c.oid) AS written"                                                     \
	" WHERE c.relname = named.word AND c.relnamespace" SESSION_STATE_OWN                       \
	" AND body.text ~ '\\m(insert|update|delete|merge|truncate)\\M'"

#define SESSION_STATE_SETS                                                                         \
	"set\\s+(session\\s+)?((?!local\\M|transaction\\M|constraints\\M)[a-z_.%\"]+\\s*(=|to\\M)" \
	"|role\\M|time\\s+zone\\M|names\\M|authorization\\M|xml\\M|characteristics\\M)"

const char session_state_prelude[] = "SELECT set_config('jit', 'off', true)";

const char session_state_query[] =
	"WITH RECURSIVE body(text, raw, inlined) AS (SELECT lower($1::text) COLLATE \"C\","
	" $1::text COLLATE \"C\", true UNION SELECT lower(more.text) COLLATE \"C\","
	" more.text COLLATE \"C\", body.inlined AND more.inlined FROM body,"
	" LATERAL (" SESSION_STATE_WORDS ") AS named,"
	" LATERAL (" SESSION_STATE_MORE ") AS more)"
	" SELECT string_agg(DISTINCT found.what, ', ') AS found,"
	" coalesce(bit_or(found.leaves), 0) AS leaves"
	" FROM (SELECT * FROM body LIMIT " SESSION_STATE_BODIES_MAX ") AS body,"
	" LATERAL ("
	" SELECT m[1], 1 FROM regexp_matches(text,"
	"  '\\m(pg_(?:try_)?advisory_lock(?:_shared)?)\\s*\\(', 'g') m"
	" UNION SELECT 'a temporary table', 0 WHERE text ~ '\\mcreate\\s+(local\\s+|global\\s+)?"
	"temp(orary)?\\s' AND text !~ '\\mon\\s+commit\\s+drop\\M'"
	" UNION SELECT NULL, 32 WHERE text ~ '\\m(create|into)\\s+(or\\s+replace\\s+)?"
	"(local\\s+|global\\s+)?temp(orary)?\\s|\\mpg_temp\\M'"
	" UNION SELECT 'set_config', 2 WHERE regexp_replace(text,"
	"  'set_config\\s*\\([^;()]*(\\([^()]*\\)[^;()]*)*,\\s*true\\s*\\)', '', 'g')"
	"  ~ '\\mset_config\\s*\\('"
	" UNION SELECT 'SET', 2 WHERE text ~ '" SESSION_STATE_BEGINS SESSION_STATE_SETS "'"
	" OR text ~ '\\mupdate\\s+(pg_catalog\\.)?pg_settings\\M'"
	" UNION SELECT 'LISTEN', 2 WHERE text ~ '" SESSION_STATE_BEGINS "listen\\s'"
	" UNION SELECT 'PREPARE', 2 WHERE text ~ '" SESSION_STATE_BEGINS "prepare\\s'"
	" UNION SELECT 'LOAD', 2 WHERE text ~ '" SESSION_STATE_BEGINS "load\\s'"
	" UNION SELECT 'a cursor WITH HOLD', 2 WHERE text ~ '\\mwith\\s+hold\\M'"
	" UNION SELECT m[1], 2 FROM regexp_matches(text, '\\m"
	"(setseed|set_limit|dblink_connect(?:_u)?"
	"|pg_create_(?:logical|physical)_replication_slot)\\s*\\(', 'g') m"
	" UNION SELECT NULL, 8 WHERE inlined AND (" SESSION_STATE_VOLATILE_CALLED ")"
	" UNION SELECT NULL, 16 WHERE EXISTS"
	" (SELECT FROM pg_collation WHERE NOT collisdeterministic)"
	" OR current_setting('server_encoding') NOT IN ('UTF8', 'SQL_ASCII')"
	" UNION SELECT 'what a language keeps', 2 WHERE text ~ '\\$_shared\\M|\\m[gs]d\\['"
	" UNION SELECT NULL, 4 WHERE EXISTS (SELECT FROM pg_trigger"
	"  WHERE tgdeferrable AND NOT tgisinternal)"
	") AS found(what, leaves)";
