import { cancel } from './cancel.ts';
import { claim } from './claim.ts';
import type { Step } from './decision.ts';
import type { Events, Replies } from './event.ts';
import { expire } from './expire.ts';
import type { JobView } from './job-store.ts';
import { report } from './report.ts';
import { submit } from './submit.ts';

const MACHINE: { readonly [Kind in keyof Events]: (jobs: JobView, event: Events[Kind], nowMs: number) => Step<Replies[Kind]> } = {
  submit,
  cancel,
  claim,
  report,
  expire,
};

/** The scheduler: what follows from `event` at `nowMs`. Reads `jobs`, changes nothing; the same inputs give the same decisions. */
export function step<Kind extends keyof Events>(jobs: JobView, event: Events[Kind] & { kind: Kind }, nowMs: number): Step<Replies[Kind]> {
  return MACHINE[event.kind](jobs, event, nowMs);
}
