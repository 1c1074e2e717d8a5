import { bulkEndpoints } from '../../../src/contract/bulk.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import { BodyIntake, bodyOwner } from '../body-intake.ts';
import { codingOf } from '../content-coding.ts';
import { pulledLines, toldLines } from '../ndjson-stream.ts';
import type { Handlers } from '../serve.ts';

export const bulkHandlers = {
  importVectors: async (call) => {
    const { gateway, principal, authority, params, query, request, idempotencyKey } = call;
    const intake = new BodyIntake(gateway.bodies, request, bodyOwner(principal), 'stream');
    const room = await intake.claim(LIMITS.importHeldBytesMax);
    if (!room.ok) return room;
    const { path } = bulkEndpoints.importVectors;
    const terms = { principal, authority, index: params.index, token: query.token, model: query.model, idempotencyKey, route: path };
    const coding = codingOf(request.headers);
    if (!coding.ok) return coding;
    const opened = await gateway.retrieval.imports.open(terms, intake.chunks(coding.value));
    if (opened.ok) {
      const told = toldLines(opened.value, gateway.clock, () => intake.finish());
      call.waitUntil(told.ended);
      return { ok: true, reply: told.lines, used: {} };
    }
    intake.release();
    return opened;
  },

  exportVectors: async (call) => {
    const opened = await call.gateway.retrieval.exports.open(call, call.params.index, call.query);
    return opened.ok ? { ok: true, reply: pulledLines(opened.value), used: {} } : opened;
  },
} satisfies Partial<Handlers>;
