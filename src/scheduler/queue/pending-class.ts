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
  /** What each asks for, by its first option. */
  readonly bundle: Bundle;
  readonly root: CohortNode;
  readonly jobs = new SequenceList();
  /** Whether something has happened since its first job was last found to have no place. */
  isAwake = true;

  constructor(key: string, queue: CohortNode, exemplar: JobSpec) {
    this.key = key;
    this.queue = queue;
    this.exemplar = exemplar;
    this.root = rootOf(queue);
    const [first] = exemplar.options;
    this.bundle = first === undefined ? [] : bundleOf(first.accelerator, first.perNode, first.nodes.min);
  }
}
