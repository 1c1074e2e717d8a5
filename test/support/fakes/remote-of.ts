import type { Remote } from '../../../src/kernel/remote.ts';

/** Calls of an object that is in the same isolate, as those of one elsewhere. */
export const remoteOf = <Domain extends object, Name extends keyof Domain & string>(
  domain: Domain,
  names: readonly Name[],
): Remote<Pick<Domain, Name>> =>
  Object.fromEntries(
    names.map((name) => [name, async (...args: unknown[]) => (domain[name] as (...given: unknown[]) => unknown).apply(domain, args)]),
  ) as never;
