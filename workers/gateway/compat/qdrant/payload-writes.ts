import type * as z from 'zod';

import type { deletePayload, setPayload } from '../../../../src/contract/qdrant/payload.ts';
import type { PointSelection } from '../../../../src/contract/qdrant/selectors.ts';
import type { PointWrite } from './write-points.ts';

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
