import type { Handlers } from '../../serve.ts';
import { enveloped, updated } from './answer.ts';
import { cleared, overwritten, payloadSet, unset } from './payload-writes.ts';
import type { DoneWrite } from './write-points.ts';
import { writePoints } from './write-points.ts';

export const qdrantPayloadHandlers = {
  qdrantSetPayload: async (call) => {
    const done = await writePoints(call, call.params.collection, payloadSet(call.body));
    return done.ok ? { ok: true, reply: enveloped(call, updated(call, done.value.lsn)), used: meters(done.value) } : done;
  },
  qdrantOverwritePayload: async (call) => {
    const done = await writePoints(call, call.params.collection, overwritten(call.body));
    return done.ok ? { ok: true, reply: enveloped(call, updated(call, done.value.lsn)), used: meters(done.value) } : done;
  },
  qdrantDeletePayload: async (call) => {
    const done = await writePoints(call, call.params.collection, unset(call.body));
    return done.ok ? { ok: true, reply: enveloped(call, updated(call, done.value.lsn)), used: meters(done.value) } : done;
  },
  qdrantClearPayload: async (call) => {
    const done = await writePoints(call, call.params.collection, cleared(call.body));
    return done.ok ? { ok: true, reply: enveloped(call, updated(call, done.value.lsn)), used: meters(done.value) } : done;
  },
} satisfies Partial<Handlers>;

const meters = ({ written }: DoneWrite) => ({ vectors_written: written });
