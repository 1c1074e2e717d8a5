import { describe, expect, it } from 'vitest';

import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { BodyBudget } from '../../../../src/gateway/api/body-budget.ts';
import { BodyIntake } from '../../../../workers/gateway/pipeline/body-intake.ts';
import { VirtualTime } from '../../../support/worlds/virtual-time.ts';

const KIB = 1024;

interface Sent {
  readonly bytes: number;
  readonly afterMs: number;
}

/** A body whose pieces arrive after given delays; without an end, its sender stays silent afterwards. */
function bodyOf(time: VirtualTime, pieces: readonly Sent[], ends = true): Request {
  let next = 0;
  const stream = new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      const piece = pieces[next];
      next += 1;
      if (piece === undefined) {
        if (ends) endOf(controller);
        else await new Promise(() => undefined);
        return;
      }
      await time.sleep(piece.afterMs);
      controller.enqueue(new Uint8Array(piece.bytes));
    },
  });
  return new Request('http://sluice/', { method: 'POST', body: stream, duplex: 'half' } as RequestInit);
}

/** A read that waits is told, too. */
function endOf(controller: ReadableByteStreamController): void {
  controller.close();
  controller.byobRequest?.respond(0);
}

const pieces = (count: number, bytes: number, afterMs: number): Sent[] => Array.from({ length: count }, () => ({ bytes, afterMs }));

function world() {
  const time = new VirtualTime();
  const budget = new BodyBudget();
  const open = (request: Request, owner = 'key') => new BodyIntake({ budget, clock: time, timer: time }, request, owner);
  return { time, budget, open };
}

const BYTES_MAX = 32 * KIB * KIB;

describe('a body being read', () => {
  it('[G12] is given up when its sender falls silent', async () => {
    const { time, budget, open } = world();
    const startMs = time.nowMs();
    const intake = open(bodyOf(time, pieces(3, 100 * KIB, 1_000), false));
    const read = await time.run(intake.whole(BYTES_MAX, 1));
    expect(read).toMatchObject({ ok: false, error: { code: 'request_timeout' } });
    expect(time.nowMs() - startMs).toBe(3_000 + API_LIMITS.bodyIdleMs);
    expect(budget.bytes).toBe(300 * KIB);
    intake.release();
    expect(budget.bytes).toBe(0);
  });

  it('[G12] that arrives too slowly is given up after its total time', async () => {
    const { time, open } = world();
    const startMs = time.nowMs();
    const read = await time.run(open(bodyOf(time, pieces(1_000, 10, API_LIMITS.bodyIdleMs - 1))).whole(BYTES_MAX, 1));
    expect(read).toMatchObject({ ok: false, error: { code: 'request_timeout' } });
    expect(time.nowMs() - startMs).toBe(API_LIMITS.bodyTotalMs);
  });

  it('[G12] that is declared small is given up as well', async () => {
    const { time, open } = world();
    const request = bodyOf(time, pieces(1, 10, 1), false);
    request.headers.set('content-length', '20');
    expect(await time.run(open(request).whole(BYTES_MAX, 1))).toMatchObject({ ok: false, error: { code: 'request_timeout' } });
  });

  it('[G12] is read if it is just in time', async () => {
    const { time, open } = world();
    const paced = pieces(9, 10, API_LIMITS.bodyIdleMs - 1);
    const read = await time.run(open(bodyOf(time, paced)).whole(BYTES_MAX, 1));
    expect(read.ok && read.value.byteLength).toBe(90);
  });

  it('[G11] waits for memory that others hold, without using up its own time', async () => {
    const { time, budget, open } = world();
    const other = budget.open('other', time.nowMs());
    other.take(API_LIMITS.bodiesBytesMax, time.nowMs());
    time.after(API_LIMITS.bodyWaitMaxMs - API_LIMITS.bodyRetryMs, () => other.release());
    const read = await time.run(open(bodyOf(time, pieces(4, 100 * KIB, 10))).whole(BYTES_MAX, 1));
    expect(read.ok && read.value.byteLength).toBe(400 * KIB);
  });

  it('[G11] is refused if others keep the memory, with a time to retry', async () => {
    const { time, budget, open } = world();
    budget.open('other', time.nowMs()).take(API_LIMITS.bodiesBytesMax, time.nowMs());
    const read = await time.run(open(bodyOf(time, pieces(4, 100 * KIB, 10))).whole(BYTES_MAX, 1));
    expect(read).toMatchObject({ ok: false, error: { code: 'overloaded', retryAfterMs: 1_000 } });
  });

  it('[G11] with sixty at once uses no more memory than the budget and one body', async () => {
    const { time, budget, open } = world();
    let mostBytes = 0;
    // Counts like bodies of 8 MiB at `jsonBodyMemoryFactor`, without their bytes.
    const factor = 64 * API_LIMITS.jsonBodyMemoryFactor;
    const outcomes = await time.run(
      Promise.all(
        Array.from({ length: 60 }, async (_, i) => {
          const intake = open(bodyOf(time, pieces(128, KIB, 1)), `key-${i % 4}`);
          const read = await intake.whole(BYTES_MAX, factor);
          mostBytes = Math.max(mostBytes, budget.bytes);
          if (read.ok) await time.sleep(50);
          intake.release();
          return read.ok ? 'read' : read.error.code;
        }),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'read').length).toBeGreaterThan(10);
    expect(outcomes.every((outcome) => outcome === 'read' || outcome === 'overloaded')).toBe(true);
    expect(mostBytes).toBeGreaterThan(factor * 128 * KIB - 1);
    expect(mostBytes).toBeLessThanOrEqual(API_LIMITS.bodiesBytesMax + factor * 128 * KIB);
    expect(budget.bytes).toBe(0);
  });

  it('[G11] of a stream counts with the bytes claimed for it', async () => {
    const { time, budget } = world();
    const request = bodyOf(time, pieces(100, 64 * KIB, 1_000));
    const intake = new BodyIntake({ budget, clock: time, timer: time }, request, 'key', 'stream');
    const read = async () => {
      await intake.claim(1_000_000);
      let bytes = 0;
      for await (const chunk of intake.chunks()) {
        bytes += chunk.byteLength;
        expect(budget.bytes).toBe(1_000_000);
      }
      return bytes;
    };
    expect(await time.run(read())).toBe(100 * 64 * KIB);
    await intake.finish();
    expect(budget.bytes).toBe(0);
  });
});
