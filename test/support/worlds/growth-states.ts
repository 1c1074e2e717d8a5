import { expect } from 'vitest';

import type { ShardVectors } from '../../../src/ann/shard-protocol.ts';

/** The state of an id: the serial number of its last write, or null when it does not exist. */
export type State = number | null;

/** What a client knows of an id. */
export interface Known {
  acknowledged: State;
  /** States requested since then and not acknowledged. */
  readonly maybe: Set<State>;
}

export interface ClientOptions {
  readonly clients: number;
  readonly idsEach: number;
  /** The longest pause between two writes of a client. */
  readonly pauseMsMax: number;
  /** Chance that a write is a deletion. */
  readonly deleteChance: number;
  /** Chance that a vector is the one that many ids share. */
  readonly equalChance?: number;
  /** Chance that a written row has no vector; it is certain where the index has no dimensions. */
  readonly vectorlessChance?: number;
}

/** The states that a read may find now. */
export const statesNow = ({ acknowledged, maybe }: Known): Set<State> => new Set([acknowledged, ...maybe]);

/** What was found, no id twice. */
export function statesOf({ ids, metadata }: ShardVectors): Map<string, State> {
  expect(new Set(ids).size, 'no id is found twice').toBe(ids.length);
  return new Map(ids.map((id, i) => [id, (JSON.parse(metadata![i]!) as { serial: number }).serial]));
}
