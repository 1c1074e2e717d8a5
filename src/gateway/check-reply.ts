import type { IndexManifest } from '../index/index-manifest.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Outcome } from '../contract/outcome.ts';
import { refuseBeyond } from '../contract/outcome.ts';
import { ok } from '../kernel/result.ts';

/** Refuses with `limit_exceeded` an answer of this many vectors with their values, if one answer cannot hold them. */
export function checkReply({ dimensions }: IndexManifest, values: boolean, count: number, param: string): Outcome<null> {
  const floats = count * dimensions;
  if (!values || floats <= LIMITS.retrievalReplyFloatsMaxCount) return ok(null);
  const what = `${count} vectors of ${dimensions} dimensions are ${floats} numbers in one answer`;
  return refuseBeyond({ path: param, limit: 'retrievalReplyFloatsMaxCount', value: floats, what });
}
