/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI document: trees, what they prove, schemas of types, and the text of it. */
#include "catalog/openapi/facts.h"
#include "catalog/openapi/node_tree.h"
#include "catalog/openapi/openapi.h"
#include "catalog/openapi/proof.h"
#include "catalog/openapi/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TARGET(name, expr) "{TARGETENTRY :expr " expr " :resno 1 :resname " name " :resjunk false}"
#define VAR_OF(entry, column)                                                                      \
	"{VAR :varno " #entry " :varattno " #column " :varlevelsup 0 :location -1}"
#define RELATION "{RTE :rtekind 0 :relid 100 :relkind r}"

static struct arena arena;
static struct facts facts;

static int set_up(void **state)
{
	arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	facts_fini(&facts);
	arena_fini(&arena);
	return 0;
}

/* Relation 100 has the columns 1, NOT NULL, and 2; function 7 is strict, 8 counts, 9 adds up. */
static void read_facts(const char *tree)
{
	struct buf text;

	buf_init(&text);
	buf_literal(&text, "{\"tree\":");
	if (tree)
		buf_json_string(&text, tree, strlen(tree));
	else
		buf_literal(&text, "null");
	buf_literal(&text, ",\"params\":[20,25],\"columns\":[20,25],\"types\":["
			   "{\"oid\":20,\"name\":\"int8\",\"kind\":\"b\"},"
			   "{\"oid\":25,\"name\":\"text\",\"kind\":\"b\"},"
			   "{\"oid\":1043,\"name\":\"varchar\",\"kind\":\"b\"},"
			   "{\"oid\":3802,\"name\":\"jsonb\",\"kind\":\"b\"},"
			   "{\"oid\":1700,\"name\":\"numeric\",\"kind\":\"b\"},"
			   "{\"oid\":1009,\"name\":\"_text\",\"kind\":\"b\",\"element\":25},"
			   "{\"oid\":900,\"kind\":\"d\",\"base\":1043,\"typmod\":9},"
			   "{\"oid\":901,\"kind\":\"e\",\"labels\":[\"a\",\"b\\\"\"]},"
			   "{\"oid\":902,\"kind\":\"c\",\"fields\":[[\"x\",20]]}],"
			   "\"relations\":[{\"oid\":100,\"notnull\":[1]}],"
			   "\"functions\":[{\"oid\":7,\"class\":\"strict\"},"
			   "{\"oid\":8,\"class\":\"count\"},{\"oid\":9,\"class\":\"group\"},"
			   "{\"oid\":10,\"class\":null}],\"casts\":[]}");
	assert_true(facts_read(&facts, (struct text){ text.ptr, text.len }, &arena));
	buf_fini(&text);
}

static void test_a_tree_is_read_node_by_node(void **state)
{
	const struct node_tree *tree = node_tree_read(
		TEXT("({A :x 4 [ 1 0 0 ] :list (i 1 2) :none <> :name a\\ b\\<> :no false :sub "
		     "{B :n -7}} <>)"),
		&arena);
	const struct node_tree *node;

	assert_non_null(tree);
	node = node_element(tree, 0);
	assert_true(node_is(node, "A"));
	assert_int_equal(node_number(node, "x"), 4);
	assert_true(text_is(node_field(node, "x")->first->text, "1"));
	assert_true(text_is(node_element(node_field(node, "list"), 2)->text, "2"));
	assert_false(node_has(node, "none"));
	assert_false(node_has(node, "no"));
	assert_false(node_has(node, "missing"));
	assert_true(text_is(node_field(node, "name")->text, "a b<>"));
	assert_int_equal(node_number(node_field(node, "sub"), "n"), -7);
	assert_int_equal(node_element(tree, 1)->kind, NODE_NOTHING);
	assert_null(node_element(tree, 2));
}

static void test_what_is_no_tree_is_refused(void **state)
{
	static const char *const texts[] = { "", "(", "{A", "{A :x", "{A :x {}", ")", "(a) b" };
	char deep[2000];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (node_tree_read(text_of(texts[i]), &arena))
			fail_msg("%s is read", texts[i]);
	memset(deep, '(', sizeof(deep) / 2);
	memset(deep + sizeof(deep) / 2, ')', sizeof(deep) / 2);
	assert_null(node_tree_read((struct text){ deep, sizeof(deep) }, &arena));
}

static bool proved(const char *tree)
{
	static const bool params[] = { true, false };

	facts_fini(&facts);
	read_facts(tree);
	return proof_is_not_null(&facts, params, 2, 0);
}

