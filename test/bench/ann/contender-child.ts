import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../../../src/kernel/assert.ts';
import type { Contender, Setting } from './contender.ts';
import { indexFolder } from './contender.ts';
import { CONTENDERS } from './contenders.ts';
import type { SetPlace, VectorSet } from './vector-set.ts';
import { readVectorSet } from './vector-set.ts';
import { vectorAt } from './vectors.ts';

export interface Built {
  readonly buildCpuS: number;
  readonly buildWallS: number;
  readonly bytes: number;
}

export interface SearchTask {
  readonly setting: Setting;
  readonly from: number;
  readonly count: number;
  readonly topK: number;
}

export interface SearchDone {
  /** The numbers of the vectors found, `topK` for each query; -1 where fewer were found. */
  readonly found: Int32Array;
  readonly wallMs: number;
  /** Of the whole process: more than `wallMs` if it uses several threads. */
  readonly cpuMs: number;
}

export type Request =
  | { readonly kind: 'open'; readonly name: string; readonly place: SetPlace }
  | ({ readonly kind: 'search' } & SearchTask);

/** One contender in a process of its own: if it crashes, only this process ends. */
class Child {
  readonly #contender: Contender;
  readonly #set: VectorSet;
  #setting: Setting | undefined;

  constructor(contender: Contender, set: VectorSet) {
    this.#contender = contender;
    this.#set = set;
  }

  /** Builds the index, or opens one that an earlier run built, with the cost measured then. */
  async open(): Promise<Built & { settings: Record<number, readonly Setting[]> }> {
    const folder = indexFolder(this.#set, this.#contender);
    const report = join(folder, 'built.json');
    const built = await readFile(report, 'utf8').then(
      (text) => JSON.parse(text) as Built,
      () => this.#build(folder),
    );
    await this.#contender.open(this.#set, folder);
    const settings = Object.fromEntries([1, 10, 100].map((topK) => [topK, this.#contender.settings(topK)]));
    return { ...built, settings };
  }

  async #build(folder: string): Promise<Built> {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const started = { cpu: process.cpuUsage(), ms: performance.now() };
    const bytes = await this.#contender.build(this.#set, folder);
    const { user, system } = process.cpuUsage(started.cpu);
    const built = { buildCpuS: (user + system) / 1e6, buildWallS: (performance.now() - started.ms) / 1000, bytes };
    await writeFile(join(folder, 'built.part'), JSON.stringify(built));
    await rename(join(folder, 'built.part'), join(folder, 'built.json'));
    return built;
  }

  async search({ setting, from, count, topK }: SearchTask): Promise<SearchDone> {
    const contender = this.#contender;
    if (JSON.stringify(setting) !== JSON.stringify(this.#setting)) contender.use(setting);
    this.#setting = setting;
    const answers: unknown[] = [];
    const cpu = process.cpuUsage();
    const startedMs = performance.now();
    for (let query = from; query < from + count; query += 1) {
      const answer = contender.search(vectorAt(this.#set.queries, query), topK);
      answers.push(answer instanceof Promise ? await answer : answer);
    }
    const wallMs = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(cpu);
    const found = new Int32Array(count * topK).fill(-1);
    answers.forEach((answer, query) => found.set(Array.from(contender.found(answer)).slice(0, topK), query * topK));
    return { found, wallMs, cpuMs: (user + system) / 1000 };
  }
}

let child: Child | undefined;

async function respond(request: Request): Promise<object> {
  if (request.kind === 'search') return must(child, 'a contender is opened first').search(request);
  const create = must(CONTENDERS[request.name], `${request.name} is a contender`);
  child = new Child(await create(), await readVectorSet(request.place));
  return child.open();
}

process.on('message', (request: Request) => {
  respond(request).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});

process.on('disconnect', () => process.exit());
