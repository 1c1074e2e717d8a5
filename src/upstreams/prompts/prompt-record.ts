import type { FieldPath } from '../../contract/field-path.ts';
import { refuseResource } from '../../contract/outcome.ts';
import type { PromptTexts } from './prompt-template.ts';

/** Which version a label names, since when, and by whose key. */
export interface PromptLabel {
  readonly version: number;
  readonly atMs: number;
  readonly actor: string;
}

export interface PromptRecord {
  readonly name: string;
  /** Those of prompts of the name that were deleted count: a number is used once. */
  readonly versionsMade: number;
  readonly labels: Readonly<Record<string, PromptLabel>>;
  readonly createdAtMs: number;
  /** Only the numbers of its versions are kept. */
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

/** Clients whose types say so send the number of a version as text. */
export function selectorOf(version: string | number | null | undefined): PromptSelector {
  if (version === undefined || version === null) return null;
  return typeof version === 'string' && /^[1-9]\d{0,8}$/.test(version) ? Number(version) : version;
}

/** What calls get that name neither a version nor a label. */
export const DEFAULT_LABEL = 'production';

export const noPrompt = (name: string, at: FieldPath | string = 'prompt') =>
  refuseResource('prompt_not_found', { kind: 'prompt', name }, `there is no prompt ${JSON.stringify(name)}`, at);
