/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* A folder of files becomes a catalog: found, read, sorted, held, let go. */
#include "catalog/catalog.h"
#include "catalog/suggestion.h"
#include "catalog_story.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
	char dir[64];
	struct buf errors;
};

static int folder_setup(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	snprintf(folder->dir, sizeof(folder->dir), "/tmp/cqrsd-catalog-XXXXXX");
	buf_init(&folder->errors);
	*state = folder;
	return mkdtemp(folder->dir) ? 0 : -1;
}

static int folder_entry(const char *path, const struct stat *found, int kind, struct FTW *walk)
{
	(void)found;
	(void)kind;
	(void)walk;
	return remove(path);
}

static int folder_teardown(void **state)
{
	struct folder *folder = *state;

	if (nftw(folder->dir, folder_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
		return -1;
	buf_fini(&folder->errors);
	free(folder);
	return 0;
}

static const char *folder_path(struct folder *folder, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder->dir, name);
	return path;
}

static void folder_dir(struct folder *folder, const char *name)
{
	assert_int_equal(mkdir(folder_path(folder, name), 0700), 0);
}

static void folder_write(struct folder *folder, const char *name, const char *text)
{
	FILE *file = fopen(folder_path(folder, name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static struct catalog *folder_load(struct folder *folder, const struct catalog *previous)
{
	struct catalog *catalog;

	buf_clear(&folder->errors);
	catalog = catalog_load(folder->dir, previous, &folder->errors);
	buf_byte(&folder->errors, 0);
	if (catalog)
		assert_string_equal(folder->errors.ptr, "");
	return catalog;
}

static void operations_of_all_files_are_sorted_by_name(void **state)
{
	struct folder *folder = *state;
	struct catalog *catalog;

	folder_dir(folder, "b");
	folder_dir(folder, "b/deep");
	folder_write(folder, "z.sql", "-- query: a :one\nSELECT 1;");
	folder_write(folder, "b/deep/x.sql", "\n-- query: c :one\nSELECT 1;");
	folder_write(folder, "b/y.sql", "-- query: b.x :one\nSELECT 1; -- query: no :one");
	folder_write(folder, "notes.txt", "not SQL");
	folder_write(folder, ".hidden.sql", "not SQL");
	folder_write(folder, "empty.sql", "");
	catalog = folder_load(folder, NULL);
	assert_non_null(catalog);
	assert_int_equal(catalog->count, 3);
	assert_string_equal(catalog->operations[0].name, "a");
	assert_string_equal(catalog->operations[1].name, "b.x");
	assert_string_equal(catalog->operations[2].name, "c");
	assert_string_equal(catalog->operations[2].place.file, "b/deep/x.sql");
	assert_int_equal(catalog->operations[2].place.line, 2);
	catalog_let_go(catalog);
}

static void an_empty_folder_is_an_empty_catalog(void **state)
{
	struct catalog *catalog = folder_load(*state, NULL);

	assert_non_null(catalog);
	assert_int_equal(catalog->count, 0);
	assert_null(catalog_find(catalog, REQUEST_QUERY, TEXT("a")));
	catalog_let_go(catalog);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
	struct buf errors;

	buf_init(&errors);
	assert_null(catalog_load("/nonexistent/sql", NULL, &errors));
	buf_byte(&errors, 0);
	assert_string_equal(errors.ptr, "/nonexistent/sql: error: No such file or directory\n");
	buf_fini(&errors);
}

static void a_name_is_unique_over_all_files_and_kinds(void **state)
{
	struct folder *folder = *state;

	folder_write(folder, "a.sql", "-- query: x :one\nSELECT 1;\n");
	folder_write(folder, "b.sql", "\n-- command: x :one\nSELECT 1;\n");
	assert_null(folder_load(folder, NULL));
	assert_string_equal(folder->errors.ptr,
			    "b.sql:2:1: error: \"x\" is the name of another operation already, at "
			    "a.sql:1\n");
}

static void errors_of_all_files_are_told_by_path(void **state)
{
	struct folder *folder = *state;

	folder_write(folder, "b.sql", "-- query: x :one\nSELECT $1;\n");
	folder_write(folder, "a.sql", "-- query: y :one\nSELECT $1;\n");
	assert_int_equal(symlink("nowhere", folder_path(folder, "c.sql")), 0);
	assert_int_equal(mkfifo(folder_path(folder, "d.sql"), 0600), 0);
	assert_null(folder_load(folder, NULL));
	assert_non_null(strstr(folder->errors.ptr, "c.sql: error: No such file or directory\n"));
	assert_non_null(strstr(folder->errors.ptr, "d.sql: error: is not a file\n"));
	assert_non_null(strstr(folder->errors.ptr,
			       "a.sql:2:8: error: parameters have names here: "
			       "write :name instead of $1\nb.sql:2:8: error: "));
}

static void a_file_has_a_largest_size(void **state)
{
	struct folder *folder = *state;
	char *text = malloc(CATALOG_FILE_BYTES_MAX + 2);
	struct catalog *catalog;

	memset(text, ' ', CATALOG_FILE_BYTES_MAX + 1);
	text[CATALOG_FILE_BYTES_MAX] = 0;
	folder_write(folder, "a.sql", text);
	catalog = folder_load(folder, NULL);
	assert_non_null(catalog);
	catalog_let_go(catalog);
	text[CATALOG_FILE_BYTES_MAX] = ' ';
	text[CATALOG_FILE_BYTES_MAX + 1] = 0;
	folder_write(folder, "a.sql", text);
	assert_null(folder_load(folder, NULL));
	assert_string_equal(folder->errors.ptr, "a.sql: error: larger than 1048576 bytes\n");
	free(text);
}

static void symlinks_are_followed_but_not_in_circles(void **state)
{
	struct folder *folder = *state;
	struct catalog *catalog;

	folder_dir(folder, "a");
	folder_dir(folder, "..data");
	folder_write(folder, "..data/x.sql", "-- query: x :one\nSELECT 1;");
	folder_write(folder, "a/y.sql", "-- query: y :one\nSELECT 1;");
	assert_int_equal(symlink("..data/x.sql", folder_path(folder, "x.sql")), 0);
	assert_int_equal(symlink("..", folder_path(folder, "a/up")), 0);
	assert_int_equal(symlink(".", folder_path(folder, "a/self")), 0);
	catalog = folder_load(folder, NULL);
	assert_non_null(catalog);
	assert_int_equal(catalog->count, 2);
	catalog_let_go(catalog);
}

static void folders_have_a_deepest_level(void **state)
{
	struct folder *folder = *state;
	char name[128] = "";
	size_t len = 0;

	for (int i = 0; i <= CATALOG_DEPTH_MAX; i++) {
		len += (size_t)snprintf(name + len, sizeof(name) - len, "%s", i ? "/d" : "d");
		folder_dir(folder, name);
	}
	assert_null(folder_load(folder, NULL));
	assert_non_null(strstr(folder->errors.ptr, "error: more than 32 folders deep\n"));
}

static void an_unchanged_statement_keeps_its_id(void **state)
{
	struct folder *folder = *state;
	struct catalog *before, *after;

	folder_write(folder, "a.sql",
		     "-- query: same :one\nSELECT 1;\n"
		     "-- query: text :one\nSELECT 1;\n"
		     "-- query: type :one\n-- @param a int\nSELECT :a;\n"
		     "-- query: typed :one\nSELECT :a;\n");
	before = folder_load(folder, NULL);
	assert_non_null(before);
	folder_write(folder, "a.sql",
		     "-- query: same :many\n-- @timeout 2s\nSELECT 1;\n"
		     "-- query: text :one\nSELECT 2;\n"
		     "-- query: type :one\n-- @param a text\nSELECT :a;\n"
		     "-- query: typed :one\n-- @param a int\nSELECT :a;\n");
	after = folder_load(folder, before);
	assert_non_null(after);
	assert_int_equal(after->operations[0].statement->id, before->operations[0].statement->id);
	for (unsigned i = 1; i < 4; i++)
		assert_int_not_equal(after->operations[i].statement->id,
				     before->operations[i].statement->id);
	catalog_let_go(before);
	catalog_let_go(after);
}

static void operations_are_found_by_kind_and_name(void **state)
{
	struct catalog *catalog = story_catalog("-- query: orders_by_customer :many\nSELECT 1;\n"
						"-- query: orders :many\nSELECT 1;\n"
						"-- command: place_order :one\nSELECT 1;\n");
	const struct operation *found;

	found = catalog_find(catalog, REQUEST_QUERY, TEXT("orders"));
	assert_non_null(found);
	assert_string_equal(found->name, "orders");
	assert_non_null(catalog_find(catalog, REQUEST_COMMAND, TEXT("place_order")));
	assert_null(catalog_find(catalog, REQUEST_QUERY, TEXT("place_order")));
	assert_null(catalog_find(catalog, REQUEST_QUERY, TEXT("order")));
	assert_null(catalog_find(catalog, REQUEST_QUERY, TEXT("orders_")));
	assert_null(catalog_find(catalog, REQUEST_QUERY, TEXT("")));
	assert_true(text_is(
		suggestion(catalog, REQUEST_QUERY, TEXT("order_by_customer"), &principal_open),
		"orders_by_customer"));
	assert_null(suggestion(catalog, REQUEST_QUERY, TEXT("plac_order"), &principal_open).ptr);
	assert_true(
		text_is(suggestion(catalog, REQUEST_COMMAND, TEXT("plac_order"), &principal_open),
			"place_order"));
	catalog_let_go(catalog);
}

static void a_name_is_known_however_it_is_spelt(void **state)
{
	static const char *const spellings[][2] = {
		{ "GetUserById", "get_user_by_id" },
		{ "getUserById", "get_user_by_id" },
		{ "get-user-by-id", "get_user_by_id" },
		{ "GET_USER_BY_ID", "get_user_by_id" },
		{ "getuserbyid", "get_user_by_id" },
		{ "GetUsrById", "get_user_by_id" },
		{ "users/list", "users.list" },
		{ "users/list/", "users.list" },
		{ "UsersList", "users.list" },
		{ "HTTPLog2XML", "http_log2_xml" },
		{ "A/B/C/D", "a.b.c.d" },
		{ "nothing/like/it", NULL },
	};
	struct catalog *catalog = story_catalog("-- query: get_user_by_id :one\nSELECT 1;\n"
						"-- query: http_log2_xml :one\nSELECT 1;\n"
						"-- query: users.list :many\nSELECT 1;\n"
						"-- query: a.b.c.d :many\nSELECT 1;\n");

	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		struct text near = suggestion(catalog, REQUEST_QUERY, text_of(spellings[i][0]),
					      &principal_open);

		if (!spellings[i][1] ? near.ptr != NULL : !text_is(near, spellings[i][1]))
			fail_msg("%s is taken for %.*s", spellings[i][0], (int)near.len, near.ptr);
	}
	catalog_let_go(catalog);
}

static void a_catalog_lives_as_long_as_someone_holds_it(void **state)
{
	struct catalog *catalog = story_catalog("-- query: a :one\nSELECT 1;\n");

	assert_ptr_equal(catalog_hold(catalog), catalog);
	statement_set_shape(catalog->operations[0].statement, shape_new(0, 1));
	catalog_let_go(catalog);
	assert_string_equal(catalog->operations[0].name, "a");
	catalog_let_go(catalog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(operations_of_all_files_are_sorted_by_name,
						folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(an_empty_folder_is_an_empty_catalog, folder_setup,
						folder_teardown),
		cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
		cmocka_unit_test_setup_teardown(a_name_is_unique_over_all_files_and_kinds,
						folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(errors_of_all_files_are_told_by_path, folder_setup,
						folder_teardown),
		cmocka_unit_test_setup_teardown(a_file_has_a_largest_size, folder_setup,
						folder_teardown),
		cmocka_unit_test_setup_teardown(symlinks_are_followed_but_not_in_circles,
						folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(folders_have_a_deepest_level, folder_setup,
						folder_teardown),
		cmocka_unit_test_setup_teardown(an_unchanged_statement_keeps_its_id, folder_setup,
						folder_teardown),
		cmocka_unit_test(operations_are_found_by_kind_and_name),
		cmocka_unit_test(a_name_is_known_however_it_is_spelt),
		cmocka_unit_test(a_catalog_lives_as_long_as_someone_holds_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
