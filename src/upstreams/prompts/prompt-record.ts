import type { FieldPath } from '../../contract/api/field-path.ts';
import { refuseResource } from '../../contract/api/outcome.ts';
import type { PromptTexts } from './prompt-template.ts';

/** Which version a label names, since when, and by whose key. */
export interface PromptLabel {
  readonly version: number;
  readonly atMs: number;
  readonly actor: string;
}

export interface PromptRecord {
  readonly name: string;
  /** Includes versions of deleted prompts of the name, so that a number is used once. */
  readonly versionsMade: number;
  readonly labels: Readonly<Record<string, PromptLabel>>;
  readonly createdAtMs: number;
  /** A deleted prompt keeps this record, for the numbers of its versions. */
  readonly isDeleted: boolean;
}

export interface PromptVersionRecord extends PromptTexts {
  readonly prompt: string;
  readonly version: number;
  readonly comment: string;
  readonly actor: string;
  readonly createdAtMs: number;
}

/** The number of a version or a label; null: the version labelled `production`, else the newest. */
export type PromptSelector = number | string | null;

/** Some clients type the version as text and send its number so. */
export function selectorOf(version: string | number | null | undefined): PromptSelector {
  if (version === undefined || version === null) return null;
  return typeof version === 'string' && /^[1-9]\d{0,8}$/.test(version) ? Number(version) : version;
}

/** The label that a call without version and label gets. */
export const DEFAULT_LABEL = 'production';

export const noPrompt = (name: string, at: FieldPath | string = 'prompt') =>
  refuseResource('prompt_not_found', { kind: 'prompt', name }, `there is no prompt ${JSON.stringify(name)}`, at);
