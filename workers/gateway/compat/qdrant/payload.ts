import type * as z from 'zod';

import type { deletePayload, setPayload } from '../../../../src/contract/qdrant/payload.ts';
import type { PointSelection } from '../../../../src/contract/qdrant/selectors.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import type { WritingCall } from './call.ts';
import { enveloped, updated } from './call.ts';
import type { PointWrite } from './write-points.ts';
import { writePoints } from './write-points.ts';

export const qdrantPayloadHandlers = {
  qdrantSetPayload: (call) => edited(call, payloadSet(call.body)),
  qdrantOverwritePayload: (call) => edited(call, overwritten(call.body)),
  qdrantDeletePayload: (call) => edited(call, unset(call.body)),
  qdrantClearPayload: (call) => edited(call, cleared(call.body)),
} satisfies Partial<Handlers>;

type EditCall = WritingCall &
  Parameters<typeof enveloped>[0] &
  Parameters<typeof updated>[0] & { readonly params: { readonly collection: string } };

async function edited(call: EditCall, write: PointWrite) {
  const done = await writePoints(call, call.params.collection, write);
  if (!done.ok) return done;
  const { lsn, written } = done.value;
  return { ok: true as const, reply: enveloped(call, updated(call, lsn)), used: { vectors_written: written } };
}

type SetPayload = z.output<typeof setPayload>;

/** Sets members of payloads, or of an object in them. */
export const payloadSet = ({ payload: fields, at, selection }: SetPayload): PointWrite => ({
  kind: 'edit',
  selection,
  edit: { kind: 'set', at, fields },
  mustExist: true,
});

/** Replaces payloads; an object in them is only added to, as Qdrant does. */
export const overwritten = (body: SetPayload): PointWrite =>
  body.at.length > 0
    ? payloadSet(body)
    : { kind: 'edit', selection: body.selection, edit: { kind: 'replace', metadata: body.payload }, mustExist: true };

export const unset = ({ paths, selection }: z.output<typeof deletePayload>): PointWrite => ({
  kind: 'edit',
  selection,
  edit: { kind: 'unset', paths },
  mustExist: true,
});

export const cleared = (selection: PointSelection): PointWrite => ({
  kind: 'edit',
  selection,
  edit: { kind: 'replace', metadata: null },
  mustExist: false,
});
