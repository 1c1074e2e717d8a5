import { bulkEndpoints } from '../../../../src/contract/vectors/bulk.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { VECTOR_FRAME_TYPE } from '../../../../src/kernel/vector-frame.ts';
import type { Clock } from '../../../../src/kernel/clock.ts';
import { BodyIntake, bodyOwner } from '../../pipeline/body-intake.ts';
import { codingOf } from '../../pipeline/content-coding.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { replied } from '../wire.ts';

export const bulkHandlers = {
  importVectors: async (call) => {
    const { gateway, principal, authority, params, query, request, idempotencyKey } = call;
    const intake = new BodyIntake(gateway.bodies, request, bodyOwner(principal), 'stream');
    const room = await intake.claim(VECTOR_LIMITS.importHeldBytesMax);
    if (!room.ok) return room;
    const { path } = bulkEndpoints.importVectors;
    const isFramed = (request.headers.get('content-type') ?? '').toLowerCase().startsWith(VECTOR_FRAME_TYPE);
    const terms = {
      principal,
      authority,
      index: params.index,
      token: query.token,
      model: query.model,
      truncate: query.truncate,
      idempotencyKey,
      route: path,
      isFramed,
    };
    const coding = codingOf(request.headers);
    if (!coding.ok) return coding;
    const opened = await gateway.retrieval.imports.open(terms, intake.chunks(coding.value));
    if (opened.ok) {
      const reports = progressLines(opened.value, gateway.clock, () => intake.finish());
      call.waitUntil(reports.ended.finally(authority.end?.hold()));
      return { ok: true, reply: reports.lines, used: {} };
    }
    intake.release();
    return opened;
  },

  exportVectors: (call) =>
    replied(call.gateway.retrieval.exports.open(call, call.params.index, call.query), (lines) =>
      pulledLines(lines, call.authority.end?.hold()),
    ),
} satisfies Partial<Handlers>;

const encoder = new TextEncoder();

/** Lines sent as they are read: their producer waits for a slow reader. `onOver`: called when no more is read. */
export function pulledLines(lines: AsyncGenerator<string, void>, onOver: () => void = () => undefined): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await lines.next();
      if (done === true) {
        onOver();
        controller.close();
      } else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      onOver();
      await lines.return();
    },
  });
}

interface ProgressLine {
  readonly status: string;
}

/**
 * Progress lines of work that does not wait for its reader: a client that sends a long body first and reads the answer afterwards must not
 * stop it. Of lines that came too soon or found the reader behind only the latest is sent, but the first and the last always are. `finish`
 * is called once the work is over, however it ended; `ended` resolves after that.
 */
export function progressLines<T extends ProgressLine>(
  work: AsyncGenerator<T, void>,
  clock: Clock,
  finish: () => Promise<void>,
): { readonly lines: ReadableStream<Uint8Array>; readonly ended: Promise<void> } {
  let isWanted = true;
  let ended: Promise<void> = Promise.resolve();
  const run = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    let dueMs = 0;
    try {
      for await (const news of work) {
        if (!isWanted) return;
        const isBehind = (controller.desiredSize ?? 0) <= 0;
        if (news.status === 'running' && (isBehind || clock.nowMs() < dueMs)) continue;
        controller.enqueue(encoder.encode(`${JSON.stringify(news)}\n`));
        dueMs = clock.nowMs() + VECTOR_LIMITS.bulkProgressMs;
      }
    } finally {
      await finish();
    }
    if (isWanted) controller.close();
  };
  const lines = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        ended = run(controller).catch((error: unknown) => {
          console.error(JSON.stringify({ level: 'error', message: `an import broke off: ${String(error)}` }));
          if (isWanted) controller.error(error);
        });
      },
      cancel: () => {
        isWanted = false;
      },
    },
    new CountQueuingStrategy({ highWaterMark: VECTOR_LIMITS.bulkLinesHeldMaxCount }),
  );
  return { lines, ended };
}
