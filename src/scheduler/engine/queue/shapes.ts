import { equivalenceKey } from '../model/equivalence-key.ts';
import type { JobSpec } from '../model/job-spec.ts';

/** Shapes remembered: some 1,000 bytes each. The one that was first seen longest ago goes first. */
const SHAPES_MAX = 10_000;

/** Lets jobs that are alike share what they are: 100,000 of them in 50 shapes take little more than their names. */
export class Shapes {
  readonly #byKey = new Map<string, Shape>();

  /** A job and its key, sharing all they can with those of its shape. `key` is what `equivalenceKey` answers, where that is known. */
  shared(spec: JobSpec, key = equivalenceKey(spec)): { readonly spec: JobSpec; readonly classKey: string } {
    const known = this.#byKey.get(key) ?? { key, exemplar: spec };
    if (known.exemplar === spec) this.#remember(known);
    const { options, checkpoint, dataRegions, queue, limits, retry, dependsOn, weights } = known.exemplar;
    const sameLimits = limits.deadlineAtMs === spec.limits.deadlineAtMs && limits.costMaxNanoDollars === spec.limits.costMaxNanoDollars;
    // Written out: a copy made by spreading takes more memory, and the bytes must not depend on whether the shape is known.
    const shared: JobSpec = {
      id: spec.id,
      queue,
      kind: spec.kind,
      priority: spec.priority,
      preemptible: spec.preemptible,
      options,
      limits: sameLimits ? limits : spec.limits,
      checkpoint,
      retry: retry.attemptsMax === spec.retry.attemptsMax ? retry : spec.retry,
      dependsOn: dependsOn.length + spec.dependsOn.length === 0 ? dependsOn : spec.dependsOn,
      scaling: spec.scaling,
      weights,
      dataRegions,
    };
    return { spec: shared, classKey: known.key };
  }

  #remember(shape: Shape): void {
    this.#byKey.set(shape.key, shape);
    const [oldest] = this.#byKey.keys();
    if (this.#byKey.size > SHAPES_MAX && oldest !== undefined) this.#byKey.delete(oldest);
  }
}

interface Shape {
  readonly key: string;
  readonly exemplar: JobSpec;
}
