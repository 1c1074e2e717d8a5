import type { IndexManifest } from '../index/index-manifest.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Outcome } from '../contract/outcome.ts';
import { refuse } from '../contract/outcome.ts';
import { ok } from '../kernel/result.ts';

/** Refuses with `limit_exceeded` an answer of this many vectors with their values, if one answer cannot hold them. */
export function checkReply({ dimensions }: IndexManifest, values: boolean, count: number, param: string): Outcome<null> {
  const { retrievalReplyFloatsMaxCount: floatsMax } = LIMITS;
  if (!values || count * dimensions <= floatsMax) return ok(null);
  const message = `${count} vectors of ${dimensions} dimensions exceed the ${floatsMax} numbers of one answer (retrievalReplyFloatsMaxCount)`;
  return refuse('limit_exceeded', message, param);
}
