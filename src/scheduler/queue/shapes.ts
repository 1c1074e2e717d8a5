import { equivalenceKey } from '../model/equivalence-key.ts';
import type { JobSpec } from '../model/job-spec.ts';

/** Shapes remembered: some 1,000 bytes each. The one that was first seen longest ago goes first. */
const SHAPES_MAX = 10_000;

/** Lets jobs that are alike share what they are: 100,000 of them in 50 shapes take little more than their names. */
export class Shapes {
  readonly #byKey = new Map<string, { readonly key: string; readonly exemplar: JobSpec }>();

  /** A job and its key, sharing all they can with those of its shape. `key` is what `equivalenceKey` answers, where that is known. */
  shared(spec: JobSpec, key = equivalenceKey(spec)): { readonly spec: JobSpec; readonly classKey: string } {
    const known = this.#byKey.get(key);
    if (known === undefined) {
      this.#remember(key, spec);
      return { spec, classKey: key };
    }
    const { options, checkpoint, dataRegions, queue, limits, retry, dependsOn } = known.exemplar;
    const sameLimits = limits.deadlineAtMs === spec.limits.deadlineAtMs && limits.costMaxNanoDollars === spec.limits.costMaxNanoDollars;
    // Written out: a copy made by spreading takes more memory.
    const shared: JobSpec = {
      id: spec.id,
      kind: spec.kind,
      priority: spec.priority,
      preemptible: spec.preemptible,
      scaling: spec.scaling,
      queue,
      options,
      checkpoint,
      dataRegions,
      limits: sameLimits ? limits : spec.limits,
      retry: retry.attemptsMax === spec.retry.attemptsMax ? retry : spec.retry,
      dependsOn: dependsOn.length + spec.dependsOn.length === 0 ? dependsOn : spec.dependsOn,
    };
    return { spec: shared, classKey: known.key };
  }

  #remember(key: string, exemplar: JobSpec): void {
    this.#byKey.set(key, { key, exemplar });
    const [oldest] = this.#byKey.keys();
    if (this.#byKey.size > SHAPES_MAX && oldest !== undefined) this.#byKey.delete(oldest);
  }
}
