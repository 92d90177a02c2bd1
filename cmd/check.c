/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check verb: what is wrong with the catalog, by reading it, by preparing every operation on
 * the primary and on a replica, and by looking at the plans of queries, which may neither write nor
 * lock; and with the rate limits that it is to be served under. PostgreSQL's own messages are shown
 * with the author's place.
 */
#include "base/clock.h"
#include "cmd/check_against.h"
#include "cmd/check_api_keys.h"
#include "cmd/check_cache.h"
#include "cmd/check_commits.h"
#include "cmd/check_feed.h"
#include "cmd/check_findings.h"
#include "cmd/check_jobs.h"
#include "cmd/check_keys.h"
#include "cmd/check_lookup.h"
#include "cmd/check_node.h"
#include "cmd/check_not_null.h"
#include "cmd/check_procedure.h"
#include "cmd/check_reads.h"
#include "cmd/check_rights.h"
#include "cmd/check_row_security.h"
#include "cmd/check_schedules.h"
#include "cmd/check_schema.h"
#include "cmd/check_session_state.h"
#include "cmd/check_text.h"
#include "cmd/start.h"
#include "cmd/verbs.h"
#include "router/claims.h"
#include "router/ratelimit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRESS_US (2 * US_PER_S)

/* What is asked of the primary once, before the operations. */
static void (*const checks_of_primary[])(struct check_node *primary, const struct catalog *catalog,
					 struct findings *findings) = {
	check_keys,   check_jobs,   check_feed,    check_api_keys,
	check_rights, check_schema, check_commits,
};

struct checking {
	const struct options *options;
	const struct catalog *catalog;
	struct findings findings;
	struct row_security row_security;
	struct check_node primary, standby;
	bool has_primary, has_standby;
	const char *conninfo; /* of the primary */
	char cluster[64];     /* of the first node that told it, the --primary if it can be asked */
	char cluster_of[256];
	unsigned queries, commands;
	struct buf changes;  /* of --against, with --json */
	bool breaks;         /* one of them does */
	int64_t reported_us; /* the last line about progress */
};

/* --- nodes ----------------------------------------------------------------------------------- */

static bool check_is_stranger(struct checking *checking, const struct check_node *node)
{
	if (!*checking->cluster) {
		memcpy(checking->cluster, node->cluster, sizeof(checking->cluster));
		snprintf(checking->cluster_of, sizeof(checking->cluster_of), "%s",
			 node->asker.node->name);
	}
	if (!*node->cluster || strcmp(checking->cluster, node->cluster) == 0)
		return false;
	findings_trouble(&checking->findings, "%s belongs to another cluster than %s",
			 node->asker.node->name, checking->cluster_of);
	return true;
}

/* Keeps the first primary and the first standby, whichever option named them. */
static void check_open(struct checking *checking, const char *conninfo)
{
	struct check_node node;

	if (!check_node_open(&node, conninfo, &checking->findings))
		return;
	if (check_is_stranger(checking, &node)) {
		check_node_close(&node);
		return;
	}
	if (node.in_recovery)
		check_jobs_standby(&node, checking->catalog, &checking->findings);
	if (node.in_recovery && !checking->has_standby) {
		checking->standby = node;
		checking->has_standby = true;
	} else if (!node.in_recovery && !checking->has_primary) {
		checking->primary = node;
		checking->has_primary = true;
		checking->conninfo = conninfo;
	} else {
		check_node_close(&node);
	}
}

/* False: the nodes that the check needs are not there, which is among the findings. */
static bool check_open_all(struct checking *checking)
{
	const struct option_list *replicas = &checking->options->replicas;
	struct findings *findings = &checking->findings;

	check_open(checking, checking->options->primary);
	for (size_t i = 0; i < replicas->count; i++)
		check_open(checking, replicas->items[i]);
	if (!checking->has_primary)
		findings_trouble(findings, "none of the nodes that answer is the primary");
	if (!checking->has_standby && replicas->count > 0)
		findings_trouble(findings, "none of the nodes that answer is a replica");
	if (checking->has_primary && checking->has_standby &&
	    !check_node_reach(&checking->standby, checking->primary.position))
		findings_trouble(findings, "%s is behind %s: what follows may be out of date",
				 checking->standby.asker.node->name,
				 checking->primary.asker.node->name);
	return checking->has_primary && (checking->has_standby || replicas->count == 0);
}

