"""migrate runs nothing that another role has put into its way."""

import pytest
from harness.service import run

DATABASE = "owned"
# What a role needs to become a superuser: to be called by one.
TRAP = """
CREATE FUNCTION {schema}.trap() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN ALTER ROLE mallory SUPERUSER; RETURN new; END $$;
CREATE FUNCTION {schema}.trap(text) RETURNS text LANGUAGE plpgsql AS
$$ BEGIN ALTER ROLE mallory SUPERUSER; RETURN $1; END $$;
"""
MIGRATION = """CREATE TABLE cqrsd.migration (name text PRIMARY KEY, checksum text NOT NULL,
 applied_at timestamptz NOT NULL DEFAULT now());
"""


class Place:
    """A database of its own, and who acts in it."""

    def __init__(self, cluster):
        self.node = cluster.primary
        self.cluster = cluster

    def conninfo(self, role="postgres"):
        return self.node.conninfo.replace(f"/{self.cluster.database}", f"/{DATABASE}").replace(
            "postgres@", f"{role}@")

    def sql(self, text, role="postgres"):
        done = self.node.psql(["-d", DATABASE, "-U", role, "-f", "-"], text)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def migrate(self, role="postgres", **options):
        return run("migrate", primary=self.conninfo(role), **options)

    def assert_refused(self, *words, role="postgres"):
        done = self.migrate(role)
        assert self.sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'") == "f"
        assert done.returncode == 1, done
        assert all(word in done.stderr for word in words), done.stderr


@pytest.fixture
def place(cluster):
    primary = cluster.primary
    primary.sql("CREATE ROLE mallory LOGIN")
    primary.sql("CREATE ROLE keeper LOGIN")
    primary.sql(f"CREATE DATABASE {DATABASE}")
    primary.sql(f"GRANT CREATE ON DATABASE {DATABASE} TO mallory, keeper")
    try:
        yield Place(cluster)
    finally:
        primary.sql(f"DROP DATABASE {DATABASE} WITH (FORCE)")
        primary.sql("DROP ROLE mallory")
        primary.sql("DROP ROLE keeper")


@pytest.mark.parametrize("trap", [
    "",
    MIGRATION + "CREATE TRIGGER t BEFORE INSERT ON cqrsd.migration"
                " FOR EACH ROW EXECUTE FUNCTION cqrsd.trap();",
    "CREATE TABLE cqrsd.migration (name text PRIMARY KEY, checksum text NOT NULL,"
    " applied_at text NOT NULL DEFAULT cqrsd.trap('x'));",
    "CREATE VIEW cqrsd.migration AS SELECT cqrsd.trap('x') AS name, 'y'::text AS checksum;",
    MIGRATION + "CREATE RULE r AS ON INSERT TO cqrsd.migration DO ALSO SELECT cqrsd.trap('x');",
    "CREATE DOMAIN cqrsd.d AS text CHECK (cqrsd.trap(VALUE) IS NOT NULL);"
    "CREATE TABLE cqrsd.migration (name cqrsd.d PRIMARY KEY, checksum text NOT NULL);",
    MIGRATION + "ALTER TABLE cqrsd.migration ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
                "CREATE POLICY p ON cqrsd.migration USING (cqrsd.trap(name) IS NOT NULL);",
], ids=["empty", "trigger", "default", "view", "rule", "domain", "policy"])
def test_a_schema_that_another_role_made_first_is_refused(place, trap):
    place.sql("CREATE SCHEMA cqrsd;" + TRAP.format(schema="cqrsd") + trap, role="mallory")

    place.assert_refused("schema cqrsd belongs to role mallory")
    place.assert_refused("mallory", role="keeper")


@pytest.mark.parametrize("trap, words", [
    ("CREATE TABLE cqrsd.token_key (only_one boolean, key bytea)", ["cqrsd.token_key", "mallory"]),
    ("CREATE FUNCTION cqrsd.claim_key(text) RETURNS void LANGUAGE sql AS 'SELECT'",
     ["function cqrsd.claim_key", "mallory"]),
    ("CREATE TYPE cqrsd.text AS ENUM ('a')", ["cqrsd.text", "mallory"]),
    ("CREATE OPERATOR cqrsd.= (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text)",
     ["operator cqrsd.=", "mallory"]),
    ("CREATE SEQUENCE cqrsd.s", ["cqrsd.s", "mallory"]),
    ("SELECT", ["CREATE on schema cqrsd", "mallory"]),
], ids=["token key", "overload", "type", "operator", "sequence", "nothing yet"])
def test_one_thing_of_another_role_in_a_schema_of_ones_own_is_refused(place, trap, words):
    place.sql("CREATE SCHEMA cqrsd; GRANT USAGE, CREATE ON SCHEMA cqrsd TO mallory")
    place.sql(trap, role="mallory")

    place.assert_refused(*words)


