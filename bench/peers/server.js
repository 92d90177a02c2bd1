// SPDX-License-Identifier: Apache-2.0
// What one would write instead of cqrsd for one query: Fastify over postgres.js, both as fast as their
// own documentation tells to set them up (a schema for the reply, prepared statements, no log).
// node server.js PORT CONNINFO CONNS
import Fastify from "fastify";
import postgres from "postgres";

const [port, conninfo, conns] = process.argv.slice(2);
const sql = postgres(conninfo, { max: Number(conns) });
const app = Fastify({ logger: false });
const row = { type: "object", properties: { abalance: { type: "integer" } } };
const reply = { type: "object", properties: { data: row } };
const query = { type: "object", properties: { aid: { type: "integer" } }, required: ["aid"] };

app.get("/balance", { schema: { querystring: query, response: { 200: reply } } },
  async (request, answer) => {
    const rows = await sql`SELECT abalance FROM pgbench_accounts WHERE aid = ${request.query.aid}`;
    if (rows.length === 0) {
      answer.code(404);
      return {};
    }
    return { data: rows[0] };
  });

await app.listen({ port: Number(port), host: "127.0.0.1" });
