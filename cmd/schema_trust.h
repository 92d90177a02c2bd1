/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owns the schema cqrsd? The owner of one of its tables, or of a function that is called when
 * one is used, runs code with the rights of every role that uses it: migrate is often a superuser.
 * Trusted are one role, and superusers, who can do so anyway.
 */
#pragma once

/* The roles, as rows of pg_roles: for the role that connected, or for the owner of the schema. */
#define SCHEMA_TRUST_SESSION "r.rolname = session_user"
#define SCHEMA_TRUST_OWNER "r.oid = (SELECT nspowner FROM pg_namespace WHERE nspname = 'cqrsd')"

#define SCHEMA_TRUST_OURS "(SELECT oid FROM pg_namespace WHERE nspname = 'cqrsd')"
#define SCHEMA_TRUST_TABLES                                                                        \
	"(SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = " SCHEMA_TRUST_OURS ")"

/* What the schema holds, and tables that inherit from it. */
#define SCHEMA_TRUST_GRANTED                                                                       \
	"SELECT 'schema cqrsd' AS what, nspowner AS owner FROM pg_namespace"                       \
	" WHERE nspname = 'cqrsd'"                                                                 \
	" UNION ALL SELECT 'relation cqrsd.' || relname, relowner FROM pg_class"                   \
	" WHERE relnamespace = " SCHEMA_TRUST_OURS                                                 \
	" UNION ALL SELECT 'function cqrsd.' || proname, proowner FROM pg_proc"                    \
	" WHERE pronamespace = " SCHEMA_TRUST_OURS                                                 \
	" UNION ALL SELECT 'type cqrsd.' || typname, typowner FROM pg_type"                        \
	" WHERE typnamespace = " SCHEMA_TRUST_OURS                                                 \
	" UNION ALL SELECT 'operator cqrsd.' || oprname, oprowner FROM pg_operator"                \
	" WHERE oprnamespace = " SCHEMA_TRUST_OURS                                                 \
	" UNION ALL SELECT 'operator class cqrsd.' || opcname, opcowner FROM pg_opclass"           \
	" WHERE opcnamespace = " SCHEMA_TRUST_OURS                                                 \
	" UNION ALL SELECT 'operator family cqrsd.' || opfname, opfowner FROM pg_opfamily"         \
	" WHERE opfnamespace = " SCHEMA_TRUST_OURS                                                 \
	" UNION ALL SELECT 'collation cqrsd.' || collname, collowner FROM pg_collation"            \
	" WHERE collnamespace = " SCHEMA_TRUST_OURS                                                \
	" UNION ALL SELECT 'conversion cqrsd.' || conname, conowner FROM pg_conversion"            \
	" WHERE connamespace = " SCHEMA_TRUST_OURS                                                 \
	" UNION ALL SELECT 'inheriting table ' || inhrelid::regclass, c.relowner"                  \
	" FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid"                                 \
	" WHERE inhparent IN " SCHEMA_TRUST_TABLES

/* What is called when it is used, wherever that lies. The right TRIGGER is enough for the first. */
#define SCHEMA_TRUST_CALLED                                                                        \
	" UNION ALL SELECT 'function of trigger ' || t.tgname || ' on ' || t.tgrelid::regclass,"   \
	" p.proowner FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid"                   \
	" WHERE t.tgrelid IN " SCHEMA_TRUST_TABLES                                                 \
	" UNION ALL SELECT 'event trigger ' || e.evtname, owner FROM pg_event_trigger AS e"        \
	" JOIN pg_proc AS p ON p.oid = e.evtfoid,"                                                 \
	" LATERAL (VALUES (e.evtowner), (p.proowner)) AS owners (owner) WHERE e.evtenabled <> 'D'" \
	" UNION ALL SELECT 'function ' || p.oid::regprocedure || ', used by cqrsd', p.proowner"    \
	" FROM uses JOIN pg_proc AS p ON uses.class = 'pg_proc'::regclass AND p.oid = uses.id"     \
	" UNION ALL SELECT 'operator ' || o.oid::regoperator || ', used by cqrsd', owner"          \
	" FROM uses JOIN pg_operator AS o ON uses.class = 'pg_operator'::regclass"                 \
	" AND o.oid = uses.id JOIN pg_proc AS p ON p.oid = o.oprcode,"                             \
	" LATERAL (VALUES (o.oprowner), (p.proowner)) AS owners (owner)"                           \
	" UNION ALL SELECT 'type ' || y.oid::regtype || ', used by cqrsd', y.typowner"             \
	" FROM uses JOIN pg_type AS y ON uses.class = 'pg_type'::regclass AND y.oid = uses.id"

/* Of defaults, constraints, rules, policies, indexes, columns. */
#define SCHEMA_TRUST_USES                                                                          \
	"SELECT d.refclassid AS class, d.refobjid AS id FROM pg_depend AS d JOIN ("                \
	"SELECT 'pg_attrdef'::regclass AS class, oid AS id, adrelid AS held FROM pg_attrdef"       \
	" UNION ALL SELECT 'pg_constraint'::regclass, oid, conrelid FROM pg_constraint"            \
	" UNION ALL SELECT 'pg_rewrite'::regclass, oid, ev_class FROM pg_rewrite"                  \
	" UNION ALL SELECT 'pg_policy'::regclass, oid, polrelid FROM pg_policy"                    \
	" UNION ALL SELECT 'pg_class'::regclass, oid, oid FROM pg_class"                           \
	") AS users ON d.classid = users.class AND d.objid = users.id"                             \
	" WHERE users.held IN " SCHEMA_TRUST_TABLES

/*
 * The first complaint, as a text, or NULL. trusted: one of the two above. To be run with a
 * search_path of pg_catalog alone.
 */
#define SCHEMA_TRUST(trusted)                                                                      \
	"(WITH uses AS (" SCHEMA_TRUST_USES                                                        \
	"), held AS (" SCHEMA_TRUST_GRANTED SCHEMA_TRUST_CALLED                                    \
	"), trusted AS (SELECT r.oid FROM pg_roles AS r WHERE r.rolsuper OR " trusted ")"          \
	" SELECT complaint FROM (SELECT what || ' belongs to role ' ||"                            \
	" coalesce((SELECT rolname FROM pg_roles WHERE oid = owner), owner::text) AS complaint"    \
	" FROM held WHERE owner NOT IN (SELECT oid FROM trusted)"                                  \
	" UNION ALL SELECT 'everybody who has CREATE on schema cqrsd may put functions there: '"   \
	" || CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE coalesce((SELECT rolname FROM pg_roles"      \
	" WHERE oid = a.grantee), a.grantee::text) END FROM pg_namespace AS n,"                    \
	" LATERAL aclexplode(n.nspacl) AS a WHERE n.nspname = 'cqrsd'"                             \
	" AND a.privilege_type = 'CREATE' AND a.grantee NOT IN (SELECT oid FROM trusted)"          \
	") AS complaints LIMIT 1)"
