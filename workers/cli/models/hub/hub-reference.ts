import { UsageError } from '../../command/command.ts';

/** A model of a hub, at a branch, a tag or a commit. */
export interface HubReference {
  /** `ORG/NAME`, or `NAME` alone for the hub's oldest models. */
  readonly repository: string;
  readonly revision: string;
}

const FORM = /^hf:((?:[\w-][\w.-]{0,95}\/)?[\w-][\w.-]{0,95})(?:@([\w-][\w./-]{0,249}))?$/;

export const isHubReference = (text: string): boolean => text.startsWith('hf:');

/** Reads `hf:ORG/NAME[@REVISION]`. */
export function readHubReference(text: string): HubReference {
  const [, repository, revision = 'main'] = FORM.exec(text) ?? [];
  if (repository === undefined || `${repository}/${revision}`.includes('..'))
    throw new UsageError(`${text} is no model of a hub: hf:ORG/NAME or hf:ORG/NAME@REVISION`);
  return { repository, revision };
}

/** What names it in messages and as the parent of a version. */
export const shownReference = (repository: string, revision: string): string => `hf:${repository}@${revision}`;
