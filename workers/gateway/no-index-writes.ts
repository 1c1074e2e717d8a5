// Stands in for what writes to indexes of several shards, in the bundles of Workers that only read them: 6 kB, parsed at each cold start.

const refuse = (): never => {
  throw new Error('writes to indexes are not in this bundle: see workers/gateway/no-index-writes.ts');
};

/** For `located-writes.ts`. */
export class LocatedWrites {
  readonly upsert = refuse;
  readonly delete = refuse;
}

/** For `located-writes.ts`: an isolate that writes nothing has no writes of its own to wait for. */
export class SeenLsns {
  of(): number {
    return 0;
  }

  note(): void {}
}

/** For `located-patch.ts`. */
export class LocatedPatch {
  readonly patch = refuse;
}
