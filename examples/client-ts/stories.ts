// The shop's stories, told by client.ts against the cqrsd at $SHOP. Exit 1: one does not hold.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { connect, ok, ProblemError } from "./client.js";

const baseUrl = process.env["SHOP"] ?? "http://127.0.0.1:8080";
const shop = connect({ baseUrl, user: "ann" });

async function refused(answer: Promise<unknown>): Promise<ProblemError> {
  const error = await answer.then(() => null, (reason: unknown) => reason);
  assert(error instanceof ProblemError, `a problem was expected, not ${String(error)}`);
  return error;
}

const stories: Record<string, () => Promise<void>> = {
  async "an order is read back at once"() {
    for (let turn = 0; turn < 20; turn++) {
      const body = { customer_id: 7, sku: "pen", quantity: 1 + turn };
      const placed = await ok(shop.POST("/v1/commands/place_order", { body }));
      const { id, status } = placed.data;
      assert.equal(status, "new");

      const read = await ok(shop.GET("/v1/queries/order_by_id", { params: { query: { id },
        header: { Consistency: "eventual" } } }));
      const quantity: number = read.data.quantity;
      const note: string | null = read.data.note;
      assert.deepEqual([quantity, note], [1 + turn, null]);
    }
  },

  async "orders are listed, newest first"() {
    const query = { customer_id: 7, status: "new", max: 5 } as const;
    const { data } = await ok(shop.GET("/v1/queries/orders_by_customer", { params: { query } }));
    const times = data.map((order) => order.created_at);
    assert(times.length > 0 && times.length <= 5);
    assert.deepEqual(times, [...times].sort().reverse());
    const mine = await ok(shop.POST("/v1/queries/my_orders", { body: {} }));
    assert(mine.data.length >= 20);
  },

  async "products are found by arrays and JSON"() {
    const body = { tags: ["red", "sale"], in_stock: true, price_min: "0.50", max: 3 };
    const { data } = await ok(shop.POST("/v1/queries/products.search", { body }));
    for (const product of data)
      assert(product.tags.some((tag) => tag === "red" || tag === "sale"));
  },

  async "who is not there is null, or 404"() {
    const unknown = await ok(shop.GET("/v1/queries/customer_by_id",
      { params: { query: { id: 10 ** 9 } } }));
    assert.equal(unknown.data?.name, undefined);
    const error = await refused(ok(shop.GET("/v1/queries/order_by_id",
      { params: { query: { id: 10 ** 9 } } })));
    assert.deepEqual([error.status, error.problem.code], [404, "not-found"]);
  },

  async "what is refused has a problem document"() {
    const taken = await refused(ok(shop.POST("/v1/commands/place_order",
      { body: { customer_id: 7, sku: "no such sku" } })));
    assert.deepEqual([taken.status, taken.problem.retryable], [409, false]);
    const wrong = await refused(ok(shop.POST("/v1/commands/place_order",
      { body: { customer_id: "x" as unknown as number, sku: "pen" } })));
    assert.deepEqual([wrong.status, wrong.problem.code], [400, "invalid-parameter"]);
  },

  async "one key takes effect once"() {
    const header = { "Idempotency-Key": `story-${Date.now()}` };
    const call = () => ok(shop.POST("/v1/commands/place_order",
      { body: { customer_id: 8, sku: "pen" }, params: { header } }));
    assert.equal((await call()).data.id, (await call()).data.id);
  },

  async "what was refused for a moment is sent again with its key"() {
    const keys: unknown[] = [];
    const server = createServer((request, reply) => {
      keys.push(request.headers["idempotency-key"]);
      if (keys.length === 1) request.socket.destroy();
      else if (keys.length === 2) reply.writeHead(503, { "Retry-After": "1" }).end("{}");
      else reply.writeHead(200, { "Content-Type": "application/json" })
        .end('{"data":{"id":1,"status":"new"}}');
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert(address !== null && typeof address === "object");
    const other = connect({ baseUrl: `http://127.0.0.1:${address.port}` });
    const began = Date.now();
    await ok(other.POST("/v1/commands/place_order", { body: { customer_id: 7, sku: "pen" } }));
    server.close();
    assert(keys.length === 3 && new Set(keys).size === 1 && keys[0] !== undefined);
    assert(Date.now() - began >= 1000);
  },

  async "a job is waited for, and its effect is seen"() {
    const accepted = await ok(shop.POST("/v1/commands/restock",
      { body: { sku: "pen", change: 5 }, params: { header: { Prefer: "respond-async" } } }));
    assert("job" in accepted);
    const { job } = await ok(shop.GET("/v1/jobs/{id}", { params: { path: { id: accepted.job.id },
      header: { Prefer: "wait=10" } } }));
    assert.equal(job.state, "done");
    const { data } = await ok(shop.GET("/v1/queries/product_by_sku",
      { params: { query: { sku: "pen" } } }));
    assert.deepEqual(job.result, { data: { sku: "pen", stock: data.stock } });
  },
};

for (const [name, story] of Object.entries(stories)) {
  await story();
  console.log(`ok: ${name}`);
}
