// Stands in for what counts vectors, indexes and jobs against their limits, in the bundles of Workers that create none of them.

/** For `holdings.ts`. */
export class Holdings {
  readonly hold = (): never => {
    throw new Error('Holdings is not in this bundle: see workers/gateway/no-holdings.ts');
  };
}
