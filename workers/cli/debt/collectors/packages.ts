import semver from 'semver';
import * as z from 'zod';

import { debtOutdated, debtRegistry } from '../../../../src/contract/debt/debt-inputs.ts';
import type { Collection, Collector, Source } from './collection.ts';
import { FactWriter, sha256Of } from './collection.ts';
import type { InputFile } from './input-files.ts';
import { anyJsonOf, committedText, inputFiles, jsonOf } from './input-files.ts';

const LOCK_FILE = 'package-lock.json';
const YEAR_S = 365.25 * 86_400;
/** So many neighbouring versions have to have dates in their order, or dates are those of a mirror. */
const RISING_SHARE_MIN = 0.9;

const lockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.union([z.string(), z.unknown()]).optional(),
      link: z.boolean().optional(),
      dependencies: z.record(z.string(), z.string()).optional(),
      devDependencies: z.record(z.string(), z.string()).optional(),
      optionalDependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
});
type LockFile = z.output<typeof lockFile>;

async function lockOf(collection: Collection): Promise<{ readonly lock: LockFile; readonly source: Source } | undefined> {
  const text = await committedText(collection, LOCK_FILE);
  if (text === undefined) return undefined;
  const lock = lockFile.safeParse(anyJsonOf({ file: LOCK_FILE, text }));
  return lock.success ? { lock: lock.data, source: { file: LOCK_FILE, sha256: sha256Of(text) } } : undefined;
}

/** The licence of every package that is locked, as its lock file states it. */
export const licences: Collector = async (collection) => {
  const locked = await lockOf(collection);
  if (locked === undefined) return [];
  const writer = new FactWriter(collection);
  const seen = new Set<string>();
  for (const [path, { license, version, link }] of Object.entries(locked.lock.packages)) {
    const name = path.split('node_modules/').at(-1) ?? '';
    if (!path.includes('node_modules/') || link === true || seen.has(name)) continue;
    seen.add(name);
    const detail = { version: version ?? '' };
    writer.write('licence', `npm:${name}`, typeof license === 'string' ? license : '', locked.source, { detail });
  }
  writer.census('licences', seen.size, locked.source);
  return writer.facts;
};

/** How far direct dependencies are behind, by a snapshot of the registry. */
export const dependencies: Collector = async (collection) => {
  const locked = await lockOf(collection);
  const [input] = await inputFiles(collection, collection.policy.inputs.registry === undefined ? [] : [collection.policy.inputs.registry]);
  if (locked === undefined || input === undefined) return [];
  const { packages, collected_at, isComplete } = snapshotOf(input);
  const writer = new FactWriter({ ...collection, nowS: collected_at }, { tool: 'semver', tool_version: '7.8.6' });
  const direct = directOf(locked.lock);
  let unlisted = 0;
  for (const { name, installed } of direct) {
    const versions = packages[name]?.versions ?? (isComplete ? { [installed]: {} } : undefined);
    const lag = versions === undefined ? undefined : lagOf(installed, versions);
    if (lag === undefined) unlisted += 1;
    else writer.write('dependency-lag', `npm:${name}`, lag.majors, input, { detail: lag.detail });
  }
  writer.census('dependencies', direct.length - unlisted, input, { not_in_snapshot: unlisted });
  return writer.facts;
};

/** The packages that the project itself names, with the versions that are locked. */
function directOf({ packages }: LockFile): { readonly name: string; readonly installed: string }[] {
  const root = packages[''];
  const names = Object.keys({ ...root?.dependencies, ...root?.devDependencies, ...root?.optionalDependencies });
  return names.flatMap((name) => {
    const installed = packages[`node_modules/${name}`]?.version;
    return installed === undefined ? [] : [{ name, installed }];
  });
}

interface Snapshot extends z.output<typeof debtRegistry> {
  /** What it does not name is up to date. */
  readonly isComplete: boolean;
}

function snapshotOf(input: InputFile): Snapshot {
  const outdated = debtOutdated.safeParse(anyJsonOf(input));
  if (!outdated.success) return { ...jsonOf(input, debtRegistry), isComplete: false };
  const packages = Object.entries(outdated.data).map(([name, { current, latest }]) => [
    name,
    { versions: { [current]: {}, [latest]: {} } },
  ]);
  return { collected_at: input.writtenAtS, packages: Object.fromEntries(packages), isComplete: true };
}

type Versions = z.output<typeof debtRegistry>['packages'][string]['versions'];

/** How far a version is behind the newest that is released; undefined: it is no version. */
export function lagOf(installed: string, versions: Versions): { majors: number; detail: Record<string, string | number> } | undefined {
  const current = semver.parse(installed);
  const released = Object.keys(versions)
    .filter((version) => semver.valid(version) !== null && semver.prerelease(version) === null)
    .sort(semver.compare);
  const latest = semver.parse(released.at(-1));
  if (current === null || latest === null) return undefined;
  const majors = Math.max(0, latest.major - current.major);
  const minors = majors > 0 ? 0 : Math.max(0, latest.minor - current.minor);
  const deprecated = versions[installed]?.deprecated;
  const [from, to] = [versions[installed]?.released_at, versions[latest.version]?.released_at];
  const libyears =
    areDatesReliable(released, versions) && from !== undefined && to !== undefined ? Math.max(0, (to - from) / YEAR_S) : undefined;
  return {
    majors,
    detail: {
      installed,
      latest: latest.version,
      minors,
      ...(libyears === undefined ? { dates: 'unreliable or absent: versions are compared' } : { libyears: Number(libyears.toFixed(2)) }),
      ...(deprecated === undefined ? {} : { deprecated: deprecated.slice(0, 200) }),
    },
  };
}

/** Whether dates rise with the versions of each major: those of a mirror are the days on which it copied. */
function areDatesReliable(sorted: readonly string[], versions: Versions): boolean {
  const dates = sorted.map((version) => versions[version]?.released_at);
  if (dates.includes(undefined) || dates.length < 2) return false;
  const rising = dates.slice(1).filter((date, i) => (date ?? 0) > (dates[i] ?? 0)).length;
  return rising / (dates.length - 1) >= RISING_SHARE_MIN;
}
