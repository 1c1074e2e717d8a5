import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';

/** Refuses files that the isolate has no room for now, though it may when it is replaced by another. [M54] */
export function checkLoadRoom(bytes: number, loadRoomBytes: (() => number) | undefined): Outcome<void> {
  const room = loadRoomBytes?.() ?? Infinity;
  if (bytes <= room) return ok(undefined);
  return refuse('unavailable', `has ${bytes} bytes, and this isolate has room for ${room} now (modelLoadBytesMax): try again`, 'graph');
}
