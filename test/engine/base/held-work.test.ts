import { expect, test } from "vitest";

import { HeldWork } from "../../../engine/base/held-work.ts";

function deferred(): PromiseWithResolvers<undefined> {
  return Promise.withResolvers<undefined>();
}

test("there is room until as many as allowed are under way, and again when one has ended", async () => {
  const held = new HeldWork(2);
  const [first, second] = [deferred(), deferred()];
  held.hold(first.promise);
  expect(held.waitForRoom()).toBeUndefined();
  held.hold(second.promise);
  const room = held.waitForRoom();
  expect(room).toBeInstanceOf(Promise);
  second.resolve(undefined);
  await room;
  expect(held.waitForRoom()).toBeUndefined();
  first.resolve(undefined);
  await held.finished();
});

test("the end waits for what is begun meanwhile, and tells the first failure", async () => {
  const held = new HeldWork(2);
  const [first, second] = [deferred(), deferred()];
  let isOver = false;
  held.hold(
    first.promise.then(() => {
      held.hold(second.promise.then(() => Promise.reject(new Error("the first to fail"))));
    }),
  );
  const over = held.finished().finally(() => (isOver = true));
  over.catch(() => undefined);
  first.resolve(undefined);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(isOver).toBe(false);
  second.resolve(undefined);
  await expect(over).rejects.toThrow("the first to fail");
  held.fail(new Error("a later one"));
  expect(() => held.waitForRoom()).toThrow("the first to fail");
  expect(() => held.throwFailure()).toThrow("the first to fail");
});
