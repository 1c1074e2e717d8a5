import { existsSync } from 'node:fs';
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { DebtPolicy } from '../../../../src/contract/debt/debt-policy.ts';
import { debtPolicy } from '../../../../src/contract/debt/debt-policy.ts';
import { UsageError } from '../../command/command.ts';
import { checkedBy, jsonIn } from '../../command/json-file.ts';
import { BlobReader } from './blob-reader.ts';
import { git, GitFailure, gitOutput } from './git.ts';

/** Where the policy is looked for, in this order. */
const POLICY_FILES = ['debt.json', '.github/debt.json'];

/** A git repository at one commit. Its files are those of the commit: what is not committed has no evidence. */
export interface Repository {
  /** The folder of the work tree, or of a bare repository. */
  readonly root: string;
  readonly isBare: boolean;
  readonly name: string;
  readonly commit: string;
  /** When the commit was made, in seconds. */
  readonly committedAtS: number;
  /** Its history begins somewhere in the middle. */
  readonly isShallow: boolean;
  /** It is a partial clone without the texts of earlier commits: only names tell what these changed. */
  readonly lacksTexts: boolean;
  /** Where what was found is kept. */
  readonly cache: string;
}

export async function openRepository(path: string, revision: string, cache?: string): Promise<Repository> {
  const given = resolve(path);
  if (!existsSync(given)) throw new UsageError(`${path} does not exist`);
  const asked = ['--is-bare-repository', '--is-shallow-repository', '--absolute-git-dir', '--show-cdup'];
  const described = await git(given, 'rev-parse', ...asked).catch(() => {
    throw new UsageError(`${path} is no git repository`);
  });
  const [isBare, isShallow, gitDir = given, toRoot = ''] = described.split('\n');
  const root = isBare === 'true' ? gitDir : resolve(await realpath(given), toRoot);
  const shown = await git(root, 'show', '-s', '--format=%H %ct', `${revision}^{commit}`).catch(() => {
    throw new UsageError(`${path} has no commit ${revision}; a shallow clone has only the newest: git fetch it`);
  });
  const [commit = '', committedAtS = ''] = shown.trim().split(' ');
  return {
    root,
    isBare: isBare === 'true',
    name: await nameOf(root, commit),
    commit,
    committedAtS: Number(committedAtS),
    isShallow: isShallow === 'true',
    lacksTexts: await lacksTexts(root, commit),
    cache: cache === undefined ? join(root, isBare === 'true' ? 'sluice-debt' : '.sluice/debt') : resolve(cache),
  };
}

/** `host/path` of a URL, or of `user@host:path`, without the user and a password; no match: a folder of this machine. */
const REMOTE = /^(?!file:)(?:[a-z+]+:\/\/(?:[^/]*@)?(?<host>[^/:]+)(?::\d+)?\/|(?:[^/]*@)?(?<scpHost>[^/:]+):\/?)(?<path>.+)$/;

function nameOfOrigin(url: string): string {
  const origin = url
    .trim()
    .replace(/\/+$/, '')
    .replace(/\.git$/, '');
  const { host, scpHost, path } = REMOTE.exec(origin)?.groups ?? {};
  return path === undefined ? basename(origin) : `${host ?? scpHost ?? ''}/${path}`;
}

/** Whether it is a partial clone (`--filter=blob:none`) that git cannot compare earlier commits in: nothing is fetched. */
async function lacksTexts(root: string, commit: string): Promise<boolean> {
  const promised = ['config', '--get-regexp', String.raw`^(remote\..*\.(promisor|partialclonefilter)|extensions\.partialclone)$`];
  const isPartial = await git(root, ...promised).then(
    (found) => found !== '',
    () => false,
  );
  return isPartial && !(await canCompare(root, commit));
}

/** A partial clone may have fetched all of it since. */
async function canCompare(root: string, commit: string): Promise<boolean> {
  try {
    for await (const _ of gitOutput(root, ['log', '--no-merges', '--numstat', '--no-textconv', '--no-ext-diff', '--format=', commit]));
    return true;
  } catch (error) {
    if (error instanceof GitFailure) return false;
    throw error;
  }
}

/** As its origin calls it, or its package, or its folder. [D29] */
async function nameOf(root: string, commit: string): Promise<string> {
  const origin = await git(root, 'config', '--get', 'remote.origin.url').catch(() => '');
  const [text = '{}'] = await committedTexts({ root, commit }, ['package.json']);
  const named = /"name"\s*:\s*"([^"]+)"/.exec(text)?.[1] ?? '';
  return nameOfOrigin(origin) || basename(named || root).replace(/\.git$/, '');
}

/** The folder for what is kept, which git ignores. */
export async function prepareCache({ cache }: Repository): Promise<void> {
  await mkdir(cache, { recursive: true });
  const ignore = join(cache, '.gitignore');
  if (!existsSync(ignore)) await writeFile(ignore, '*\n');
}

/** Files of the commit by their paths, read by one process; undefined where there is none. */
async function committedTexts({ root, commit }: Pick<Repository, 'root' | 'commit'>, paths: readonly string[]) {
  const reader = new BlobReader(root);
  try {
    const texts: (string | undefined)[] = [];
    for (const path of paths) texts.push((await reader.read(`${commit}:${path}`))?.toString('utf8'));
    return texts;
  } finally {
    reader.close();
  }
}

/** The policy of the commit, or of a file that is named. */
export async function policyOf(repository: Repository, file?: string): Promise<DebtPolicy> {
  const [name, text] = file === undefined ? await committedPolicy(repository) : [file, await readFile(file, 'utf8')];
  return checkedBy(debtPolicy, jsonIn(text, name), name);
}

async function committedPolicy(repository: Repository): Promise<readonly [name: string, text: string]> {
  const texts = await committedTexts(repository, POLICY_FILES);
  const at = texts.findIndex((text) => text !== undefined);
  return [POLICY_FILES[at] ?? 'the default policy', texts[at] ?? '{}'];
}
