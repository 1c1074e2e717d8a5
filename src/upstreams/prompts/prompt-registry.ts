import { PROMPT_LIMITS } from '../../contract/prompts/prompt-limits.ts';
import { TENANCY_LIMITS } from '../../contract/tenancy/tenancy-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { madeBefore } from '../../contract/api/spent-key.ts';
import type { ChangedBy } from '../../contract/tenancy/write-lease.ts';
import { changeUnder } from '../../contract/tenancy/write-lease.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { KeyedRequest } from '../../kernel/sql/spent-keys.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { SqlitePromptStore } from '../store/sqlite-prompt-store.ts';
import type { PromptRecord, PromptSelector, PromptVersionRecord } from './prompt-record.ts';
import { DEFAULT_LABEL, noPrompt } from './prompt-record.ts';
import type { PromptTexts } from './prompt-template.ts';

/** A version to be made. Its texts have been checked. */
export interface NewPromptVersion extends PromptTexts {
  readonly name: string;
  readonly labels: readonly string[];
  readonly comment: string;
}

export interface MadePromptVersion {
  readonly prompt: PromptRecord;
  readonly version: PromptVersionRecord;
}

/** The prompts of one tenant: every change is one transaction. A version is never edited, and its number never used again. [U163] */
export class PromptRegistry {
  readonly #store: SqlitePromptStore;
  readonly #clock: Clock;

  constructor(storage: SqlStorage, clock: Clock) {
    this.#store = new SqlitePromptStore(storage);
    this.#clock = clock;
  }

  /** Makes the next version of a prompt, and the prompt with its first. */
  add(next: NewPromptVersion, request: KeyedRequest | null, by: ChangedBy): Outcome<MadePromptVersion> {
    return this.#change(by, () => {
      const nowMs = this.#clock.nowMs();
      const repeated = this.#repeated(request, nowMs);
      if (!repeated.ok) return repeated;
      if (repeated.value !== undefined) return ok(repeated.value);
      const { name, messages, variables, comment, labels } = next;
      const room = this.#hasRoom(name);
      if (!room.ok) return room;
      const known = this.#store.find(name);
      const before: PromptRecord =
        known === undefined || known.isDeleted
          ? { name, versionsMade: known?.versionsMade ?? 0, labels: {}, createdAtMs: nowMs, isDeleted: false }
          : known;
      const { actor } = by;
      const version: PromptVersionRecord = {
        prompt: name,
        version: before.versionsMade + 1,
        messages,
        variables,
        comment,
        actor,
        createdAtMs: nowMs,
      };
      const made = Object.fromEntries(labels.map((label) => [label, { version: version.version, atMs: nowMs, actor }]));
      const prompt = labelled({ ...before, versionsMade: version.version }, { ...before.labels, ...made });
      if (!prompt.ok) return prompt;
      this.#store.addVersion(name, version, request);
      this.#store.put(prompt.value);
      return ok({ prompt: prompt.value, version });
    });
  }

  /** Lets a label name a version. */
  label(name: string, label: string, version: number, by: ChangedBy): Outcome<PromptRecord> {
    return this.#onPrompt(name, by, (prompt) => {
      if (this.#store.version(name, version) === undefined) return noPrompt(`${name}@${version}`, 'version');
      if (prompt.labels[label]?.version === version) return ok(prompt);
      const moved = { version, atMs: this.#clock.nowMs(), actor: by.actor };
      return this.#put(labelled(prompt, { ...prompt.labels, [label]: moved }));
    });
  }

  unlabel(name: string, label: string, by: ChangedBy): Outcome<PromptRecord> {
    return this.#onPrompt(name, by, (prompt) => {
      if (!Object.hasOwn(prompt.labels, label)) return noPrompt(`${name}@${label}`, 'label');
      const { [label]: _, ...labels } = prompt.labels;
      return this.#put(ok({ ...prompt, labels }));
    });
  }

  remove(name: string, by: ChangedBy): Outcome<null> {
    return this.#onPrompt(name, by, (prompt) => {
      this.#store.removeVersions(name, this.#clock.nowMs());
      this.#store.put({ ...prompt, labels: {}, isDeleted: true });
      return ok(null);
    });
  }

  page(after: string, count: number): readonly PromptRecord[] {
    return this.#store.page(after, count);
  }

  find(name: string): PromptRecord | undefined {
    const found = this.#store.find(name);
    return found?.isDeleted === true ? undefined : found;
  }

  versions(name: string, after: number, count: number): readonly PromptVersionRecord[] {
    return this.#store.versions(name, after, count);
  }

  /** The version that a call gets. [U164] */
  select(name: string, selector: PromptSelector): PromptVersionRecord | undefined {
    const prompt = this.find(name);
    if (prompt === undefined) return undefined;
    const labelledAs = (label: string): number | undefined =>
      Object.hasOwn(prompt.labels, label) ? prompt.labels[label]?.version : undefined;
    const number =
      selector === null
        ? (labelledAs(DEFAULT_LABEL) ?? prompt.versionsMade)
        : typeof selector === 'number'
          ? selector
          : labelledAs(selector);
    return number === undefined ? undefined : this.#store.version(name, number);
  }

  /** Deletes everything and refuses later changes: the tenant is being erased (T59). */
  erase(): void {
    this.#store.eraseAndClose();
  }

  #hasRoom(name: string): Outcome<null> {
    const count = this.#store.count();
    if (this.#store.find(name) === undefined && count >= TENANCY_LIMITS.promptsMaxCount)
      return refuseBeyond({
        limit: 'promptsMaxCount',
        value: count + 1,
        what: `there are ${count} names of prompts already, deleted ones included`,
      });
    const versions = this.#store.versionCount(name);
    if (versions < TENANCY_LIMITS.promptVersionsMaxCount) return ok(null);
    const what = `${name} has ${versions} versions already`;
    return refuseBeyond({ path: 'name', limit: 'promptVersionsMaxCount', value: versions + 1, what, advice: 'go on under another name' });
  }

  #repeated(request: KeyedRequest | null, nowMs: number): Outcome<MadePromptVersion | undefined> {
    const made = madeBefore(this.#store, request, nowMs);
    if (!made.ok) return made;
    if (made.value === undefined) return ok(undefined);
    const version = made.value;
    const prompt = this.find(version.prompt);
    return prompt === undefined ? noPrompt(version.prompt) : ok({ prompt, version });
  }

  #put(prompt: Outcome<PromptRecord>): Outcome<PromptRecord> {
    if (prompt.ok) this.#store.put(prompt.value);
    return prompt;
  }

  #onPrompt<T>(name: string, by: ChangedBy, body: (prompt: PromptRecord) => Outcome<T>): Outcome<T> {
    return this.#change(by, () => {
      const prompt = this.find(name);
      return prompt === undefined ? noPrompt(name) : body(prompt);
    });
  }

  #change<T>({ lease }: ChangedBy, body: () => Outcome<T>): Outcome<T> {
    return changeUnder(lease, this.#store, this.#clock.nowMs(), body);
  }
}

function labelled(prompt: PromptRecord, labels: PromptRecord['labels']): Outcome<PromptRecord> {
  const count = Object.keys(labels).length;
  if (count <= PROMPT_LIMITS.promptLabelsMaxCount) return ok({ ...prompt, labels });
  return refuseBeyond({ path: 'labels', limit: 'promptLabelsMaxCount', value: count, what: `${prompt.name} would have ${count} labels` });
}