def test_a_role_with_the_right_trigger_is_not_called(place):
    assert place.migrate().returncode == 0
    place.sql("GRANT USAGE ON SCHEMA cqrsd TO mallory; GRANT ALL ON ALL TABLES IN SCHEMA cqrsd"
              " TO mallory; DELETE FROM cqrsd.migration; DROP TABLE cqrsd.token_key,"
              " cqrsd.idempotency_key; DROP FUNCTION cqrsd.claim_key")
    place.sql("CREATE SCHEMA mine;" + TRAP.format(schema="mine") +
              "CREATE TRIGGER t BEFORE INSERT ON cqrsd.migration FOR EACH ROW"
              " EXECUTE FUNCTION mine.trap()", role="mallory")

    place.assert_refused("function of trigger t on cqrsd.migration", "mallory")


def test_functions_elsewhere_that_the_schema_calls_must_be_trusted(place):
    place.sql("CREATE SCHEMA mine;" + TRAP.format(schema="mine"), role="mallory")
    place.sql("CREATE SCHEMA cqrsd; CREATE TABLE cqrsd.migration (name text PRIMARY KEY, checksum"
              " text NOT NULL, applied_at text NOT NULL DEFAULT mine.trap('x'))")

    place.assert_refused("function mine.trap(text), used by cqrsd", "mallory")


def test_an_event_trigger_whose_function_another_role_may_replace_is_not_called(place):
    place.sql("CREATE FUNCTION public.seen() RETURNS event_trigger LANGUAGE plpgsql AS"
              " $$ BEGIN ALTER ROLE mallory SUPERUSER; END $$;"
              "ALTER FUNCTION public.seen() OWNER TO mallory;"
              "CREATE EVENT TRIGGER seen ON ddl_command_start EXECUTE FUNCTION public.seen()")
    try:
        place.assert_refused("event trigger seen", "mallory")
    finally:
        place.sql("ALTER EVENT TRIGGER seen DISABLE; DROP EVENT TRIGGER seen;"
                  "DROP FUNCTION public.seen()")


@pytest.mark.parametrize("trap", [
    "CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE plpgsql AS"
    " $$ BEGIN ALTER ROLE mallory SUPERUSER; RETURN false; END $$",
    "CREATE FUNCTION public.trap(oid, oid) RETURNS boolean LANGUAGE plpgsql AS"
    " $$ BEGIN ALTER ROLE mallory SUPERUSER; RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;"
    "CREATE OPERATOR public.= (FUNCTION = public.trap, LEFTARG = oid, RIGHTARG = oid)",
], ids=["function", "operator"])
def test_a_search_path_of_the_database_leads_nowhere(place, trap):
    place.sql("GRANT CREATE ON SCHEMA public TO mallory")
    place.sql(trap, role="mallory")
    place.sql(f"ALTER DATABASE {DATABASE} SET search_path = public, pg_catalog")
    done = place.migrate()

    assert place.sql("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname::text"
                     " OPERATOR(pg_catalog.=) 'mallory'") == "f"
    assert done.returncode == 0, done.stderr


def test_a_role_that_owns_the_schema_migrates_again_and_a_superuser_does_not(place):
    assert place.migrate("keeper").returncode == 0
    again = place.migrate("keeper", json=True)
    assert (again.returncode, again.stdout.strip()[:12]) == (0, '{"applied":0'), again

    place.assert_refused("belongs to role keeper")

    place.sql("ALTER ROLE keeper SUPERUSER")
    assert place.migrate().returncode == 0


def test_migrate_says_who_may_read_the_new_key(place):
    place.sql("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO mallory, keeper")
    done = place.migrate()

    assert done.returncode == 0
    assert "read cqrsd.token_key" in done.stderr and "keeper, mallory" in done.stderr, done.stderr
    place.sql("DROP OWNED BY mallory, keeper; GRANT CREATE ON DATABASE owned TO mallory, keeper")
    assert "token_key" not in place.migrate().stderr


def test_check_says_whose_the_schema_is(place, own_catalog):
    folder = own_catalog("-- query: a :one\nSELECT 1 AS n;\n")

    def check(role="postgres"):
        done = run("check", primary=place.conninfo(role), catalog=folder)
        return done.returncode, done.stderr
    assert place.migrate("keeper").returncode == 0
    assert check("keeper")[0] == 0 and "belongs" not in check("keeper")[1]
    code, said = check()
    assert code == 0 and "the schema cqrsd belongs to role keeper" in said, said

    place.sql("GRANT SELECT ON cqrsd.token_key TO PUBLIC")
    code, said = check("keeper")
    assert code == 1 and "everybody may read cqrsd.token_key" in said, said

    place.sql("REVOKE SELECT ON cqrsd.token_key FROM PUBLIC;"
              "GRANT USAGE, CREATE ON SCHEMA cqrsd TO mallory")
    place.sql("CREATE FUNCTION cqrsd.claim_key(text) RETURNS void LANGUAGE sql AS 'SELECT'",
              role="mallory")
    code, said = check("keeper")
    assert code == 1 and "function cqrsd.claim_key belongs to role mallory" in said, said


def test_a_role_that_only_acts_as_the_owner_is_refused(place):
    assert place.migrate("keeper").returncode == 0
    done = run("migrate", primary=place.conninfo() + "?options=-c%20role%3Dkeeper")

    assert done.returncode == 1
    assert "connect as the one" in done.stderr