static void check_close_all(struct checking *checking)
{
	if (checking->has_primary)
		check_node_close(&checking->primary);
	if (checking->has_standby)
		check_node_close(&checking->standby);
}

/* --- one operation --------------------------------------------------------------------------- */

static bool same_type(struct pg_type a, struct pg_type b)
{
	return a.oid == b.oid && a.element_oid == b.element_oid;
}

static bool same_shape(const struct shape *a, const struct shape *b)
{
	if (a->params != b->params || a->columns != b->columns)
		return false;
	for (unsigned i = 0; i < a->params; i++)
		if (!same_type(a->param_types[i], b->param_types[i]))
			return false;
	for (unsigned i = 0; i < a->columns; i++)
		if (!same_type(a->column_types[i], b->column_types[i]))
			return false;
	return true;
}

static enum check_answer check_on_standby(struct checking *checking,
					  const struct operation *operation,
					  const struct shape *expected, struct statement *statement)
{
	enum check_answer answer =
		check_describe(&checking->standby, operation, statement, &checking->findings);

	if (answer != CHECK_FINE || same_shape(expected, statement_shape(statement)))
		return answer;
	findings_error(&checking->findings, operation->text_place,
		       "%s describes its parameters or columns differently from %s",
		       checking->standby.asker.node->name, checking->primary.asker.node->name);
	return CHECK_WRONG;
}

/* Whether the rows that the header promises can come at all. */
static void check_rows(struct checking *checking, const struct operation *operation,
		       const struct shape *shape)
{
	static const char *const rows[] = { ":one", ":maybe", ":many", ":exec" };

	if (shape->columns == 0 && operation->rows != ROWS_EXEC)
		findings_error(&checking->findings, operation->text_place,
			       "the statement returns no columns: declare it :exec instead of %s, "
			       "or let it return some (RETURNING)",
			       rows[operation->rows]);
}

/* Each node may be asked as another role. */
static void check_claims(struct checking *checking, const struct operation *operation,
			 const struct buf *plan)
{
	struct text text = { plan->ptr, plan->len };

	if (operation->claims == CATALOG_CLAIMS_NONE && checking->options->claims != CLAIMS_ALL)
		return;
	check_row_security(&checking->row_security, &checking->primary, operation, text,
			   &checking->findings);
	if (checking->has_standby)
		check_row_security(&checking->row_security, &checking->standby, operation, text,
				   &checking->findings);
}

static enum check_answer check_planned(struct checking *checking, const struct operation *operation,
				       struct statement *on_primary, struct statement *on_standby)
{
	bool standby = checking->has_standby;
	struct check_node *node = standby ? &checking->standby : &checking->primary;
	enum check_answer answer =
		check_plan(node, operation, standby ? on_standby : on_primary, &checking->findings);

	if (answer == CHECK_FINE)
		check_claims(checking, operation, &node->asker.out);
	return answer;
}

static enum check_answer check_statement(struct checking *checking,
					 const struct operation *operation,
					 struct statement *on_primary, struct statement *on_standby)
{
	struct findings *findings = &checking->findings;
	enum check_answer answer;
	struct text word;

