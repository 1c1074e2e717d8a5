import { countAt, textAt } from './json.ts';

/** The tool call whose pieces a stream is sending. */
export interface OpenCall {
  readonly index: number;
  readonly id: string;
}

/**
 * Whether a piece of a tool call in a chunk of a chat completion begins a call other than `open`. Servers number the calls; in the chunks of one
 * that does not, each new id begins a call.
 */
export function beginsCall(piece: unknown, open: OpenCall): boolean {
  const index = countAt(piece, 'index');
  return index === undefined ? (textAt(piece, 'id') || open.id) !== open.id : index !== open.index;
}
