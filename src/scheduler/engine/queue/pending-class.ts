import type { PoolId } from '../../../kernel/ids.ts';
import type { Bundle } from '../fairness/bundle.ts';
import { bundleOf } from '../fairness/bundle.ts';
import type { CohortNode } from '../fairness/cohort-node.ts';
import { rootOf } from '../fairness/cohort-node.ts';
import type { JobSpec } from '../model/job-spec.ts';
import { SequenceList } from './sequence-list.ts';

/** Waiting jobs that are equivalent: what holds for the first holds for all. */
export class PendingClass {
  readonly key: string;
  readonly queue: CohortNode;
  /** What any of them is, but for its name, deadline and the like. */
  readonly exemplar: JobSpec;
  /** What each asks for at least, by each of its options. */
  readonly bundles: readonly Bundle[];
  readonly root: CohortNode;
  /** Those it could be in by one of its options, as far as market and region go. */
  readonly pools: readonly PoolId[];
  readonly jobs = new SequenceList();
  /** Whether something has happened since its first job was last found to have no placement. */
  isAwake = false;

  constructor(key: string, queue: CohortNode, exemplar: JobSpec, pools: readonly PoolId[]) {
    this.key = key;
    this.queue = queue;
    this.exemplar = exemplar;
    this.root = rootOf(queue);
    this.pools = pools;
    this.bundles = exemplar.options.map(({ accelerator, perNode, nodes }) => bundleOf(accelerator, perNode, nodes.min));
  }
}