	answer = check_describe(&checking->primary, operation, on_primary, findings);
	if (answer == CHECK_FINE && checking->has_standby)
		answer = check_on_standby(checking, operation, statement_shape(on_primary),
					  on_standby);
	if (answer == CHECK_FINE && check_is_planned(operation->statement->text))
		answer = check_planned(checking, operation, on_primary, on_standby);
	if (answer != CHECK_FINE)
		return answer;
	if (operation->kind == REQUEST_QUERY &&
	    !check_may_be_query(operation->statement->text, &word))
		findings_error(findings, operation->text_place, "a query may not write (%.*s)",
			       (int)word.len, word.ptr);
	else
		check_rows(checking, operation, statement_shape(on_primary));
	check_lookup(operation, statement_shape(on_primary), findings);
	check_session_state(&checking->primary, operation, findings);
	check_procedure(&checking->primary, operation, findings);
	return CHECK_FINE;
}

static enum check_answer check_operation(struct checking *checking,
					 const struct operation *operation)
{
	struct statement on_primary, on_standby;
	enum check_answer answer;

	check_statement_init(&on_primary, operation);
	check_statement_init(&on_standby, operation);
	answer = check_statement(checking, operation, &on_primary, &on_standby);
	statement_fini(&on_primary);
	statement_fini(&on_standby);
	arena_reset(&checking->primary.asker.arena);
	if (checking->has_standby)
		arena_reset(&checking->standby.asker.arena);
	return answer;
}

static void check_progress(struct checking *checking, unsigned done)
{
	int64_t now_us = loop_now(checking->primary.asker.loop);

	if (checking->reported_us == 0)
		checking->reported_us = now_us;
	if (now_us - checking->reported_us < PROGRESS_US)
		return;
	checking->reported_us = now_us;
	fprintf(stderr, "cqrsd check: %u of %u operations\n", done, checking->catalog->count);
}

static int compare_places(const void *a, const void *b)
{
	const struct operation *one = *(const struct operation *const *)a;
	const struct operation *other = *(const struct operation *const *)b;
	int by_file = strcmp(one->place.file, other->place.file);

	if (by_file != 0)
		return by_file;
	return one->place.line < other->place.line ? -1 : one->place.line > other->place.line;
}

/* In the order of the files, as their author reads them. */
static void check_online(struct checking *checking)
{
	const struct operation *operations[OPERATIONS_MAX];
	unsigned count = checking->catalog->count;
	bool goes_on = check_open_all(checking);

	for (size_t i = 0; goes_on && i < sizeof(checks_of_primary) / sizeof(checks_of_primary[0]);
	     i++)
		checks_of_primary[i](&checking->primary, checking->catalog, &checking->findings);
	for (unsigned i = 0; i < count; i++)
		operations[i] = &checking->catalog->operations[i];
	qsort(operations, count, sizeof(operations[0]), compare_places);
	for (unsigned i = 0; goes_on && i < count; i++) {
		goes_on = check_operation(checking, operations[i]) != CHECK_MUTE;
		check_progress(checking, i + 1);
	}
	if (goes_on)
		check_cache(checking->conninfo, operations, count,
			    (enum feed_option)checking->options->feed, checking->options->explain,
			    &checking->findings);
	if (goes_on)
		check_not_null(checking->conninfo, operations, count, &checking->findings);
	if (goes_on && checking->options->explain)
		check_reads(checking->conninfo, operations, count,
			    (enum feed_option)checking->options->feed, &checking->findings);
}

/* --- the outcome ----------------------------------------------------------------------------- */

static const char *plural(unsigned count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}

static void check_count(struct checking *checking)
{
	for (unsigned i = 0; i < checking->catalog->count; i++) {
		if (checking->catalog->operations[i].kind == REQUEST_QUERY)
			checking->queries++;
		else
			checking->commands++;
	}
}

static void check_summary(const struct checking *checking)
{
	unsigned errors = checking->findings.errors;

	if (checking->catalog) {
		unsigned count = checking->catalog->count;

		printf("%u %s: %u %s, %u %s; ", count, plural(count, "operation", "operations"),
		       checking->queries, plural(checking->queries, "query", "queries"),
		       checking->commands, plural(checking->commands, "command", "commands"));
	}
	if (errors > 0)
		printf("%u %s\n", errors, plural(errors, "error", "errors"));
	else if (checking->options->offline)
		printf("no database was asked\n");
	else if (checking->has_standby)
		printf("primary %s and replica %s agree\n", checking->primary.asker.node->name,
		       checking->standby.asker.node->name);
	else
		printf("primary %s agrees\n", checking->primary.asker.node->name);
}

