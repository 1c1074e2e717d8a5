import type { JobId } from '../../kernel/ids.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { WHOLE_MILLI } from '../model/accelerator-type.ts';
import { assignOptions } from '../placement/assign-options.ts';
import type { Way } from './ways.ts';
import { waysOf } from './ways.ts';

/** Waiting jobs that are looked at together: every pair of them is. */
const LOOKAHEAD = 64;

/**
 * Which way each of the jobs that wait should take, so that all of them together cost little: the first to come would else take what another
 * needs more, for a little less money. Only advice: whether there is a place is found out when it is a job's turn.
 */
export class Advice {
  readonly #cell: Cell;
  #ways: Map<JobId, Way> | undefined;

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** Undefined when there is no choice, or nobody else to consider. */
  of(job: JobRecord): Way | undefined {
    this.#ways ??= this.#find();
    return this.#ways.get(job.spec.id);
  }

  #find(): Map<JobId, Way> {
    const waiting = [...this.#cell.pending.all]
      .flatMap(({ jobs }) => jobs.last(LOOKAHEAD, LOOKAHEAD).map((id) => this.#cell.job(id)))
      .toSorted((a, b) => a.sequence - b.sequence)
      .slice(0, LOOKAHEAD);
    const ways = waiting.map((job) => waysOf(this.#cell, job));
    const found = new Map<JobId, Way>();
    if (waiting.length < 2 || !ways.some((of) => new Set(of.map(({ cost }) => cost)).size > 1)) return found;
    const choices = ways.map((of, index) =>
      of.map(({ option, pool, cost }) => ({ place: pool.pool.spec.id, milli: milliOf(waiting[index], option), cost })),
    );
    for (const [index, choice] of assignOptions(choices, this.#idleMilli()).entries()) {
      const [job, way] = [waiting[index], ways[index]?.[choice]];
      if (job !== undefined && way !== undefined) found.set(job.spec.id, way);
    }
    return found;
  }

  /** Whole accelerators that nobody has a part of, by pool. */
  #idleMilli(): ReadonlyMap<string, number> {
    const { fleet } = this.#cell;
    const { wholeFree, isOpen } = fleet.cluster.columns;
    return new Map(
      Array.from(fleet.pools, ({ spec }) => {
        let whole = 0;
        for (const node of fleet.nodesOf(spec.id)) whole += isOpen[node] === 1 ? (wholeFree[node] ?? 0) : 0;
        return [spec.id, whole * WHOLE_MILLI];
      }),
    );
  }
}

function milliOf(job: JobRecord | undefined, option: number): number {
  const wanted = job?.spec.options[option];
  return wanted === undefined ? 0 : wanted.nodes.min * wanted.perNode.acceleratorCount * wanted.perNode.milliEach;
}
