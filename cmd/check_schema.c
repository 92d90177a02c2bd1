/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose the schema cqrsd is, which holds the key that signs tokens, and code that commands call.
 */
#include "cmd/check_schema.h"
#include "cmd/check_said.h"
#include "cmd/schema_trust.h"

#define CHECK_SCHEMA "the schema cqrsd"

static const char check_schema_wrong[] = "SELECT " SCHEMA_TRUST(SCHEMA_TRUST_OWNER) " AS said";
static const char check_schema_owner[] =
	"SELECT r.rolname AS said FROM pg_namespace AS n JOIN pg_roles AS r ON r.oid = n.nspowner"
	" WHERE n.nspname = 'cqrsd' AND NOT r.rolsuper AND r.rolname <> session_user";
static const char check_schema_readable[] =
	"SELECT 'PUBLIC' AS said FROM pg_class AS c, LATERAL aclexplode(c.relacl) AS a"
	" WHERE c.oid = to_regclass('cqrsd.token_key') AND a.grantee = 0"
	" AND a.privilege_type = 'SELECT'";

void check_schema(struct check_node *primary, const struct catalog *catalog,
		  struct findings *findings)
{
	const char *name = primary->asker.node->name;
	struct text said = check_said(primary, findings, CHECK_SCHEMA, check_schema_wrong);

	(void)catalog;
	if (said.len)
		findings_trouble(findings, "%s: not all of the schema cqrsd is its owner's: %.*s",
				 name, (int)said.len, said.ptr);
	said = check_said(primary, findings, CHECK_SCHEMA, check_schema_owner);
	if (said.len)
		findings_note(findings, (struct place){ 0 },
			      "%s: the schema cqrsd belongs to role %.*s, neither this role nor a "
			      "superuser: it can forge tokens, and what it puts there is run by "
			      "commands with a key",
			      name, (int)said.len, said.ptr);
	said = check_said(primary, findings, CHECK_SCHEMA, check_schema_readable);
	if (said.len)
		findings_trouble(findings,
				 "%s: everybody may read cqrsd.token_key, which signs tokens: "
				 "REVOKE SELECT ON cqrsd.token_key FROM PUBLIC",
				 name);
}