#define QUERY(from, target)                                                                        \
	"(({QUERY :commandType 1 :rtable (" RELATION " " RELATION                                  \
	") :jointree {FROMEXPR :fromlist (" from                                                   \
	") :quals <>} :targetList (" TARGET("x", target) ")}))"
#define ONE "{RANGETBLREF :rtindex 1}"
#define JOINED(type)                                                                               \
	"{JOINEXPR :jointype " type " :larg " ONE " :rarg {RANGETBLREF :rtindex 2} :quals <> "     \
	":rtindex 0}"

static void test_only_what_is_proved_is_not_null(void **state)
{
	static const struct {
		const char *tree;
		bool holds;
	} rows[] = {
		{ QUERY(ONE, VAR_OF(1, 1)), true },
		{ QUERY(ONE, VAR_OF(1, 2)), false },
		{ QUERY(ONE, VAR_OF(1, 0)), true },
		{ QUERY(JOINED("1"), VAR_OF(2, 0)), false },
		{ QUERY(ONE, VAR_OF(1, -1)), false },
		{ QUERY(ONE, VAR_OF(9, 1)), false },
		{ QUERY(JOINED("0"), VAR_OF(2, 1)), true },
		{ QUERY(JOINED("1"), VAR_OF(1, 1)), true },
		{ QUERY(JOINED("1"), VAR_OF(2, 1)), false },
		{ QUERY(JOINED("2"), VAR_OF(1, 1)), false },
		{ QUERY(JOINED("2"), VAR_OF(2, 1)), false },
		{ QUERY(JOINED("3"), VAR_OF(1, 1)), false },
		{ QUERY(JOINED("3"), VAR_OF(2, 1)), true },
		{ QUERY(ONE, "{CONST :constisnull false :constvalue 4 [ 1 0 0 0 ]}"), true },
		{ QUERY(ONE, "{CONST :constisnull true :constvalue <>}"), false },
		{ QUERY(ONE, "{PARAM :paramkind 0 :paramid 1}"), true },
		{ QUERY(ONE, "{PARAM :paramkind 0 :paramid 2}"), false },
		{ QUERY(ONE, "{PARAM :paramkind 0 :paramid 3}"), false },
		{ QUERY(ONE, "{FUNCEXPR :funcid 7 :args (" VAR_OF(1, 1) ")}"), true },
		{ QUERY(ONE, "{FUNCEXPR :funcid 7 :args (" VAR_OF(1, 1) VAR_OF(1, 2) ")}"), false },
		{ QUERY(ONE, "{FUNCEXPR :funcid 10 :args (" VAR_OF(1, 1) ")}"), false },
		{ QUERY(ONE, "{FUNCEXPR :funcid 11 :args <>}"), false },
		{ QUERY(ONE, "{AGGREF :aggfnoid 8 :args <>}"), true },
		{ QUERY(ONE, "{AGGREF :aggfnoid 9 :args ({TARGETENTRY :expr " VAR_OF(1, 1) "})}"),
		  false },
		{ QUERY(ONE, "{COALESCE :args (" VAR_OF(1, 2) VAR_OF(1, 1) ")}"), true },
		{ QUERY(ONE, "{COALESCEEXPR :args (" VAR_OF(1, 2) ")}"), false },
		{ QUERY(ONE, "{SOMETHINGNEW :args (" VAR_OF(1, 1) ")}"), false },
		{ "<>", false },
		{ NULL, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (proved(rows[i].tree) != rows[i].holds)
			fail_msg("%zu: %s", i, rows[i].tree);
}

static void assert_schema(struct schema_of of, const char *expected)
{
	struct writer writer;
	struct buf out, flat;

	buf_init(&out);
	buf_init(&flat);
	writer_init(&writer, &out);
	writer_object(&writer, NULL);
	schema_write(&writer, &facts, &of);
	writer_end(&writer);
	for (size_t i = 0; i < out.len; i++)
		if (out.ptr[i] != ' ' && out.ptr[i] != '\n')
			buf_byte(&flat, out.ptr[i]);
	buf_byte(&flat, '\0');
	assert_string_equal(flat.ptr, expected);
	buf_fini(&out);
	buf_fini(&flat);
}

static void test_types_are_what_their_json_is(void **state)
{
	read_facts(NULL);
	assert_schema((struct schema_of){ .oid = 20, .side = SCHEMA_OUT },
		      "{\"type\":\"integer\",\"format\":\"int64\"}");
	assert_schema((struct schema_of){ .oid = 20, .side = SCHEMA_OUT, .int8_as_text = true },
		      "{\"type\":\"string\",\"format\":\"int64\"}");
	assert_schema((struct schema_of){ .oid = 20, .nullable = true, .default_value = TEXT("5") },
		      "{\"type\":[\"integer\",\"string\",\"null\"],\"format\":\"int64\","
		      "\"default\":5}");
	assert_schema((struct schema_of){ .oid = 1700, .side = SCHEMA_OUT, .nullable = true },
		      "{\"type\":[\"string\",\"null\"],\"format\":\"decimal\"}");
	assert_schema((struct schema_of){ .oid = 900 }, "{\"type\":\"string\",\"maxLength\":5}");
	assert_schema((struct schema_of){ .oid = 901, .default_value = TEXT("a") },
		      "{\"type\":\"string\",\"enum\":[\"a\",\"b\\\"\"],\"default\":\"a\"}");
	assert_schema((struct schema_of){ .oid = 901, .side = SCHEMA_OUT, .nullable = true },
		      "{\"type\":[\"string\",\"null\"],\"enum\":[\"a\",\"b\\\"\",null]}");
	assert_schema((struct schema_of){ .oid = 1009, .side = SCHEMA_OUT },
		      "{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"null\"]}}");
	assert_schema((struct schema_of){ .oid = 902, .side = SCHEMA_OUT },
		      "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":[\"integer\",\"null\"],"
		      "\"format\":\"int64\"}},\"required\":[\"x\"]}");
	assert_schema((struct schema_of){ .oid = 3802, .side = SCHEMA_OUT }, "{}");
	assert_schema((struct schema_of){ .oid = 4711, .side = SCHEMA_OUT },
		      "{\"type\":\"string\"}");
	assert_true(schema_is_json_text(&facts, 902));
	assert_true(schema_is_json_text(&facts, 3802));
	assert_false(schema_is_json_text(&facts, 1009));
}

static void write_document(struct buf *out, const struct catalog *catalog)
{
	struct openapi_item items[8];

	assert_true(catalog->count <= 8);
	for (unsigned i = 0; i < catalog->count; i++)
		items[i] = (struct openapi_item){ &catalog->operations[i], &facts };
	openapi_write(out, items, catalog->count, "X-User-Id");
}

static const struct json *at(const struct json *json, const char *path)
{
	char key[100];

	while (json && *path) {
		size_t len = strcspn(path, "|");

		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		json = json_get(json, key);
		path += len + (path[len] == '|');
	}
	return json;
}

static void test_the_same_operations_make_the_same_document(void **state)
{
	static const char text[] = "-- query: a.b :one\n-- One.\n-- @param id bigint\n"
				   "SELECT id FROM t WHERE id = :id;\n"
				   "-- command: c :exec\n-- @param x text?\n-- @async allowed\n"
				   "-- @idempotency required\n-- @roles r, s\n"
				   "DELETE FROM t WHERE x = :x;\n";
	struct buf errors, first, second;
	struct catalog *catalog;
	struct json_error error;
	struct json *json;

	buf_init(&errors);
	buf_init(&first);
	buf_init(&second);
	catalog = catalog_load_text("t.sql", TEXT(text), &errors);
	assert_non_null(catalog);
	read_facts(QUERY(ONE, VAR_OF(1, 1)));
	write_document(&first, catalog);
	write_document(&second, catalog);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.ptr, second.ptr, first.len);
	json = json_read((struct text){ first.ptr, first.len }, &error);
	assert_non_null(json);
	assert_true(text_is(json_text(at(json, "paths|/v1/queries/a.b|get|operationId")), "a.b"));
	assert_true(
		text_is(json_text(at(json, "paths|/v1/queries/a.b|post|operationId")), "a.b-post"));
	assert_true(text_is(json_text(at(json, "components|schemas|a.b.row|properties|x|type")),
			    "integer"));
	assert_false(json_bool(at(json, "components|schemas|a.b.parameters|additionalProperties")));
	assert_non_null(at(json, "paths|/v1/commands/c|post|responses|202"));
	assert_int_equal(json_length(at(json, "paths|/v1/commands/c|post|security")), 2);
	assert_non_null(at(json, "paths|/v1/jobs/{id}|delete|responses|409"));
	assert_non_null(at(json, "components|parameters|Idempotency-Key-Required"));
	assert_null(at(json, "components|parameters|Idempotency-Key"));
	json_free(json);
	catalog_let_go(catalog);
	buf_fini(&errors);
	buf_fini(&first);
	buf_fini(&second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_tree_is_read_node_by_node),
		TEST(test_what_is_no_tree_is_refused),
		TEST(test_only_what_is_proved_is_not_null),
		TEST(test_types_are_what_their_json_is),
		TEST(test_the_same_operations_make_the_same_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
