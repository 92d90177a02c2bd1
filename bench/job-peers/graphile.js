// Runs jobs of graphile-worker as its manual asks for speed: many at once, fetched and completed
// in batches (localQueue). Its effects are transactions of their own: it has no other way.
import { run } from "graphile-worker";
import pg from "pg";

const [connectionString] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString, max: 10 });

await run({
  pgPool: pool,
  taskList: {
    add_row: (job) =>
      pool.query({ name: "add", text: "INSERT INTO bench_row (n, note) VALUES ($1, $2)",
                   values: [job.n, job.note] }),
  },
  preset: {
    worker: {
      concurrentJobs: 24,
      pollInterval: 100,
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
      localQueue: { size: 500, refetchDelay: { durationMs: 100 } },
    },
  },
});
