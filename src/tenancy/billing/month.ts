import { windowEndMs } from '../quota/window.ts';

/** A calendar month in UTC. */
export interface Month {
  /** Such as `2026-11`. */
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
}

export function monthOf(atMs: number): Month {
  const at = new Date(atMs);
  const startMs = Date.UTC(at.getUTCFullYear(), at.getUTCMonth());
  return { name: new Date(startMs).toISOString().slice(0, 7), startMs, endMs: windowEndMs('month', startMs) };
}

export const monthNamed = (name: string): Month => monthOf(Date.parse(`${name}-01T00:00:00Z`));
