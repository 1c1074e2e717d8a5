import type { JobId } from '../../../kernel/ids.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';
import type { Choice } from '../placement/assign-options.ts';
import { assignOptions } from '../placement/assign-options.ts';
import type { CandidatePlan } from './candidate-plans.ts';
import { candidatePlans } from './candidate-plans.ts';

/** Waiting jobs that are looked at together: every pair of them is, on every node that is considered. */
const LOOKAHEAD = 16;

/** Nodes of a pool that are considered, of those with as many accelerators free: as many as the jobs could use. */
const NODES_ALIKE_MAX = LOOKAHEAD;

export interface Advised {
  readonly plan: CandidatePlan;
  /** The nodes on which it takes nothing that the other jobs need; empty when any will do. */
  readonly nodes: ReadonlySet<number>;
}

/**
 * Which option each of the waiting jobs should take, so that all of them together cost little: otherwise the first job takes what another
 * needs more, for a little less money. Only advice: whether there is room is found out in a job's turn.
 */
export class Advice {
  readonly #cell: Cell;
  #advised: ReadonlyMap<JobId, Advised> | undefined;

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** Undefined when there is no choice, or no other job to consider. */
  of(job: JobRecord): Advised | undefined {
    this.#advised ??= this.#find();
    return this.#advised.get(job.spec.id);
  }

  #find(): ReadonlyMap<JobId, Advised> {
    const waiting = this.#cell.pending
      .earliest(LOOKAHEAD)
      .flatMap(({ jobs }) => jobs.firstFew(LOOKAHEAD).map((id) => this.#cell.jobs.get(id)))
      .toSorted((a, b) => a.sequence - b.sequence)
      .slice(0, LOOKAHEAD);
    const plans = waiting.map((job) => candidatePlans(this.#cell, job));
    const found = new Map<JobId, Advised>();
    if (waiting.length < 2 || !plans.some((of) => new Set(of.map(({ cost }) => cost)).size > 1)) return found;
    const choices = waiting.map((job, index) => (plans[index] ?? []).map((plan) => choiceOf(job, plan)));
    for (const [index, { choice, nodes }] of assignOptions(choices, this.#wholeFree()).entries()) {
      const [job, plan] = [waiting[index], plans[index]?.[choice]];
      if (job !== undefined && plan !== undefined) found.set(job.spec.id, { plan, nodes: new Set(isRigid(job, plan) ? nodes : []) });
    }
    return found;
  }

  /** By pool, nodes with wholly idle accelerators. */
  #wholeFree(): ReadonlyMap<string, ReadonlyMap<number, number>> {
    const { fleet } = this.#cell;
    const { wholeFree, isOpen } = fleet.cluster.columns;
    return new Map(
      Array.from(fleet.pools, ({ spec }) => {
        const considered = new Map<number, number>();
        const alike: number[] = [];
        for (const node of fleet.nodesOf(spec.id)) {
          const whole = isOpen[node] === 1 ? (wholeFree[node] ?? 0) : 0;
          if (whole === 0 || (alike[whole] ?? 0) >= NODES_ALIKE_MAX) continue;
          alike[whole] = (alike[whole] ?? 0) + 1;
          considered.set(node, whole);
        }
        return [spec.id, considered];
      }),
    );
  }
}

const isRigid = ({ spec }: JobRecord, { option }: CandidatePlan): boolean =>
  spec.options[option]?.nodes.min === spec.options[option]?.nodes.max;

function choiceOf({ spec }: JobRecord, { option, pool, cost }: CandidatePlan): Choice {
  const { perNode, nodes } = spec.options[option] ?? { perNode: { acceleratorCount: 0, milliEach: 0 }, nodes: { min: 0 } };
  // Parts of accelerators, and work without any, block no other job.
  const count = perNode.milliEach === WHOLE_MILLI ? perNode.acceleratorCount : 0;
  return { place: pool.pool.spec.id, count, nodes: count === 0 ? 0 : nodes.min, cost };
}