static void check_json_node(struct buf *out, const struct check_node *node, const char *role)
{
	const char *name = node->asker.node->name;

	buf_string(out, out->ptr[out->len - 1] == '[' ? "{\"node\":" : ",{\"node\":");
	buf_json_string(out, name, strlen(name));
	buf_printf(out, ",\"role\":\"%s\"}", role);
}

static void check_json(const struct checking *checking)
{
	const struct findings *findings = &checking->findings;
	struct buf out;

	buf_init(&out);
	buf_printf(&out, "{\"ok\":%s,\"errors\":%u,\"warnings\":%u,\"notes\":%u",
		   findings->errors ? "false" : "true", findings->errors, findings->warnings,
		   findings->notes);
	if (checking->catalog)
		buf_printf(&out, ",\"operations\":%u,\"queries\":%u,\"commands\":%u",
			   checking->catalog->count, checking->queries, checking->commands);
	buf_literal(&out, ",\"nodes\":[");
	if (checking->has_primary)
		check_json_node(&out, &checking->primary, "primary");
	if (checking->has_standby)
		check_json_node(&out, &checking->standby, "replica");
	buf_literal(&out, "],\"findings\":[");
	buf_add(&out, findings->json.ptr, findings->json.len);
	buf_byte(&out, ']');
	if (checking->options->against)
		buf_printf(&out, ",\"changes\":[%.*s]", (int)checking->changes.len,
			   checking->changes.ptr ? checking->changes.ptr : "");
	buf_literal(&out, "}\n");
	fwrite(out.ptr, 1, out.len, stdout);
	buf_fini(&out);
}

static void check_catalog(struct checking *checking, struct catalog *catalog)
{
	struct buf lines;

	checking->catalog = catalog;
	check_count(checking);
	buf_init(&lines);
	catalog_notes(catalog, &lines);
	/* What is wrong is among the lines, and counted there. */
	(void)!ratelimit_check(&checking->options->rate_limits, catalog, &lines);
	findings_lines(&checking->findings, &lines);
	buf_fini(&lines);
	check_schedules(catalog, &checking->findings);
	if (!checking->options->offline)
		check_online(checking);
	else if (checking->options->against)
		findings_trouble(&checking->findings, "--against asks the primary: not --offline");
	/* A catalog that is wrong has no document. */
	if (checking->options->against && !checking->findings.errors)
		checking->breaks = !check_against(checking->options, checking->conninfo, catalog,
						  &checking->findings, &checking->changes);
}

int check_main(int argc, char **argv)
{
	struct options options;
	struct checking checking = { .options = &options };
	struct catalog *catalog;
	struct buf errors;
	int code;

	if (!start_options(&options, VERB_CHECK, "check", argc, argv, &code))
		return code;
	findings_init(&checking.findings, "check", options.catalog);
	row_security_init(&checking.row_security);
	buf_init(&checking.changes);
	buf_init(&errors);
	catalog = catalog_load(options.catalog, NULL, &errors);
	if (catalog)
		check_catalog(&checking, catalog);
	else
		findings_lines(&checking.findings, &errors);
	if (options.json)
		check_json(&checking);
	else
		check_summary(&checking);
	code = checking.findings.usage                       ? EXIT_USAGE
	       : checking.findings.errors || checking.breaks ? EXIT_FAILED
							     : EXIT_DONE;
	check_close_all(&checking);
	if (catalog)
		catalog_let_go(catalog);
	buf_fini(&errors);
	row_security_fini(&checking.row_security);
	buf_fini(&checking.changes);
	findings_fini(&checking.findings);
	return code;
}
