import type { Refusal } from '../../contract/api/errors.ts';
import { refusal } from '../../contract/api/errors.ts';
import type { StreamProblem } from '../../upstreams/protocol/answer-stream.ts';
import { refusalInStream } from '../../upstreams/protocol/upstream-error.ts';
import type { Target } from '../../upstreams/target.ts';
import type { TransportFault } from '../../upstreams/transport.ts';

export const BROKEN: TransportFault = { kind: 'fault', fault: 'broken' };
export const GARBAGE: TransportFault = { kind: 'fault', fault: 'garbage' };

/** Why a stream cannot go on, as its upstream's health sees it. */
export const faultOf = ({ kind }: StreamProblem): TransportFault => (kind === 'garbage' ? GARBAGE : BROKEN);

/** What the caller of a stream is told that its upstream has broken off. */
export const brokenOff = ({ upstream }: Target, { fault }: TransportFault): Refusal =>
  refusal('upstream_failed', `the upstream ${upstream} broke off its answer: ${fault}`);

/** The same of one that cannot go on by what the upstream has sent. */
export function reasonOf(target: Target, { kind, said = {} }: StreamProblem): Refusal {
  if (kind === 'garbage') return refusal('upstream_failed', `the upstream ${target.upstream} sent what is no event of its protocol`);
  return refusalInStream(target, said);
}
