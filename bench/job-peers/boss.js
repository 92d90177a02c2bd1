// Runs jobs of pg-boss in batches, as its manual asks for speed: the effects of a batch are one
// transaction, its completion is another one.
import PgBoss from "pg-boss";
import pg from "pg";

const [connectionString, count] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString, max: 10 });
const boss = new PgBoss({ connectionString, max: 10, supervise: false, schedule: false });

await boss.start();
await boss.createQueue("add_row");
for (let first = 1; first <= Number(count); first += 1000) {
  const jobs = [];
  for (let n = first; n < first + 1000 && n <= Number(count); n++)
    jobs.push({ name: "add_row", data: { n, note: "a note" } });
  await boss.insert(jobs);
}
console.log("filled");
const add = async (jobs) => {
  const client = await pool.connect();
  await client.query("BEGIN");
  for (const { data } of jobs)
    await client.query({ name: "add", text: "INSERT INTO bench_row (n, note) VALUES ($1, $2)",
                         values: [data.n, data.note] });
  await client.query("COMMIT");
  client.release();
};
// Each of them fetches again at once while its batches are full.
for (let worker = 0; worker < 4; worker++)
  await boss.work("add_row", { batchSize: 100, pollingIntervalSeconds: 0.5 }, add);
