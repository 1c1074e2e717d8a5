import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, readdir, realpath, rm, symlink } from 'node:fs/promises';
import { arch, cpus, hostname, platform, release, tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

import type { BuildRecipe, RecipeInput } from '../../../../src/contract/debt/build-recipe.ts';
import { buildRecipe } from '../../../../src/contract/debt/build-recipe.ts';
import type { RerunCircumstances } from '../../../../src/debt/provenance.ts';
import type { Rerun } from '../../../../src/debt/reproducibility.ts';
import { compareMetrics } from '../../../../src/debt/reproducibility.ts';
import { Failure, UsageError } from '../../command/command.ts';
import { jsonFile } from '../../command/json-file.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { git } from '../repository/git.ts';
import { isScript, recipeOfScript } from './script-recipe.ts';

const run = promisify(execFile);

/** Metrics are compared as they are rounded for people, unless the recipe says how far they may lie apart. */
const METRICS_TOLERANCE = 0.005;
/** So much of what the command wrote last is shown when it fails. */
const LOG_CHARS_MAX = 4_000;

/**
 * What a build must not depend on, each other than usual: a zone with a 45-minute offset, a language whose lower case of `I` is not `i`, and
 * hashes that Python seeds. The command sees a home folder of its own.
 */
const PERTURBED = { TZ: 'Pacific/Chatham', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', PYTHONHASHSEED: '4242' } as const;
const UMASK = '027';

export interface RecipeRun {
  readonly recipe: BuildRecipe;
  readonly rerun: Rerun;
  readonly circumstances: RerunCircumstances;
  /** What the command wrote last. */
  readonly log: string;
}

/**
 * Runs a recipe again in a fresh clone of its repository's last commit, without the committed outputs, without a network where the system
 * can cut it off, under another time zone, language, umask and home folder (D45).
 *
 * Inputs are taken from where the recipe says that the command reads them, else they are downloaded first. Throws a `UsageError` for a file that is
 * not a recipe of a git repository. A script is a recipe itself (D111).
 */
export async function rerunRecipe(path: string, timeoutMs: number): Promise<RecipeRun> {
  const text = await readFile(path).catch(() => {
    throw new UsageError(`${path} cannot be read.`);
  });
  const shown = await git(dirname(path), 'rev-parse', '--show-toplevel', 'HEAD').catch(() => {
    throw new UsageError(`${path} is in no git repository with a commit, so nothing says which code its command ran.`);
  });
  const [root = '', gitCommit = ''] = shown.split('\n');
  const recipePath = relative(await realpath(root), await realpath(path));
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-recipe-'));
  try {
    const folder = join(scratch, 'repository');
    await git(root, 'clone', '--quiet', '--shared', root, folder);
    const written = text.toString('utf8');
    const recipe = isScript(path) ? await scriptIn(folder, recipePath, written) : parseRecipe(path, written);
    const modules = join(root, 'node_modules');
    if (existsSync(modules)) await symlink(await realpath(modules), join(folder, 'node_modules'));
    const outputs = join(folder, recipe.outputsFolder ?? '.');
    for (const made of [...recipe.outputs.map((output) => output.path), ...given(recipe.metricsFile)]) {
      await rm(join(outputs, made), { force: true });
    }
    const inputs = [];
    for (const input of recipe.inputs) inputs.push(await stage(input, root, folder, scratch));
    // A script downloads its inputs itself. [D111]
    const isNetworkCut = !recipe.inputs.some(({ uri = '' }) => /^(https?|pypi):/.test(uri)) && (await canCutNetwork());
    const environment = environmentOf(root, scratch);
    const startedAt = new Date().toISOString();
    const ended = await execute(recipe.command, folder, environment, isNetworkCut, timeoutMs);
    const found = [];
    for (const [at, input] of recipe.inputs.entries()) found.push(await asFetched(inputs[at], input, folder));
    const made = [];
    for (const { path: name, sha256 } of recipe.outputs) made.push({ name, expected: sha256, made: await hashOf(join(outputs, name)) });
    const rerun: Rerun = {
      hasRun: ended.status === 0 && made.every((output) => output.made !== undefined),
      inputs: found,
      outputs: made,
      metrics: compareMetrics(recipe.metrics, await metricsIn(outputs, recipe)),
      metricsTolerance: recipe.metricsTolerance ?? METRICS_TOLERANCE,
      isEnvironmentRecorded: recipe.node === process.version,
      isNetworkCut,
    };
    const circumstances = {
      recipePath,
      recipeSha256: createHash('sha256').update(text).digest('hex'),
      gitCommit,
      builder: await machineUri(),
      startedAt,
      finishedAt: new Date().toISOString(),
      environment: { ...PERTURBED, umask: UMASK, network: isNetworkCut ? 'none' : 'not cut', ...runtime() },
    };
    return { recipe, rerun, circumstances, log: ended.log };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

export function parseRecipe(path: string, text: string): BuildRecipe {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new UsageError(`${path} is not JSON.`);
  }
  const parsed = buildRecipe.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(`${path} is not a recipe: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}.`);
}

/** A script as a recipe; a `UsageError` if it writes no file that is committed, since then there is nothing to compare. */
async function scriptIn(clone: string, path: string, text: string): Promise<BuildRecipe> {
  const hashes = new Map<string, string>();
  const tracked = await git(clone, 'ls-tree', '-r', '-z', '--name-only', 'HEAD');
  // Only what the script names is read: a repository may have very large files.
  for (const file of tracked.split('\0')) {
    if (file !== '' && text.includes(file)) hashes.set(file, (await hashOf(join(clone, file))) ?? '');
  }
  const recipe = recipeOfScript(path, text, (file) => hashes.get(file) || undefined);
  if (recipe.outputs.length === 0)
    throw new UsageError(`${path} names no committed file that it writes, so nothing says what it is to make.`);
  return recipe;
}

/** An input that the command fetched itself is where it put it. */
async function asFetched(
  staged: Rerun['inputs'][number] | undefined,
  { path }: RecipeInput,
  folder: string,
): Promise<Rerun['inputs'][number]> {
  const input = must(staged, 'each input is staged');
  return input.found === undefined && path !== undefined ? { ...input, found: await hashOf(join(folder, path)) } : input;
}

const given = (path: string | undefined): string[] => (path === undefined ? [] : [path]);

/** Puts an input where the command reads it, and says what was found. */
async function stage(input: RecipeInput, root: string, folder: string, scratch: string): Promise<Rerun['inputs'][number]> {
  const name = input.uri ?? input.path ?? '';
  const source = await sourceOf(input, root, scratch);
  const found = source === undefined ? undefined : await hashOf(source);
  if (source !== undefined && found !== undefined && input.path !== undefined) {
    const to = join(folder, input.path);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(source, to);
  }
  return { name, pinned: input.sha256, found };
}

const PACKAGE = /^npm:(?<name>(?:@[^/]+\/)?[^/@]+)(?:@(?<version>[^/]+)|\/(?<file>.+))$/;

/** The file of an input on this machine, downloaded if need be; undefined when there is none. */
async function sourceOf({ uri = '', path }: RecipeInput, root: string, scratch: string): Promise<string | undefined> {
  const kept = path === undefined ? undefined : join(root, path);
  if (kept !== undefined && existsSync(kept)) return kept;
  if (uri.startsWith('file:')) return join(root, uri.slice('file:'.length));
  const { name, version, file } = PACKAGE.exec(uri)?.groups ?? {};
  if (name === undefined) return undefined;
  if (file !== undefined) return join(root, 'node_modules', name, file);
  const into = await mkdtemp(join(scratch, 'package-'));
  await run('npm', ['pack', `${name}@${version}`, '--silent', '--pack-destination', into]).catch((error: unknown) => {
    throw new Failure(`${uri} could not be downloaded: ${String(error)}`);
  });
  const [tarball] = await readdir(into);
  return tarball === undefined ? undefined : join(into, tarball);
}

async function hashOf(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch {
    return undefined;
  }
  return hash.digest('hex');
}

async function metricsIn(outputs: string, { metricsFile }: BuildRecipe): Promise<unknown> {
  if (metricsFile === undefined) return undefined;
  // What the command did not write, or not as JSON, was not measured.
  const written = await jsonFile(join(outputs, metricsFile)).catch(() => undefined);
  return written?.['metrics'];
}

/** Linux gives a process a network of its own that leads nowhere, where users may make namespaces. */
const canCutNetwork = async (): Promise<boolean> =>
  run('unshare', ['--net', '--map-root-user', 'true']).then(
    () => true,
    () => false,
  );

/** The variables that a command sees: those perturbed, a home of its own, and the project's programs. */
const environmentOf = (root: string, home: string): NodeJS.ProcessEnv => ({
  ...PERTURBED,
  HOME: home,
  TMPDIR: home,
  PATH: [dirname(process.execPath), join(root, 'node_modules/.bin'), process.env['PATH'] ?? ''].join(delimiter),
  npm_config_offline: 'true',
});

function runtime(): Record<string, string> {
  return { node: process.version, platform: `${platform()} ${release()}`, arch: arch(), cpu: cpus()[0]?.model ?? 'unknown' };
}

/** The same for every run on one machine, and says nothing else about it. */
async function machineUri(): Promise<string> {
  const id = await readFile('/etc/machine-id', 'utf8').catch(() => '');
  const hash = createHash('sha256').update(JSON.stringify([hostname(), id, arch(), cpus()[0]?.model]));
  return `urn:sluice:machine:${hash.digest('hex').slice(0, 16)}`;
}

/** Runs a command of the shell with all that it starts; after its time is up, all of it is killed. */
async function execute(
  shellCommand: string,
  cwd: string,
  env: NodeJS.ProcessEnv,
  isNetworkCut: boolean,
  timeoutMs: number,
): Promise<{ readonly status: number | null; readonly log: string }> {
  const shell = ['sh', '-c', `umask ${UMASK}; ${shellCommand}`];
  const [program = 'sh', ...words] = isNetworkCut ? ['unshare', '--net', '--map-root-user', ...shell] : shell;
  const child = spawn(program, words, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let log = '';
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString('utf8')).slice(-LOG_CHARS_MAX);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const timer = setTimeout(() => {
    log += `\nstopped after ${timeoutMs / 60_000} minutes`;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, timeoutMs);
  try {
    return await new Promise((settle, fail) => {
      child.on('error', fail);
      child.on('close', (status) => settle({ status, log }));
    });
  } finally {
    clearTimeout(timer);
  }
}
